// The fixed problems of `selmcast bench plan`, and how far each planner is asked to go: everything that decides
// what is measured stands here.
//
// Every instance: equal volumes of 200 MB; uplinks and downlinks 10 Gbit/s (1 + 0.25 x), x uniform in [-1, 1];
// min_receivers = max(1, floor(0.3 n)); drawn from a seed made of n alone, so `network` and `unicast` have the
// same links. `aged`: every pair is required with probability 3 / n, and half the pairs have an age, 0 to 7.
// `plain`: neither.
#pragma once

#include <string>
#include <vector>

#include "selmcast/plan/problem.h"

namespace selmcast::bench {

enum class Variant { aged, plain };
std::string_view to_string(Variant variant);

struct PlanInstance {
  std::size_t workers = 0;
  plan::MulticastKind multicast = plan::MulticastKind::unicast;
  Variant variant = Variant::aged;
  bool operator==(const PlanInstance&) const = default;
};

// "n=200 unicast aged".
std::string describe(const PlanInstance& instance);
plan::Problem make_problem(const PlanInstance& instance);

// In the order in which they are measured. `quick`: a few small ones, for tests.
std::vector<PlanInstance> plan_instances(bool quick);

// The largest n that each planner is measured at. What is fast goes all the way.
inline constexpr std::size_t kMostWorkersForExact = 10'000;
inline constexpr std::size_t kMostWorkersForKept = 2'000;
inline constexpr std::size_t kMostWorkersForPaper = 10'000;
inline constexpr std::size_t kMostWorkersForLiteral = 1'000;  // about a second there
inline constexpr std::size_t kMostWorkersForDinic = 1'000;    // about a second there
inline constexpr std::size_t kMostWorkersForCbc = 50;
inline constexpr Duration kCbcStageLimit = Duration::seconds(60);
inline constexpr Duration kCbcStageLimitQuick = Duration::seconds(1);
// Where peak memory is measured.
inline constexpr std::size_t kMemoryWorkers = 10'000;
inline constexpr std::size_t kMemoryWorkersQuick = 100;

}  // namespace selmcast::bench
