// How much a link carried, from what is known of its deliveries: a lower bound that is often exact.
//
// Of each delivery we know its bytes, its start and its end, but not how its rate moved in between (TCP
// shares a link evenly only in aggregate). We do know that it never ran faster than its cap. So within a
// window it moved at least
//     bytes - cap * (its time outside the window),
// and the sum of these over the deliveries, divided by the window, is carried for certain. If all deliveries
// are held back by the link, the window from the first start to the last end, or up to where the first of
// them ended, is exact however unevenly they shared. A delivery known to run evenly has its own rate as cap,
// which makes its share of any window exact.
//
// A window counts if it lasts at least 10 ms and as long as the link's shortest delivery: what a token bucket
// or a socket buffer lets through at once says nothing about the link, a whole delivery does.
//
// Complexity: O(k log k + 64 k) for k deliveries (at most 8 starts and 8 ends are tried). Pure; any
// thread.
#pragma once

#include <optional>
#include <span>

#include "selmcast/base/units.h"

namespace selmcast::sync {

struct Usage {
  Duration started;
  Duration finished;  // after started
  Rate rate;          // on average
  Rate cap;           // at any moment; unlimited if not known
};

// The most that was carried on average over a window that counts. None if the link was busy for less than 10
// ms.
std::optional<Rate> sustained_aggregate(std::span<const Usage> usages);

}  // namespace selmcast::sync
