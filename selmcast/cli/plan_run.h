// Runs one planner on one problem, checks what it returns, and keeps what there is to say about it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/plan/explain.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/planner.h"
#include "selmcast/plan/sensitivity.h"
#include "selmcast/sync/rate_allocator.h"

namespace selmcast::cli {

// What is proven of a plan for unequal volumes (unequal_run.h) or of a relay plan (plan/relay_planner.h).
struct SolverBounds {
  Duration time;                     // no plan is faster
  std::optional<std::size_t> count;  // no plan that fast has more receivers
};

// A plan that has passed the checker.
struct CheckedPlan {
  plan::Plan plan;
  plan::Status status = plan::Status::feasible;
  Duration completion;
  plan::LowerBound bound;
  std::vector<sync::PairRate> rates;  // of every delivery, ascending by pair, as the manager would pace it
  std::optional<plan::Certificate> certificate;
  std::optional<SolverBounds> solver;  // of planner `exact`, for unequal volumes; of every relay plan
  Duration pipeline;                   // of a relay plan: what forwarding chunk by chunk adds
  // On request:
  std::optional<plan::Explanation> explanation;
  std::optional<plan::Sensitivity> more_bandwidth;
};

struct PlanReport {
  std::string planner;
  std::variant<CheckedPlan, plan::Infeasible> outcome;  // either has passed the checker
  Duration plan_time;                                   // spent in the planner alone
};

struct PlanRequest {
  std::uint64_t seed = 1;
  bool explain = false;
  Rate more_bandwidth = Rate::megabits_per_second(1);  // what explanations say the worth of
  Duration time_limit = Duration::seconds(10);         // of `exact` for unequal volumes; others need none
};

// Requires a valid problem. `auto` is reported under the name of the planner that it chose. Error (rejected):
// the planner broke a constraint or its own claim; that is our bug, and no such plan goes out.
Result<PlanReport> run_planner(const plan::Problem& problem, const plan::Planner& planner,
                               const PlanRequest& request);

// That error, of whatever planner.
std::unexpected<Error> failed_checker(std::string_view planner, const std::vector<std::string>& violations);

}  // namespace selmcast::cli
