// Trees for the receivers of a `relay` plan, and what they cost.
//
// Which copies: a multicast i with receivers R_i needs |R_i| copies, sent by i (at least one) and its receivers. Every
// such division c of copies is the out-degrees of a tree. Proof: take the members with c > 0 first, i before all, and
// give each the next free copy of an earlier one. After m of them the earlier ones have at least m copies, one more
// than the m - 1 used, so there is always one free; the rest have c = 0 and take what is left. Hence a plan's
// uplink loads are those of a division, and a least time is one of divisions (relay_pool.h). Several trees a multicast,
// a share each, could divide more finely: at best down to the fluid bound, all copies over all uplinks
// (lower_bound.h). We build one: the difference is measured in docs/planning.md.
//
// Shape: of the trees with these degrees tree_of_copies() builds a flattest one, members with more copies first.
//
// Latency: forwarding is cut-through, chunk by chunk, at the multicast's one rate, so a receiver at depth h (the
// sender has 0) is done h - 1 chunk times after one at depth 1, if hops cost nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

// What is forwarded at a time: a 32nd of the model, so that a hop costs 3 % of a delivery, but no chunks so small that
// their headers and system calls count.
constexpr Bytes relay_chunk(Bytes volume) {
  constexpr Bytes kLeast(4096), kMost(1024 * 1024);
  const Bytes share((volume.count() / 32 + 4095) / 4096 * 4096);
  return share < kLeast ? kLeast : share > kMost ? kMost : share;
}

// The parents (plan.h) of `receivers`, that send copies[k] each; the root sends root_copies. Requires: root_copies +
// sum of copies = receivers, root_copies > 0 if there is a receiver.
std::vector<WorkerIndex> tree_of_copies(WorkerIndex root, std::uint32_t root_copies,
                                        std::span<const std::uint32_t> copies,
                                        std::span<const Selection> receivers);

// By receiver: edges between it and sender i. Requires valid trees.
std::vector<std::size_t> depths(const Plan& plan, WorkerIndex sender);
// The greatest of all multicasts; 0 for the empty plan.
std::size_t tree_depth(const Plan& plan);

// Trees for the receivers selected, with the least time that any trees of theirs have; for unequal volumes one close to
// it (LPT and moves, as in unequal_planner.h). Requires a valid problem and a selection over links that are up.
// O(sum of receivers x few).
void grow_trees(const Problem& problem, Plan& plan);

}  // namespace selmcast::plan
