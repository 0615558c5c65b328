#include "bench/ssp_bench.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "bench/rivals/literal_ssp_planner.h"
#include "selmcast/base/rng.h"
#include "selmcast/plan/ssp_paper_planner.h"

namespace selmcast::rivals {
namespace {

using plan::MulticastKind;
using plan::SspProblem;

constexpr std::uint32_t kMaxAge = 4;

WorkerIndex index(std::size_t i) { return WorkerIndex(static_cast<std::uint32_t>(i)); }

void add_multicast(SspProblem& problem, std::size_t sender, const SspBenchCase& bench_case, Rng& rng) {
  const std::size_t n = bench_case.workers;
  const Bytes volume = problem.base.workers[sender].volume;
  const auto draw = [&] {
    return Bytes(1 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(volume.count()))));
  };
  plan::RunningMulticast multicast{
      index(sender), rng.below(2) == 0 ? Duration() : Duration::seconds(rng.uniform(0, 2)), {}, {}};
  std::vector<std::size_t> others(n);
  std::iota(others.begin(), others.end(), std::size_t{0});
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(sender));
  rng.shuffle(std::span(others));
  const std::size_t delivered = n / 20;
  const std::size_t receivers =
      std::min(bench_case.receivers / 2 + rng.below(bench_case.receivers + 1), n - 1 - delivered);
  const Bytes common = draw();
  for (std::size_t k = 0; k < delivered + receivers; ++k) {
    if (k < delivered) {
      multicast.delivered.push_back(index(others[k]));
    } else {
      multicast.receivers.push_back(
          {index(others[k]), bench_case.multicast == MulticastKind::network ? common : draw()});
    }
  }
  problem.active.push_back(std::move(multicast));
}

// Ages of all pairs of G; the oldest are required where they are still candidates.
void add_ages(SspProblem& problem, WorkerIndex sender, std::span<const WorkerIndex> candidates, Rng& rng) {
  for (const WorkerIndex receiver : candidates) {
    const auto age = static_cast<std::uint32_t>(rng.below(kMaxAge + 1));
    if (age > 0) problem.base.ages.push_back({{sender, receiver}, age});
    // Few reach max_age: most are met before.
    if (age == kMaxAge && rng.below(5) == 0) problem.base.required.push_back({sender, receiver});
  }
}

template <class Run>
Duration median_time(int repeats, Run run) {
  std::vector<double> seconds;
  for (int k = 0; k < repeats; ++k) {
    const auto started = std::chrono::steady_clock::now();
    run();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
  std::ranges::sort(seconds);
  return Duration::seconds(seconds[seconds.size() / 2]);
}

}  // namespace

std::vector<SspBenchCase> ssp_bench_cases(bool quick) {
  std::vector<SspBenchCase> cases = {
      {"simulator, network", MulticastKind::network, 50, 20, 20, 0.75},
      {"simulator, unicast", MulticastKind::unicast, 50, 20, 20, 0.75},
  };
  if (quick) return cases;
  cases.push_back({"large, network", MulticastKind::network, 1000, 300, 400, 0.75});
  cases.push_back({"large, unicast", MulticastKind::unicast, 1000, 300, 400, 0.75});
  cases.push_back({"large, unicast, little kept", MulticastKind::unicast, 1000, 300, 400, 0.1});
  return cases;
}

SspProblem ssp_bench_problem(const SspBenchCase& bench_case, std::uint64_t seed) {
  Rng rng(seed);
  SspProblem problem;
  problem.base.multicast = bench_case.multicast;
  problem.keep_fraction = bench_case.keep_fraction;
  for (std::size_t i = 0; i < bench_case.workers; ++i) {
    const auto rate = [&] { return Rate::bits_per_second(1e9 * rng.uniform(0.75, 1.25)); };
    const Rate uplink = rate();
    problem.base.workers.push_back({"w" + std::to_string(i), uplink, rate(),
                                    static_cast<int>(3 * bench_case.workers / 10), Bytes(200'000'000)});
  }
  for (std::size_t i = 0; i < bench_case.running; ++i) add_multicast(problem, i, bench_case, rng);
  problem.ready = index(bench_case.workers - 1);
  for (const plan::RunningMulticast& multicast : problem.active) {
    std::vector<WorkerIndex> candidates;
    for (const plan::RunningReceiver& running : multicast.receivers) candidates.push_back(running.receiver);
    add_ages(problem, multicast.sender, candidates, rng);
  }
  std::vector<WorkerIndex> others;
  for (std::size_t j = 0; j + 1 < bench_case.workers; ++j) others.push_back(index(j));
  add_ages(problem, problem.ready, others, rng);
  return problem;
}

SspBenchResult run_ssp_bench(const SspBenchCase& bench_case, int repeats) {
  const SspProblem problem = ssp_bench_problem(bench_case, 1);
  const plan::SspTaskTable table(problem);
  const plan::SspTasks tasks = table.tasks();
  SspBenchResult result{bench_case, tasks.candidate_count(), {}, {}, false};
  plan::SspPaperPlanner planner;
  result.fast = median_time(repeats, [&] { planner.plan(tasks); });
  std::vector<LiteralSspPlanner> literal(static_cast<std::size_t>(repeats), LiteralSspPlanner(problem));
  std::size_t next = 0;
  result.literal = median_time(repeats, [&] { literal[next++].run(); });
  result.plans_agree = table.to_plan(planner.plan(tasks)) == literal[0].selection();
  return result;
}

}  // namespace selmcast::rivals
