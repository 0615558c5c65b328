#include "selmcast/plan/planner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "selmcast/plan/baseline_planners.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/feasibility.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/unequal_planner.h"

namespace selmcast::plan {
namespace {

// `plan` sees feasible problems only.
template <class PlanOf>
Outcome if_feasible(const Problem& problem, PlanOf plan) {
  if (auto infeasible = find_infeasibility(problem)) return *std::move(infeasible);
  return Planned{plan(), Status::feasible};
}

constexpr std::array<Planner, 6> kPlanners{{
    {"auto", "the best planner for the case: `exact` for equal volumes, `search` for others",
     [](const Problem& problem, Rng& rng) { return best_planner(problem).plan(problem, rng); }},
    {"exact", "the proven optimum: least time, then most receivers, then the oldest pairs",
     [](const Problem& problem, Rng&) {
       if (has_equal_volumes(problem)) return plan_exactly(problem);
       return if_feasible(problem, [&] { return plan_unequal(problem); });
     }},
    {"paper", "Algorithm 1 of the paper: lightest receivers first, then whatever fits without delay",
     [](const Problem& problem, Rng&) {
       return if_feasible(problem, [&] { return plan_by_paper(problem); });
     }},
    {"search", "for unequal volumes: a fast plan close to the optimum, by local search",
     [](const Problem& problem, Rng&) {
       return if_feasible(problem, [&] { return plan_unequal(problem); });
     }},
    {"random", "Orpheus: required receivers, then random ones up to min_receivers; blind to bandwidth",
     [](const Problem& problem, Rng& rng) {
       return if_feasible(problem, [&] { return plan_at_random(problem, rng); });
     }},
    {"broadcast", "everybody to everybody",
     [](const Problem& problem, Rng&) {
       return if_feasible(problem, [&] { return plan_broadcast(problem); });
     }},
}};

}  // namespace

std::span<const Planner> planners() { return kPlanners; }

const Planner* find_planner(std::string_view name) {
  const auto found = std::ranges::find(kPlanners, name, &Planner::name);
  return found == kPlanners.end() ? nullptr : &*found;
}

const Planner& best_planner(const Problem& problem) {
  return *find_planner(has_equal_volumes(problem) ? "exact" : "search");
}

}  // namespace selmcast::plan
