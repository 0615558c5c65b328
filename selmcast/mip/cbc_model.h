// The paper's model as a mixed-integer program, solved by CBC (COIN-OR branch and cut): for any volumes.
//
// Model (S. Luo et al., IEEE Trans. Services Computing 18(1), 2025, section III-A; problem.h's notation), in
// two stages, x_ij binary, x_ij = 1 on required pairs:
//
//   1. least time     minimise t subject to
//                       sum_j x_ij >= min_receivers_i,
//                       sum_i volume_i x_ij <= t downlink_j,
//                       unicast: volume_i sum_j x_ij <= t uplink_i,
//                       network: volume_i <= t uplink_i for every i that needs a receiver.
//   2. most receivers maximise sum x_ij subject to the same with t fixed to the time of the best plan of
//     stage 1.
//
// In stage 1 whoever needs no receiver sends to nobody (leaving him out never costs time), so s_i of a
// network multicast is known beforehand and the paper's n (n - 1) rows t >= v_i x_ij / uplink_i shrink to
// bounds.
//
// Numbers: time is counted in units of mean volume / mean rate, so that t is about the number of receivers;
// in stage 2 each link's limit is its exact capacity in whole bytes (link_time.h), counted in deliveries
// where volumes have a common measure. CBC works with tolerances of 1e-9: "optimal" means up to about that.
// Every plan returned has passed plan_checker.h and completes by exact arithmetic when it is said to.
//
// NP-hard for unequal volumes, so every stage has a limit of time. A plan that was cut off by it may differ
// from machine to machine; a proven one does not. CBC prints nothing: the process's standard output goes
// nowhere while it works, so other threads must not write to it then. Thread rule: any thread, one at a time;
// one core.
#pragma once

#include <cstdint>
#include <optional>

#include "selmcast/plan/plan.h"

namespace selmcast::mip {

struct CbcOptions {
  Duration stage_limit = Duration::seconds(60);  // each stage; CBC looks at it now and then and may overrun
  double relative_gap = 0;                       // good enough: this near to the bound
  const plan::Plan* incumbent = nullptr;         // a plan of the problem to start from
  Duration known_bound = Duration();  // no plan is faster, as the caller knows (plan/lower_bound.h)
};

enum class StageStatus {
  optimal,     // proven
  limit,       // time was over, or the gap was good enough
  infeasible,  // proven: no plan exists (only of stage 1)
  not_run,     // stage 2 without a plan of stage 1
};

struct CbcResult {
  std::optional<plan::Plan> plan;  // the best one known; at least as good as the incumbent
  StageStatus time_status = StageStatus::not_run;
  StageStatus count_status = StageStatus::not_run;
  Duration time_bound;          // no plan completes sooner
  std::size_t count_bound = 0;  // no plan that completes as soon as `plan` has more receivers
};

// Requires a valid problem, and an incumbent that passes check_plan().
CbcResult solve_with_cbc(const plan::Problem& problem, const CbcOptions& options);

}  // namespace selmcast::mip
