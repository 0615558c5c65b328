// The least time in which the members of relay multicasts can send their copies. For planners only.
//
// Equal volumes v: Newton's method on cuts, as in exact_planner.h. t starts at the time of all copies over all uplinks
// (or at `not_before`). If not all copies find room by t, the multicasts S and their members W that relay_pool.h has
// reached forbid it: W must send all copies of S and the first ones of its own multicasts outside S. The least time
// at which that many fit is the next t; the last cut is the proof that no division of copies is faster.
// Unequal volumes: first copies at their senders, then LPT, then moves away from the busiest uplink.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "selmcast/plan/relay_pool.h"

namespace selmcast::plan {

// Places all copies of `pool`, which must have receivers over links that are up and no copies. The room left is that of
// the time returned: the least one, but `not_before`. nullopt: there are no receivers.
std::optional<LinkTime> place_in_least_time(const Problem& problem, RelayPool& pool,
                                            std::optional<LinkTime> not_before);

// The least time at which the cut of `pool` would let needed[i] copies of each of its multicasts through, with the
// first copies of all others that need any. For equal volumes.
LinkTime time_of_cut(const Problem& problem, const RelayPool& pool, std::span<const std::int64_t> needed);

}  // namespace selmcast::plan
