#include "bench/plan_instances.h"

#include <algorithm>

#include "selmcast/base/rng.h"

namespace selmcast::bench {
namespace {

constexpr std::uint64_t kSeed = 20'250'101;
constexpr Rate kMeanRate = Rate::bits_per_second(1e10);
constexpr double kSpread = 0.25;
constexpr Bytes kVolume = Bytes(200'000'000);
constexpr double kRequiredPerWorker = 3;
constexpr std::uint64_t kAges = 8;

Rate draw_rate(Rng& rng) { return kMeanRate * rng.uniform(1 - kSpread, 1 + kSpread); }

void draw_pairs(plan::Problem& problem, Rng& rng) {
  const auto n = static_cast<std::uint32_t>(problem.size());
  problem.ages.reserve(problem.size() * problem.size() / 2);
  for (std::uint32_t i = 0; i < n; ++i) {
    for (std::uint32_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const plan::Pair pair{WorkerIndex(i), WorkerIndex(j)};
      if (rng.uniform() * n < kRequiredPerWorker) problem.required.push_back(pair);
      if (rng.below(2) == 0) problem.ages.push_back({pair, static_cast<std::uint32_t>(rng.below(kAges))});
    }
  }
}

}  // namespace

std::string_view to_string(Variant variant) {
  switch (variant) {
    case Variant::aged: return "aged";
    case Variant::plain: return "plain";
  }
  return "?";
}

std::string describe(const PlanInstance& instance) {
  return "n=" + std::to_string(instance.workers) + " " + std::string(to_string(instance.multicast)) + " " +
         std::string(to_string(instance.variant));
}

plan::Problem make_problem(const PlanInstance& instance) {
  Rng rng = Rng(kSeed).fork(instance.workers);
  const int min_receivers = std::max(1, static_cast<int>(3 * instance.workers / 10));
  plan::Problem problem{.multicast = instance.multicast, .workers = {}, .required = {}, .ages = {}};
  for (std::size_t i = 0; i < instance.workers; ++i) {
    const Rate uplink = draw_rate(rng), downlink = draw_rate(rng);
    problem.workers.push_back({"w" + std::to_string(i), uplink, downlink, min_receivers, kVolume});
  }
  if (instance.variant == Variant::aged) draw_pairs(problem, rng);
  return problem;
}

std::vector<PlanInstance> plan_instances(bool quick) {
  std::vector<PlanInstance> instances;
  const auto add = [&](Variant variant, std::initializer_list<std::size_t> sizes) {
    for (const std::size_t n : sizes) {
      instances.push_back({n, plan::MulticastKind::network, variant});
      instances.push_back({n, plan::MulticastKind::unicast, variant});
    }
  };
  if (quick) {
    add(Variant::aged, {10, 30});
    add(Variant::plain, {20});
    return instances;
  }
  add(Variant::aged, {10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10'000});
  add(Variant::plain, {50, 200, 1000, 2000, 10'000});
  return instances;
}

}  // namespace selmcast::bench
