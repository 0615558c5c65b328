// A time that no plan can beat, cheap to compute, with the reason. Says how good a plan is without solving
// exactly.
//
// Requires a feasible problem (feasibility.h). A downlink that is down takes nothing, so k_j = w_j = 0 there.
//
// Notation: n workers, v_i volumes, p_i min_receivers, d_i = max(p_i, required receivers of i): i has at
// least d_i receivers in every plan. N = senders with d_i > 0. All plans considered are those that meet the
// constraints of problem.h, t is the completion time of any of them. The bound is the largest of:
//
//   uplink of i      i sends e_i copies of v_i or more, so t >= e_i v_i / uplink_i. Unicast: e_i = d_i; network: 1 if
//                    d_i > 0. In general (reach.h), with o_i = max(required receivers that do not share a copy, d_i -
//                    live receivers that could): at least o_i have their own, and one more copy serves the rest, so
//                    e_i = o_i + [d_i > o_i].
//   downlink of j    j receives from all its required senders, so t >= sum of their v / downlink_j.
//   all downlinks, counted
//     Let v be the least v_i over N. In time t receiver j takes at most c_j(t) = floor(t downlink_j / v)
//     deliveries of senders in N, since each is v bytes or more; and at most k_j = |N| - [j in N], one from
//     each but itself. Together they take at least sum_i d_i. So sum_j min(k_j, c_j(t)) >= sum_i d_i. The
//     left side is a step function of t that jumps only at t = m v / downlink_j, so the least such t is one
//     of these fractions, kept as (m v, downlink_j) and compared exactly (link_time.h). With equal volumes
//     this sees whole deliveries, which the next one does not.
//   all downlinks, fluid
//     Counted in bytes instead: receiver j takes at most t downlink_j, and at most w_j = sum of v_i over N
//     but itself; together at least sum_i d_i v_i. So sum_j min(w_j, t downlink_j) >= sum_i d_i v_i. The left
//     side grows with t and is linear between the points w_j / downlink_j. Only for unequal volumes (for
//     equal ones the count implies it). Rounded down by 1e-12 of itself, more than its sums can err.
//
//   all uplinks, counted (relay)
//     Each of the sum_i d_i copies is sent whole by one uplink, c_w(t) = floor(t uplink_w / v) at most; a worker whose
//     downlink is down sends copies of its own only, n - 1 at most. As for the downlinks, the least t with
//     sum_w min(most_w, c_w(t)) >= sum_i d_i is a fraction m v / uplink_w. For unequal volumes also in bytes:
//     t sum_w uplink_w >= sum_i d_i v_i. (With several trees a multicast that would be all that is left of it.)
//     Of the uplinks by themselves only the first copy is certain: s_i = v_i as for network.
//
// The first two and the count are exact fractions of the problem's own numbers; a plan that meets one of them
// has bit for bit the same completion time. Complexity O(n log n).
#pragma once

#include <optional>
#include <string>

#include "selmcast/base/units.h"
#include "selmcast/plan/link_time.h"
#include "selmcast/plan/plan.h"

namespace selmcast::plan {

enum class BoundKind { nothing, uplink, downlink, all_downlinks, all_uplinks };

struct LowerBound {
  Duration time;  // 0 if nobody needs a receiver
  BoundKind kind = BoundKind::nothing;
  std::optional<WorkerIndex> worker;  // whose uplink or downlink
};

LowerBound lower_bound(const Problem& problem);
// `relay`: the bound of all uplinks, counted with the least volume. nullopt if nobody needs a receiver.
std::optional<LinkTime> bound_of_uplinks(const Problem& problem);
// `relay`: what several trees a multicast could not beat either, i.e. its fluid bound. For comparison.
Duration fluid_bound_of_uplinks(const Problem& problem);
// The bound that a certificate proves: the completion time of its plan.
LowerBound lower_bound(const Problem& problem, const Plan& plan, const Certificate& certificate);

// "w3's uplink: its 4 least receivers", for people.
std::string describe(const Problem& problem, const LowerBound& bound);

}  // namespace selmcast::plan
