// The rivals: what people do without knowing the bandwidth.
//
// `random` is Orpheus (P. Xie et al., "Orpheus: Efficient Distributed Machine Learning via System and
// Algorithm Co-design", USENIX ATC 2018) with the paper's max_age: every sender takes its required receivers,
// then draws others uniformly without replacement up to min_receivers. `broadcast`: everybody to everybody.
// Neither uses a link that is down. Both require a feasible problem (feasibility.h) and take O(n^2).
#pragma once

#include "selmcast/base/rng.h"
#include "selmcast/plan/plan.h"

namespace selmcast::plan {

Plan plan_at_random(const Problem& problem, Rng& rng);
Plan plan_broadcast(const Problem& problem);

}  // namespace selmcast::plan
