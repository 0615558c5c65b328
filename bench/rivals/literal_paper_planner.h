// A rival of `exact` and `paper`: Algorithm 1 as the paper lists it, line by line, without a thought about speed
// (S. Luo et al., IEEE Trans. Services Computing 18(1), 2025, doi 10.1109/TSC.2024.3506480).
//
// Notation as in the paper: x_ij, p_i, v_i, b_i^I, b_j^E, c_ij, D, t (problem.h says what they are called here).
//
//   1. x_ij = 1 for (i, j) in D.
//   2. Senders in non-increasing sum_j x_ij. For each, q = p_i - sum_j x_ij times: go through all j, take the
//      one with the least (v_i + sum of volumes assigned to j) / b_j^E.
//   3. t = completion time. All unselected pairs, sorted by non-increasing c_ij: add (i, j) if the uplink time of
//      i and the downlink time of j stay <= t.
//
// Where the listing leaves a choice, that of selmcast/plan/paper_planner.h: ties fall to the smaller index, the
// order of step 2 is fixed before its first pick, times are exact fractions. So the plan is the same.
// Complexity: O(n^2 p) for step 2 with p the mean of p_i, O(n^2 log n) for step 3; memory O(n^2). This is a
// rival: it stays as it is.
#pragma once

#include "selmcast/plan/plan.h"

namespace selmcast::bench {

// Requires a valid problem that has a plan.
plan::Plan plan_by_literal_paper(const plan::Problem& problem);

}  // namespace selmcast::bench
