// The planners of SSP problems by name, beside planner.h. A planner is a pure function: the same problem and seed
// give the same plan. All of them answer an infeasible problem with the certificate of ssp_feasibility.h.
//
// `random` and `broadcast`: ssp_baselines.h. `paper`: ssp_paper_planner.h.
#pragma once

#include <span>
#include <string_view>

#include "selmcast/base/rng.h"
#include "selmcast/plan/ssp_plan.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::plan {

// Requires validate(problem) to have passed. `rng` is drawn from by random planners only.
using SspPlanFunction = SspOutcome (*)(const SspProblem& problem, Rng& rng);

struct SspPlanner {
  std::string_view name;
  SspPlanFunction plan;
};

// All but `auto`, the best first: that is what `auto` stands for.
std::span<const SspPlanner> ssp_planners();
// nullptr if there is none of that name. Of `auto`: the best one.
const SspPlanner* find_ssp_planner(std::string_view name);

}  // namespace selmcast::plan
