// The planners by name. A planner is a pure function: the same problem and seed give the same plan. Every one of
// them plans every feasible problem and answers the others with the certificate of feasibility.h.
#pragma once

#include <span>
#include <string_view>

#include "selmcast/base/rng.h"
#include "selmcast/plan/plan.h"
#include "selmcast/plan/problem.h"

namespace selmcast::plan {

// Requires validate(problem) to have passed. `rng` is drawn from by random planners only.
using PlanFunction = Outcome (*)(const Problem& problem, Rng& rng);

struct Planner {
  std::string_view name;
  std::string_view summary;  // one line for --help
  PlanFunction plan;
};

// All planners, in the order in which --help shows them.
std::span<const Planner> planners();
// nullptr if there is none of that name.
const Planner* find_planner(std::string_view name);

// What the planner `auto` hands this problem to: never `auto` itself.
const Planner& best_planner(const Problem& problem);

}  // namespace selmcast::plan
