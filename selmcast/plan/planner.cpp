#include "selmcast/plan/planner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "selmcast/plan/baseline_planners.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/feasibility.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/relay_planner.h"
#include "selmcast/plan/unequal_planner.h"

namespace selmcast::plan {
namespace {

// `plan` sees feasible problems only.
template <class PlanOf>
Outcome if_feasible(const Problem& problem, PlanOf plan) {
  if (auto infeasible = find_infeasibility(problem)) return *std::move(infeasible);
  return Planned{plan(), Status::feasible};
}

bool is_relay(const Problem& problem) { return problem.multicast == MulticastKind::relay; }

Outcome plan_relays_if_feasible(const Problem& problem) {
  if (auto infeasible = find_infeasibility(problem)) return *std::move(infeasible);
  return plan_relays(problem);
}

// Receivers by a rule that knows no trees, then the best trees for them.
template <class PlanOf>
Plan with_trees_if_relay(const Problem& problem, PlanOf plan) {
  return is_relay(problem) ? with_trees(problem, plan(as_network(problem))) : plan(problem);
}

constexpr std::array<Planner, 6> kPlanners{{
    {"auto", "the best planner for the case: `exact` for equal volumes, `search` for others and for relays",
     [](const Problem& problem, Rng& rng) { return best_planner(problem).plan(problem, rng); }},
    {"exact", "the proven optimum: least time, then most receivers, then the oldest pairs",
     [](const Problem& problem, Rng&) {
       if (is_relay(problem)) return plan_relays_if_feasible(problem);
       if (has_equal_volumes(problem)) return plan_exactly(problem);
       return if_feasible(problem, [&] { return plan_unequal(problem); });
     }},
    {"paper", "Algorithm 1 of the paper: lightest receivers first, then whatever fits without delay",
     [](const Problem& problem, Rng&) {
       return if_feasible(problem, [&] {
         return is_relay(problem) ? plan_relays_by_paper(problem) : plan_by_paper(problem);
       });
     }},
    {"search", "for unequal volumes and for relays: a fast plan close to the optimum, by local search",
     [](const Problem& problem, Rng&) {
       if (is_relay(problem)) return plan_relays_if_feasible(problem);
       return if_feasible(problem, [&] { return plan_unequal(problem); });
     }},
    {"random", "Orpheus: required receivers, then random ones up to min_receivers; blind to bandwidth",
     [](const Problem& problem, Rng& rng) {
       return if_feasible(problem, [&] {
         return with_trees_if_relay(problem, [&](const Problem& p) { return plan_at_random(p, rng); });
       });
     }},
    {"broadcast", "everybody to everybody",
     [](const Problem& problem, Rng&) {
       return if_feasible(problem, [&] {
         return with_trees_if_relay(problem, [](const Problem& p) { return plan_broadcast(p); });
       });
     }},
}};

}  // namespace

std::span<const Planner> planners() { return kPlanners; }

const Planner* find_planner(std::string_view name) {
  const auto found = std::ranges::find(kPlanners, name, &Planner::name);
  return found == kPlanners.end() ? nullptr : &*found;
}

const Planner& best_planner(const Problem& problem) {
  return *find_planner(has_equal_volumes(problem) && !is_relay(problem) ? "exact" : "search");
}

}  // namespace selmcast::plan
