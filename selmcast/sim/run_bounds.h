// The bounds of bounds.h for a run that is over.
#pragma once

#include <algorithm>
#include <optional>

#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/bounds.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::sim {

// None if workers came or went, or computed for no time at all.
inline std::optional<double> scale_bound_of(const Settings& settings, const Bandwidth& bandwidth,
                                            double utilization) {
  const auto comes_or_goes = [](const ClusterEvent& event) { return event.kind != ClusterEvent::Kind::slow; };
  if (std::ranges::any_of(settings.events, comes_or_goes) || !(utilization > 0)) return std::nullopt;
  double slowest = 1;
  for (const ClusterEvent& event : settings.events) slowest = std::max(slowest, event.factor);
  const Duration cycle = settings.compute.mean() * (slowest / utilization);
  const Instant end = Instant() + settings.horizon;
  const double received = scale_bound(bandwidth.mean_downlink(end), cycle, settings.volume);
  if (settings.multicast == plan::MulticastKind::network) return received;
  if (settings.multicast == plan::MulticastKind::relay) {  // uplinks are one pool
    std::vector<Rate> pooled = bandwidth.mean_uplink(end);
    double bps = 0;
    for (const Rate uplink : pooled) bps += uplink.bps();
    pooled.assign(pooled.size(), Rate::bits_per_second(bps / static_cast<double>(pooled.size())));
    return std::min(received, scale_bound(pooled, cycle, settings.volume));
  }
  return std::min(received, scale_bound(bandwidth.mean_uplink(end), cycle, settings.volume));
}

}  // namespace selmcast::sim
