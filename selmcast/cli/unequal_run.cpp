#include "selmcast/cli/unequal_run.h"

#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/mip/cbc_model.h"
#include "selmcast/plan/lower_bound.h"

namespace selmcast::cli {

UnequalRun improve_unequal(const plan::Problem& problem, plan::Plan found, Duration limit) {
  UnequalRun run{.plan = std::move(found),
                 .status = plan::Status::feasible,
                 .time_bound = plan::lower_bound(problem).time,
                 .count_bound = std::nullopt};
  if (problem.size() > kMostWorkersForSolver) return run;
  mip::CbcResult solved = mip::solve_with_cbc(
      problem, {.stage_limit = limit * 0.5, .incumbent = &run.plan, .known_bound = run.time_bound});
  SELMCAST_CHECK(solved.plan.has_value(), "CBC keeps its incumbent");
  run.plan = *std::move(solved.plan);
  // Proven by CBC, or cut off by a limit after the bounds had been reached.
  const bool least_time = solved.time_status == mip::StageStatus::optimal ||
                          plan::completion_time(problem, run.plan) <= solved.time_bound;
  const bool most_receivers =
      solved.count_status == mip::StageStatus::optimal ||
      (solved.count_status == mip::StageStatus::limit && run.plan.receiver_count() >= solved.count_bound);
  const bool proven = least_time && most_receivers;
  run.status = proven ? plan::Status::optimal : plan::Status::feasible;
  run.time_bound = solved.time_bound;
  run.count_bound = solved.count_bound;
  return run;
}

}  // namespace selmcast::cli
