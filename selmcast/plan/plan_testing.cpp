#include "selmcast/plan/plan_testing.h"

#include <algorithm>
#include <functional>
#include <map>

#include "selmcast/base/check.h"

namespace selmcast::plan::testing {

WorkerIndex worker(std::size_t index) { return WorkerIndex(static_cast<std::uint32_t>(index)); }
Pair pair(std::size_t sender, std::size_t receiver) { return {worker(sender), worker(receiver)}; }

Problem make_problem(MulticastKind kind, const std::vector<TestWorker>& workers) {
  Problem problem{.multicast = kind, .workers = {}, .required = {}, .ages = {}};
  for (const TestWorker& spec : workers) {
    problem.workers.push_back({"w" + std::to_string(problem.size()), Rate::bits_per_second(8 * spec.uplink),
                               Rate::bits_per_second(8 * spec.downlink), spec.min_receivers,
                               Bytes(spec.volume)});
  }
  return problem;
}

std::vector<std::size_t> receivers(const Plan& plan, std::size_t sender) {
  std::vector<std::size_t> result;
  for (const Selection& selection : plan.selections[sender]) result.push_back(position(selection.receiver));
  return result;
}

std::optional<Reason> reason(const Plan& plan, std::size_t sender, std::size_t receiver) {
  for (const Selection& selection : plan.selections[sender]) {
    if (selection.receiver == worker(receiver)) return selection.reason;
  }
  return std::nullopt;
}

Problem random_problem(const RandomProblem& options, Rng& rng) {
  const std::size_t n = 1 + rng.below(options.most_workers);
  const auto rate = [&] {
    return options.small_whole_rates ? static_cast<double>(1 + rng.below(6)) : rng.uniform(0.5, 1.5) * 1e6;
  };
  const auto common_volume = static_cast<std::int64_t>(1 + rng.below(1'000'000));
  std::vector<TestWorker> workers;
  for (std::size_t i = 0; i < n; ++i) {
    const auto volume =
        options.equal_volumes ? common_volume : static_cast<std::int64_t>(1 + rng.below(1'000'000));
    workers.push_back({rate(), rate(), static_cast<int>(rng.below(n)), volume});
  }
  Problem problem =
      make_problem(rng.below(2) == 0 ? MulticastKind::network : MulticastKind::unicast, workers);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      if (rng.below(6) == 0) problem.required.push_back(pair(i, j));
      if (rng.below(3) == 0) problem.ages.push_back({pair(i, j), static_cast<std::uint32_t>(rng.below(4))});
      if (options.unreached_of > 0 && rng.below(options.unreached_of) == 0)
        problem.unreached.push_back(pair(i, j));
    }
  }
  if (options.unreached_of > 0) problem.multicast = MulticastKind::network;
  return problem;
}

Plan plan_of_bits(std::size_t n, std::uint32_t bits) {
  Plan plan{std::vector<std::vector<Selection>>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      if ((bits & 1U) != 0) plan.selections[i].push_back({worker(j), Reason::basic});
      bits >>= 1U;
    }
  }
  return plan;
}

bool meets_constraints(const Problem& problem, const Plan& plan) {
  for (std::size_t i = 0; i < problem.size(); ++i) {
    if (plan.selections[i].size() < static_cast<std::size_t>(problem.workers[i].min_receivers)) return false;
  }
  return std::ranges::all_of(problem.required, [&](const Pair& required) { return plan.has(required); });
}

std::vector<std::size_t> pairs_by_age(const Problem& problem, const Plan& plan) {
  std::map<std::uint32_t, std::size_t, std::greater<>> counts{{0, 0}};
  for (const PairAge& aged : problem.ages) counts.try_emplace(aged.age, 0);
  counts[0] = plan.receiver_count();
  for (const PairAge& aged : problem.ages) {
    if (aged.age == 0 || !plan.has(aged.pair)) continue;
    ++counts[aged.age];
    --counts[0];
  }
  std::vector<std::size_t> result;
  for (const auto& [age, count] : counts) result.push_back(count);
  return result;
}

Optimum brute_force(const Problem& problem) {
  const std::size_t n = problem.size();
  SELMCAST_CHECK(n <= 4, "2^(n(n-1)) plans are too many");
  std::optional<Optimum> best;
  for (std::uint32_t bits = 0; bits < (1U << (n * (n - 1))); ++bits) {
    const Plan plan = plan_of_bits(n, bits);
    if (!meets_constraints(problem, plan)) continue;
    Optimum found{completion_time(problem, plan), plan.receiver_count(), {}};
    if (best && (found.time > best->time ||
                 (found.time == best->time && found.receiver_count < best->receiver_count))) {
      continue;
    }
    found.by_age = pairs_by_age(problem, plan);
    const bool better = !best || found.time < best->time || found.receiver_count > best->receiver_count ||
                        found.by_age > best->by_age;
    if (better) best = std::move(found);
  }
  SELMCAST_CHECK(best.has_value(), "broadcast meets all constraints");
  return *best;
}

}  // namespace selmcast::plan::testing
