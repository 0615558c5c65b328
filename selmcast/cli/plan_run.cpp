#include "selmcast/cli/plan_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <utility>

#include "selmcast/cli/unequal_run.h"
#include "selmcast/plan/certificate_checker.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/reach.h"
#include "selmcast/plan/relay_planner.h"

namespace selmcast::cli {

std::unexpected<Error> failed_checker(std::string_view planner, const std::vector<std::string>& violations) {
  return failure(ErrorCode::rejected,
                 fmt::format("the plan of planner {} failed the checker, please report it: {}", planner,
                             fmt::join(violations, "; ")));
}

namespace {

// `exact` is only a fast guess when volumes differ: gives the solver its time.
std::optional<SolverBounds> solve_if_unequal(const plan::Problem& problem, const plan::Planner& planner,
                                             const PlanRequest& request, plan::Outcome& outcome) {
  auto* planned = std::get_if<plan::Planned>(&outcome);
  if (planned == nullptr) return std::nullopt;
  if (problem.multicast == plan::MulticastKind::relay || plan::is_mixed(problem)) return std::nullopt;
  if (planner.name != "exact" || plan::has_equal_volumes(problem)) return std::nullopt;
  UnequalRun run = improve_unequal(problem, std::move(planned->plan), request.time_limit);
  planned->plan = std::move(run.plan);
  planned->status = run.status;
  return SolverBounds{run.time_bound, run.count_bound};
}

// Requires a plan that has passed the checker.
SolverBounds relay_bounds(const plan::Problem& problem, const plan::Plan& plan,
                          const plan::LowerBound& bound) {
  const auto slowest = plan::find_bottleneck(problem, plan::link_loads(problem, plan));
  if (!slowest) return {bound.time, 0};
  return {bound.time, plan::most_receivers(problem, slowest->time)};
}

}  // namespace

Result<PlanReport> run_planner(const plan::Problem& problem, const plan::Planner& named,
                               const PlanRequest& request) {
  const plan::Planner& planner = named.name == "auto" ? plan::best_planner(problem) : named;
  Rng rng(request.seed);
  const auto started = std::chrono::steady_clock::now();
  plan::Outcome outcome = planner.plan(problem, rng);
  const std::optional<SolverBounds> solver = solve_if_unequal(problem, planner, request, outcome);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;

  PlanReport report{std::string(planner.name), plan::Infeasible{}, Duration::seconds(took.count())};
  if (auto* infeasible = std::get_if<plan::Infeasible>(&outcome)) {
    if (const auto faults = plan::check_infeasible(problem, *infeasible); !faults.empty())
      return failed_checker(planner.name, faults);
    report.outcome = std::move(*infeasible);
    return report;
  }
  auto& planned = std::get<plan::Planned>(outcome);
  // First alone: nothing may be computed from a plan that names workers who are not there.
  std::vector<std::string> violations = plan::check_plan(problem, planned.plan);
  CheckedPlan checked{.plan = std::move(planned.plan),
                      .status = planned.status,
                      .completion = {},
                      .bound = {},
                      .rates = {},
                      .certificate = std::move(planned.certificate),
                      .solver = solver,
                      .pipeline = {},
                      .explanation = {},
                      .more_bandwidth = {}};
  if (violations.empty()) {
    checked.completion = plan::completion_time(problem, checked.plan);
    checked.bound = plan::lower_bound(problem);
    violations = plan::check_plan(problem, checked.plan, checked.completion);
    if (checked.certificate) {
      checked.bound = plan::lower_bound(problem, checked.plan, *checked.certificate);
      for (std::string& flaw : plan::check_certificate(problem, checked.plan, *checked.certificate))
        violations.push_back(std::move(flaw));
    }
    if (checked.bound.time > checked.completion) {
      violations.push_back(fmt::format("the completion time {} s is below the lower bound {} s",
                                       checked.completion.in_seconds(), checked.bound.time.in_seconds()));
    }
  }
  if (!violations.empty()) return failed_checker(planner.name, violations);
  checked.rates = sync::allocate_rates(problem, checked.plan);
  if (problem.multicast == plan::MulticastKind::relay) {
    checked.solver = relay_bounds(problem, checked.plan, checked.bound);
    checked.pipeline = sync::pipeline_latency(problem, checked.plan, checked.rates);
  }
  if (request.explain) {
    checked.explanation = plan::explain(problem, checked.plan);
    // What the solver found cannot be set against new plans that it has not improved: then nothing is tried.
    checked.more_bandwidth = plan::Sensitivity{};
    if (!solver) {
      checked.more_bandwidth =
          plan::sensitivity(problem, {checked.plan, checked.status, checked.certificate}, planner.plan,
                            {.step = request.more_bandwidth, .seed = request.seed});
    }
  }
  report.outcome = std::move(checked);
  return report;
}

}  // namespace selmcast::cli
