// Has an SSP problem a plan at all? Decided by the problem of what has to be sent in any case, as feasibility.h does.
//
// Of the multicasts of G (ssp_problem.h) only the ready worker's has a number of receivers that it cannot go without: a
// running one that has too few left keeps all it has. So every plan must hold, and if all links of it are up can hold,
//   - the required pairs of the multicasts of G that are not delivered yet, and
//   - min_receivers of the ready worker, whose candidates are all others.
// These make a BSP problem over the same links, and the SSP problem is infeasible exactly if that one is: otherwise the
// ready worker sends to everybody whose downlink is up and the others keep all that runs over links that are up.
// Its certificate is that of the BSP problem.
#pragma once

#include <optional>

#include "selmcast/plan/plan.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::plan {

// The BSP problem of the header. O(workers + required pairs x receivers of a sender). Requires a valid problem.
Problem what_must_be_sent(const SspProblem& problem);

// nullopt: a plan exists. Requires a valid problem.
std::optional<Infeasible> find_infeasibility(const SspProblem& problem);

}  // namespace selmcast::plan
