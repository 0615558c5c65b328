// Which deliveries are paced above their allocated rate, to find out whether their links carry more than
// estimated.
//
// Pacing at the estimate can show that an estimate is too high, never that it is too low; so we look upwards:
//   - a delivery neither of whose links binds (both are done before 0.9 of the completion time) is paced
//   at 1.5 times
//     its rate, and every fourth round (staggered by worker id) at what brings its link to 1.25 times the estimate, at
//     most 8 times its rate: so links that never bind are measured too, where receivers can take it. If the links
//     cannot carry it, it still ends well before the round does;
//   - a delivery on a binding link is paced at 1.5 times its rate while that link's end is unknown
//     (BandwidthEstimator::searching), else at 1.25 times its rate in every fourth round (staggered by worker
//     id). This hardly delays the round: all deliveries of the link grow together and TCP keeps the link
//     full, so the last byte through it arrives when it would have arrived anyway; if the estimate was too
//     low, earlier.
// Bursts keep to no other limit: over-committing a link for a moment is the point.
//
// A network multicast has one rate for all its receivers, and a burst gives way to whoever loses by it
// (mcast/sender.h): the greatest factor of its links that bind, or, where none of them does, kIdleNetwork when one of
// them is due. A receiver that a multicast does not reach has a stream of its own (plan/reach.h), and is treated as
// with unicast; the multicast beside it bursts only as far as its uplink has room for both, since it does not give way
// to it.
//
// Deterministic: a function of estimates, round and ids. O(deliveries + workers). Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/sync/bandwidth_estimator.h"
#include "selmcast/sync/rate_allocator.h"

namespace selmcast::sync {

struct BurstContext {
  std::span<const WorkerId> ids;  // of the problem's workers, by index; all known to the estimator
  Round round;
};

// `allocated` (from allocate_rates, for the same problem) with each rate multiplied by its burst factor; same
// order.
std::vector<PairRate> plan_bursts(const plan::Problem& problem, std::span<const PairRate> allocated,
                                  const BandwidthEstimator& estimator, const BurstContext& context);

}  // namespace selmcast::sync
