// How long deliveries may take before they are given up: from the time that was planned and from how far deliveries
// have strayed from their plans.
//
// One observation is a round, or a multicast: the time that was planned for it and the time until its last committed
// delivery. Two things go wrong with plans: links carry less than was thought, which grows with the planned time, and
// processes are late, which does not. So
//     patience(planned) = floor + kMargin * (stretch * planned + lag),
//     stretch = the greatest of 1 and measured / planned over observations planned to take kLong or more,
//     lag     = the greatest of measured - planned over the others,
// each over the last kMemory observations. A round of which something was given up counts with the time that it had: so
// patience grows where it was too short, and until kEnough observations are there, and as a limit that is never passed
// the other way, it is what the settings say: max(least, factor * planned). With stretch above factor / kMargin the
// limit gives way: links that are worse than their plans all the time are waited for.
// Pure; O(kMemory). Thread rule: one owner.
#pragma once

#include <cstddef>
#include <deque>

#include "selmcast/base/units.h"

namespace selmcast::sync {

class DeliveryPatience {
 public:
  static constexpr std::size_t kMemory = 64;
  static constexpr std::size_t kEnough = 16;
  static constexpr double kMargin = 2;
  static constexpr Duration kFloor = Duration::seconds(2);
  static constexpr Duration kLong = Duration::seconds(0.2);

  // The settings: what holds before anything was measured.
  struct First {
    Duration least = Duration::seconds(10);
    double factor = 5;
  };
  explicit DeliveryPatience(First first) : first_(first) {}

  void took(Duration planned, Duration measured);
  Duration of(Duration planned) const;

 private:
  struct Observation {
    Duration planned, measured;
  };
  First first_;
  std::deque<Observation> last_;
};

}  // namespace selmcast::sync
