// `selmcast plan --planner exact` when volumes differ: CBC (mip/cbc_model.h) improves the plan of `search`, as far as
// the time given goes. Not a planner of plan/planner.h, because it looks at a clock: a plan cut off by it may differ
// from machine to machine, a proven one has the same time and count everywhere.
#pragma once

#include <optional>

#include "selmcast/plan/plan.h"

namespace selmcast::cli {

// Beyond this CBC proves little in seconds (docs/planning.md): the plan of `search` stays as it is.
inline constexpr std::size_t kMostWorkersForSolver = 50;

struct UnequalRun {
  plan::Plan plan;
  plan::Status status = plan::Status::feasible;  // optimal: both time and count are proven
  Duration time_bound;                           // no plan is faster
  std::optional<std::size_t> count_bound;        // no plan that fast has more receivers
};

// Requires a valid problem and a plan of it that passes check_plan(); `limit` is for both stages together.
UnequalRun improve_unequal(const plan::Problem& problem, plan::Plan found, Duration limit);

}  // namespace selmcast::cli
