// A multicast that would come next, to a set of receivers that grows: when it would end by the forecast.
//
// Network: one stream at the pace of the slowest receiver. Unicast: a stream to each, all with the same share of the
// uplink, each at its own pace; the multicast ends with the last one. (Streams in fact share what others leave of the
// uplink; so a unicast multicast ends no later than told.)
// Complexity of a call: O(steps) network, O(steps x receivers) unicast. Thread rule: one owner; the forecast outlives
// it and does not change meanwhile.
#pragma once

#include <optional>
#include <vector>

#include "selmcast/plan/problem.h"
#include "selmcast/sync/forecast.h"

namespace selmcast::sync {

class Prospect {
 public:
  // `volume` to each receiver, `uplink` for all of them together.
  Prospect(const Forecast& forecast, plan::MulticastKind kind, Bytes volume, Rate uplink);

  void to(WorkerIndex receiver);
  std::size_t receivers() const { return receivers_.size(); }
  // From now; infinite if never; 0 to nobody.
  Duration end() const;
  // If it went to `another` receiver too. Never less than end(), nor than with fewer receivers.
  Duration end_with(WorkerIndex another) const;
  // The least that it may put on its uplink to end within `time` (relative 1e-6). Requires receivers, end() <= time.
  Rate lowest_limit(Duration time) const;

 private:
  Duration last_end(Rate each) const;
  Rate share(std::size_t receivers) const;

  const Forecast& forecast_;
  bool one_copy_;
  Bytes volume_;
  Rate uplink_;
  std::vector<WorkerIndex> receivers_;
  Forecast::Path path_;                          // network: to all of them
  mutable std::optional<Duration> if_one_more_;  // unicast: their last end with one more among them
};

}  // namespace selmcast::sync
