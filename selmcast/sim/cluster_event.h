// What befalls a cluster while it trains: workers come, go, die, and slow down.
//
//   join   The worker takes part from now on. One whose first event of these three is a join is absent until then.
//   leave  It goes in good order: at once if it computes or waits, else when its multicast is complete (bsp: when the
//          round is). Deliveries to it are cut off.
//   crash  It stops dead. Nobody knows for Settings::detection: what it sends and receives stands still, and with it
//          every network multicast that it is a receiver of; those that wait for it wait. Then it is out. Coming back
//          earlier tells on it, too.
//   slow   Computations that it starts from now on take `factor` times as long as they would; 1 makes it whole again.
//          Planners know it: they expect factor times the mean.
#pragma once

#include <cstdint>

#include "selmcast/base/units.h"

namespace selmcast::sim {

struct ClusterEvent {
  enum class Kind { join, leave, crash, slow };
  Instant time;
  std::uint32_t worker = 0;
  Kind kind = Kind::slow;
  double factor = 1;  // of slow
  bool operator==(const ClusterEvent&) const = default;
};

}  // namespace selmcast::sim
