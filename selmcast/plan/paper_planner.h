// The planner `paper`: Algorithm 1 of S. Luo et al., "Efficient Parameter Synchronization for Peer-to-Peer
// Distributed Learning With Selective Multicast", IEEE Trans. Services Computing 18(1), 2025,
// doi 10.1109/TSC.2024.3506480.
//
// Notation (paper -> problem.h): x_ij = 1: worker j is selected to receive from worker i; p_i min_receivers;
// v_i volume; b_i^I uplink and b_j^E downlink bandwidth; c_ij age; D required pairs; s_i uplink load.
//
//   1. x_ij = 1 for every required pair.
//   2. Basic selection. Senders in non-increasing number of receivers selected by then. Each takes the
//      q = p_i - selected receivers with the least (v_i + volumes already assigned to j) / b_j^E.
//   3. Pareto improvement. t = completion time of that selection. Unselected pairs in non-increasing age: (i,
//   j) is
//      added if uplink time of i and downlink time of j stay <= t.
//
// Decisions where the listing leaves a choice:
//   - The order of step 2 is that of the required pairs alone and is fixed before the first pick.
//   - All ties fall to the smaller index: senders in step 2, receivers in step 2, (sender, receiver) in
//   step 3.
//   - A network multicast uses the uplink once however many receivers it has (s_i = v_i), also in step 3:
//   there a
//     sender without a receiver joins only if v_i / b_i^I <= t.
//   - "<= t" is exact (link_time.h): every link gets its capacity within t as whole bytes once, and step 3
//   adds
//     integers. So step 3 never delays the plan and never turns away a pair that fits to the last byte.
//
// Promises: a plan for every feasible problem (feasibility.h), over links that are up, never a proof (status
// `feasible`); nothing can be added to it without delaying it. Complexity: O(n^2 + a log a) for n workers and a
// pairs with an age: a selection (nth_element) over n receivers a sender, then one pass over all pairs. Memory
// O(n^2) bytes.
#pragma once

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

Plan plan_by_paper(const Problem& problem);

}  // namespace selmcast::plan
