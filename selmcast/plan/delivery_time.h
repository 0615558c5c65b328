// When can the receivers together have taken k deliveries of one volume?
//
// Receiver j ends its m-th delivery no earlier than m v / downlink_j. Of each receiver only the deliveries
// first_j + 1 .. first_j + most_j count (the first ones are spoken for, later ones have no sender). The
// answer is the k-th smallest of these fractions, exact (link_time.h): the least t at which sum_j min(floor(t
// downlink_j / v) - first_j, most_j) >= k.
//
// An estimate in doubles leaves about n deliveries to count: O(n log n).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "selmcast/base/units.h"
#include "selmcast/plan/link_time.h"

namespace selmcast::plan {

struct DeliveryRange {
  Rate downlink;  // may be 0: takes nothing
  std::int64_t first = 0;
  std::int64_t most = 0;
};

// Requires k >= 1. nullopt if all receivers with a live downlink together never take k.
std::optional<LinkTime> time_of_deliveries(Bytes volume, std::span<const DeliveryRange> receivers,
                                           std::int64_t k);

}  // namespace selmcast::plan
