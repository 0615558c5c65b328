// The planner `search`: a fast, good plan when volumes differ (the exact least time is NP-hard then).
//
// Notation as in problem.h; d_i = max(min_receivers_i, required receivers of i). The least time needs d_i receivers a
// sender and no more; this is the core of a plan. Uplinks know their load beforehand (d_i volume_i for unicast,
// volume_i for network), so only the downlinks are at stake: i's d_i deliveries of volume_i each go to different
// receivers, and the longest load_j / downlink_j is to be short.
//
//   1. Cores to begin with:
//      large first   senders in descending volume, each to the receivers that are least busy with it (LPT of
//                    R. L. Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17, 1969);
//      Algorithm 1   of the paper (paper_planner.h);
//      as if equal   the exact plan of the problem in which all have the greatest volume (exact_planner.h). Its
//                    time is at most greatest / least volume times the optimum, so near-equal volumes cost no
//                    more than their difference.
//   2. Local search on each, until nothing helps or the effort is spent: take the busiest downlink; hand one of its
//      deliveries to another receiver, or exchange it for a smaller one, so that both end up sooner than the busiest
//      was. Stops at the lower bound of lower_bound.h, or when an uplink is busiest.
//   3. The fastest core is filled up with what fits into its time: older pairs first, of those smaller volumes, then by
//      index.
//
// Where multicast does not reach everybody (reach.h) uplinks know their load no more: then only the second and the
// third core are tried, without 2.
//
// Promises: a plan that is never slower than Algorithm 1's, and to which nothing can be added without delay. Ties
// fall to the smaller index; times are compared exactly (link_time.h). Complexity: O(n^2 log n) and at most
// kSearchEffort looks at a pair in step 2; memory O(n^2).
#pragma once

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

// Pairs looked at in one local search, of which there are three: a few tenths of a second in all.
inline constexpr std::int64_t kSearchEffort = 10'000'000;

// Requires a valid problem that has a plan.
Plan plan_unequal(const Problem& problem);

}  // namespace selmcast::plan
