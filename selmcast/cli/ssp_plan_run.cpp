#include "selmcast/cli/ssp_plan_run.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/ssp_checker.h"
#include "selmcast/plan/ssp_feasibility.h"
#include "selmcast/plan/ssp_lower_bound.h"

namespace selmcast::cli {

Result<SspPlanReport> run_ssp_planner(const plan::SspProblem& problem, const plan::SspPlanner& planner,
                                      const PlanRequest& request) {
  Rng rng(request.seed);
  const auto started = std::chrono::steady_clock::now();
  plan::SspOutcome outcome = planner.plan(problem, rng);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;

  SspPlanReport report{std::string(planner.name), plan::Infeasible{}, Duration::seconds(took.count()),
                       request.explain};
  if (auto* infeasible = std::get_if<plan::Infeasible>(&outcome)) {
    const auto faults = plan::check_infeasible(plan::what_must_be_sent(problem), *infeasible);
    if (!faults.empty()) return failed_checker(planner.name, faults);
    report.outcome = std::move(*infeasible);
    return report;
  }
  auto& planned = std::get<plan::SspPlanned>(outcome);
  CheckedSspPlan checked{std::move(planned.plan), planned.status, {}, {}};
  // First alone: nothing may be computed from a plan that names workers who are not there.
  std::vector<std::string> violations = plan::check_plan(problem, checked.plan);
  if (violations.empty()) {
    checked.completion = plan::completion_time(problem, checked.plan);
    checked.bound = plan::lower_bound(problem);
    violations = plan::check_plan(problem, checked.plan, checked.completion);
    if (checked.bound.time > checked.completion) {
      violations.push_back(fmt::format("the completion time {} s is below the lower bound {} s",
                                       checked.completion.in_seconds(), checked.bound.time.in_seconds()));
    }
  }
  if (!violations.empty()) {
    return failed_checker(planner.name, violations);
  }
  report.outcome = std::move(checked);
  return report;
}

}  // namespace selmcast::cli
