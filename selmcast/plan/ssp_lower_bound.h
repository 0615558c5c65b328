// A time that no valid plan of an SSP problem can beat, beside lower_bound.h, with the reason.
//
// Notation: ssp_problem.h. i's candidates over links that are up have v_ij bytes left; R_i of them are required; i has
// at least d_i = max(|R_i|, what it still needs, but not more than there are) of them in every plan. Let W_i be the
// required ones and the d_i - |R_i| others with the least remainders: no selection of i carries less, neither in sum
// nor in its largest. The bound is the largest of
//
//   uplink of i       sum of W_i / uplink_i (unicast), largest of W_i / uplink_i (network)
//   downlink of j     sum of v_ij over required (i, j) / downlink_j
//   all downlinks     sum over i of W_i / sum of all downlinks, rounded down by 1e-12 of itself
//
// Weaker than its sister: it counts no whole deliveries. O(workers + pairs log pairs).
#pragma once

#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::plan {

// `describe(problem.base, bound)` puts it in words.
LowerBound lower_bound(const SspProblem& problem);

}  // namespace selmcast::plan
