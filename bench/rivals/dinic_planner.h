// A rival of the planner `exact`: the same optimum by a textbook maximum flow and binary search.
//
// For equal volumes v (problem.h's notation). A plan is a bipartite graph: sender i has at least
// need_i = max(min_receivers_i, its required receivers) receivers and at most up_i(t), receiver j at most
// down_j(t) senders, where
//     down_j(t) = floor(t downlink_j / v),
//     up_i(t)   = floor(t uplink_i / v) for `unicast`, n - 1 or 0 for `network` (t >= v / uplink_i or not).
// All bounds are integers and grow with t, so the least t is one of the 2 n (n - 1) fractions m v / b.
//
//   1. Sort these candidates (exact fractions, link_time.h), search binarily for the least feasible one.
//      "Is t feasible?": required pairs are taken off both their ends; then Dinic on
//      source -> i (need_i less its required) -> j (1) -> sink (down_j less its required) fills every source
//      arc, and need_i <= up_i.
//   2. With t fixed, the maximum flow with lower bounds: to the feasible flow of step 1 add room on the
//      source arcs, up to up_i, and augment. Augmenting paths leave the source, so no sender falls below
//      need_i again.
//
// Nothing here uses that the graph is nearly complete, that neighbouring times have nearly the same answer,
// or ages. Complexity: O(n^2 log n) for the candidates and O(log n) maximum flows of n^2 unit arcs, each
// O(n^2 sqrt n) at worst; memory O(n^2), about 50 bytes a pair. This is a rival: it stays as it is.
#pragma once

#include "selmcast/plan/plan.h"

namespace selmcast::bench {

// Is there any plan at all, however late?
bool has_plan_by_dinic(const plan::Problem& problem);

// The least completion time, and of those plans one with the most receivers.
// Requires a valid problem of equal volumes that has a plan.
plan::Plan plan_by_dinic(const plan::Problem& problem);

}  // namespace selmcast::bench
