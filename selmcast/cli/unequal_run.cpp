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
  const bool proven =
      solved.time_status == mip::StageStatus::optimal && solved.count_status == mip::StageStatus::optimal;
  run.plan = *std::move(solved.plan);
  run.status = proven ? plan::Status::optimal : plan::Status::feasible;
  run.time_bound = solved.time_bound;
  run.count_bound = solved.count_bound;
  return run;
}

}  // namespace selmcast::cli
