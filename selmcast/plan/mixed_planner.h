// `exact` for mixed problems (reach.h): equal volumes, `network` multicasts, and pairs that these do not reach.
//
// Notation of certificate.h: d_i = max(min_receivers_i, required receivers of i), m_j(t) = floor(t downlink_j / v), and
// c_i(t) = floor(t uplink_i / v) copies of i. R_i are the receivers that share i's one copy, U_i those that have their
// own. By t a sender can serve X if |X n U_i| + [X n R_i is not empty] <= c_i(t).
//
// Least time. Taking a receiver away makes no link busier, so if there is a plan by t there is one in which every i has
// just d_i receivers. Of these i can serve
//     all X, if d_i <= c_i(t)     (|X| copies serve any X);
//     else those with at most c_i(t) - 1 of U_i     (they are too many to have their own, so some share).
// Either way that is a bound w_i(t) on the receivers out of U_i, and "is there a plan by t?" a flow:
//
//     source -d_i-> i -1-> j of R_i -m_j(t)-> sink
//                   i -w_i(t)-> i' -1-> j of U_i -m_j(t)-> sink        (required pairs taken out beforehand)
//
// Feasibility grows with t, and t is one of the times m v / bandwidth: bisection over those between the lower bound
// (lower_bound.h) and Algorithm 1's time. Exact (link_time.h).
//
// Most receivers by t. Now the choice is real: i sends the shared copy and up to c_i(t) - 1 of its own, or c_i(t) of
// its own and no shared one. For a choice of every sender it is a flow as above. If no sender is bound to choose, the
// flow has at least as many receivers, and if it has no more than a choice made by hand, that is the most. (So it is in
// nearly all cases, since to share is the better choice but where all of R_i are busy.) Else branch and bound over
// senders that want both, up to kBranchesMost; where that does not suffice, the status is `feasible` though the time is
// the least.
//
// Of plans as good, the flows try older pairs first, without the promise of exact_planner.h. Deterministic. No
// certificate; mixed_planner_test.cpp compares with brute force. Complexity: a flow of n^2 arcs (dinic.h) for each of
// O(log n) times; 0.1 s at n = 200.
#pragma once

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

inline constexpr int kBranchesMost = 200;

// Requires: valid, equal volumes, is_mixed(). Infeasible as feasibility.h says.
Outcome plan_mixed(const Problem& problem);

}  // namespace selmcast::plan
