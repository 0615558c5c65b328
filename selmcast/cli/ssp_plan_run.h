// Runs one planner on one SSP problem and checks what it returns, beside plan_run.h.
#pragma once

#include <string>
#include <variant>

#include "selmcast/base/error.h"
#include "selmcast/cli/plan_run.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/ssp_planner.h"

namespace selmcast::cli {

// A plan that has passed the checker.
struct CheckedSspPlan {
  plan::SspPlan plan;
  plan::Status status = plan::Status::feasible;
  Duration completion;
  plan::LowerBound bound;
};

struct SspPlanReport {
  std::string planner;
  std::variant<CheckedSspPlan, plan::Infeasible> outcome;
  Duration plan_time;  // spent in the planner alone
  bool explain = false;
};

// Requires a valid problem. Error (rejected): the planner broke a constraint or its own claim; that is our bug, and no
// such plan goes out.
Result<SspPlanReport> run_ssp_planner(const plan::SspProblem& problem, const plan::SspPlanner& planner,
                                      const PlanRequest& request);

}  // namespace selmcast::cli
