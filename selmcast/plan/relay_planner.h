// Plans for `relay` multicasts: receivers and trees together.
//
// Notation as in problem.h; v volumes, d_i = max(min_receivers_i, required receivers of i). With relays the uplinks are
// one pool: i's k_i copies are sent by i (at least one) and its receivers as there is room (relay_pool.h). So compared
// with `network` there is one more condition, copies against uplinks. Whether receivers and copies can be chosen
// together so that all ends by t is not known to be a flow problem (a receiver that is selected opens its uplink); the
// planner takes them one after the other and measures itself against a bound.
//
// Equal volumes (`search`, `auto`, `exact`):
//   1. t = the bound of lower_bound.h: first copies, downlinks, and all needed copies over all uplinks.
//   2. Receivers: the exact plan as if `network` that ends by t (or as soon after as one exists): most receivers,
//      the oldest pairs (exact_planner.h).
//   3. Copies: d_i each, along alternating paths. Where a cut forbids it, deliveries of the multicasts in it are
//      exchanged with receivers outside, whose uplinks have room; if none helps, t grows to the first time at which
//      the cut lets through what it must, and 2. follows again.
//   4. The other receivers as far as copies find room; those left without lose their place, the youngest pairs first.
//   5. Pairs that fit into what is left, oldest first.
// Unequal volumes: the receivers of `search` (unequal_planner.h) without its spare ones, copies by LPT and moves, 5.
//
// `paper`, `random` and `broadcast` choose receivers by their own rule, blind to copies, and get the best trees that
// there are for these receivers (relay_trees.h); `paper` fills up by 5, its step 3 with copies in place of flows.
//
// Promises: a plan for every feasible problem, forwarding by receivers only; `optimal` is claimed when the time meets
// the lower bound and the number of receivers the count bound below, not otherwise. Complexity: as exact_planner.h and
// O(sum of receivers) a path; O(n^2) for 5.
#pragma once

#include <cstddef>
#include <optional>

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

// Of a `relay` problem that is valid and feasible.
Planned plan_relays(const Problem& problem);
// Algorithm 1's receivers.
Plan plan_relays_by_paper(const Problem& problem);
// The receivers of `plan` (made for `network`) with trees.
Plan with_trees(const Problem& problem, Plan plan);
// The same problem for planners of `network` multicasts.
Problem as_network(const Problem& problem);

// No plan with this completion time has more receivers: each takes a place of some downlink (of those that fit into the
// time, at most one a sender) and a copy of some uplink. For equal volumes; nullopt for others.
std::optional<std::size_t> most_receivers(const Problem& problem, const LinkTime& time);

}  // namespace selmcast::plan
