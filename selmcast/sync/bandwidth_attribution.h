// Which links were full in a round: the fewest and most plausible ones that explain every delivery held back.
//
// A delivery that arrived slower than it was paced was held back by a full link at one of its two ends. Seen
// alone it cannot tell which. All deliveries of a round together usually can, because links are shared:
//   - a full downlink holds back deliveries of several senders, a full uplink those to several receivers, so
//   an
//     explanation that needs fewer full links is better;
//   - a link that carried about as much as it is thought to carry is more likely full than one that carried a
//   small
//     part of it, above all if that thought was once confirmed, or if it carried more in one of the last
//     rounds;
//   - links share roughly fairly: one that carried another delivery much faster is not likely what held this
//   one back.
//
// Method: facility location (links are opened, deliveries assigned to open ones), solved greedily: again and
// again take the link and deliveries of the least cost per delivery (D. Hochbaum, "Heuristics for the fixed
// cost median problem", 1982: within a logarithmic factor of the cheapest). With a link's aggregate A,
// estimate E, recent peak P and fastest delivery r_max:
//     opening it    1/4 + max(w |ln(A / E)|, 2 ln(P / A)), w = 2 if E was confirmed by a saturation and A <
//     E, else 1 assigning f   1/2 ln(r_max / r_f)
// The logarithms say how many-fold we would have to be wrong. Unfairness counts half as TCP's sharing is
// rough (design.md section 4: single flows got 0.1 to 3.5 times their share).
//
// Complexity: O(deliveries * (links + most deliveries of one link)). Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/base/units.h"

namespace selmcast::sync {

// All rates positive and finite.
struct LinkEvidence {
  Rate aggregate;    // what it carried
  Rate estimate;     // what it is thought to carry
  Rate recent_peak;  // the largest aggregate of late, this one included
  bool confirmed = false;
};

// `up` and `down` are positions in the span of links.
struct DeliveryEvidence {
  std::size_t up = 0;
  std::size_t down = 0;
  Rate rate;
  bool held_back = false;
  bool not_by_uplink =
      false;  // a network multicast that came faster to others: its one copy went out as fast
};

// For each delivery that was held back, the link that did it (position in `links`). Ties: the link that comes
// first.
std::vector<std::optional<std::size_t>> attribute(std::span<const LinkEvidence> links,
                                                  std::span<const DeliveryEvidence> deliveries);

}  // namespace selmcast::sync
