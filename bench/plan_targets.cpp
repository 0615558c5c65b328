#include "bench/plan_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace selmcast::bench {
namespace {

constexpr double kFasterThanDinic = 10;
constexpr double kFasterThanCbc = 1000;
constexpr double kMostGrowth = 5;
constexpr double kGibibyte = 1024.0 * 1024 * 1024;
constexpr double kMostMemory = 2 * kGibibyte;
// CBC's tolerances; the others are exact.
constexpr double kSameTime = 1e-6;

struct Measured {
  double value = 0;
  PlanInstance at;
};

Verdict verdict(std::string target, const std::optional<Measured>& worst, std::string_view format, bool met) {
  if (!worst) return {std::move(target), "not measured", std::nullopt};
  std::string text = fmt::format(fmt::runtime(format), worst->value);
  return {std::move(target), fmt::format("{} ({})", text, describe(worst->at)), met};
}

Verdict at_least(std::string target, const std::optional<Measured>& least, double wanted) {
  return verdict(std::move(target), least, "{:.3g}x", least && least->value >= wanted);
}

// How many times as fast as `rival` exact is, where that is least. Of an unfinished rival only a lower limit is
// known; `finished_only` leaves such instances out.
template <class Accept>
std::optional<Measured> least_speedup(const PlanBench& bench, std::string_view rival, Accept accept) {
  std::optional<Measured> least;
  for (const PlanTiming& timing : bench.timings) {
    if (timing.planner != rival || !accept(timing)) continue;
    const PlanTiming* exact = find_timing(bench, "exact", timing.instance);
    if (exact == nullptr) continue;
    const double speedup = timing.median / exact->median;
    if (!least || speedup < least->value) least = {speedup, timing.instance};
  }
  return least;
}

std::optional<Measured> least_speedup_at(const PlanBench& bench, std::string_view rival,
                                         std::size_t workers) {
  return least_speedup(bench, rival,
                       [&](const PlanTiming& timing) { return timing.instance.workers == workers; });
}

// How far CBC gets is only known when it had its sizes and its time: not in a quick run.
Verdict against_cbc(const PlanBench& bench) {
  std::size_t largest = 0;
  for (const PlanTiming& timing : bench.timings) {
    if (timing.planner == "cbc" && timing.finished) largest = std::max(largest, timing.instance.workers);
  }
  const auto least = least_speedup(bench, "cbc", [&](const PlanTiming& timing) {
    return !bench.quick && timing.finished && timing.instance.workers == largest;
  });
  return at_least(
      fmt::format("exact at least {}x faster than cbc at the largest n that it finishes", kFasterThanCbc),
      least, kFasterThanCbc);
}

Verdict growth(const PlanBench& bench) {
  std::optional<Measured> most;
  for (const PlanTiming& large : bench.timings) {
    if (large.planner != "exact" || large.instance.workers != 2000) continue;
    PlanInstance half = large.instance;
    half.workers = 1000;
    const PlanTiming* small = find_timing(bench, "exact", half);
    if (small == nullptr) continue;
    const double factor = large.median / small->median;
    if (!most || factor > most->value) most = {factor, large.instance};
  }
  return verdict(fmt::format("exact takes at most {}x as long at n=2000 as at n=1000", kMostGrowth), most,
                 "{:.3g}x", most && most->value <= kMostGrowth);
}

Verdict memory(const PlanBench& bench) {
  std::optional<Measured> most;
  for (const PeakMemory& peak : bench.memory) {
    if (peak.planner != "exact" || peak.instance.workers != kMemoryWorkers) continue;
    const auto bytes = static_cast<double>(peak.bytes);
    if (!most || bytes > most->value) most = {bytes, peak.instance};
  }
  const bool met = most && most->value < kMostMemory;
  if (most) most->value /= kGibibyte;
  return verdict(fmt::format("exact at n={} in less than 2 GiB", kMemoryWorkers), most, "{:.3g} GiB", met);
}

// Speed is worth nothing without this: everyone who claims an optimum found the same one.
Verdict agreement(const PlanBench& bench) {
  Verdict result{"exact, dinic and cbc (where it finishes) agree on time and receivers", "not measured",
                 std::nullopt};
  std::size_t compared = 0;
  for (const PlanTiming& timing : bench.timings) {
    if ((timing.planner != "dinic" && timing.planner != "cbc") || !timing.finished) continue;
    const PlanTiming* exact = find_timing(bench, "exact", timing.instance);
    if (exact == nullptr) continue;
    ++compared;
    const Duration difference = timing.completion - exact->completion;
    const bool same_time = std::fabs(difference.in_seconds()) <= kSameTime * exact->completion.in_seconds();
    if (same_time && timing.receiver_count == exact->receiver_count) continue;
    return {result.target, fmt::format("{} differs at {}", timing.planner, describe(timing.instance)), false};
  }
  if (compared > 0) result = {result.target, fmt::format("all {} comparisons", compared), true};
  return result;
}

}  // namespace

const PlanTiming* find_timing(const PlanBench& bench, std::string_view planner,
                              const PlanInstance& instance) {
  const auto found = std::ranges::find_if(bench.timings, [&](const PlanTiming& timing) {
    return timing.planner == planner && timing.instance == instance;
  });
  return found == bench.timings.end() ? nullptr : &*found;
}

std::vector<Verdict> judge(const PlanBench& bench) {
  return {
      agreement(bench),
      at_least(fmt::format("exact at n=200 at least {}x faster than dinic", kFasterThanDinic),
               least_speedup_at(bench, "dinic", 200), kFasterThanDinic),
      against_cbc(bench),
      at_least("exact faster than the literal Algorithm 1 at n=200", least_speedup_at(bench, "literal", 200),
               1),
      at_least("exact faster than the literal Algorithm 1 at n=1000",
               least_speedup_at(bench, "literal", 1000), 1),
      growth(bench),
      memory(bench),
  };
}

}  // namespace selmcast::bench
