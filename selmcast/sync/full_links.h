// Which links were full, and when: the fewest and most plausible ones that explain every delivery held back.
//
// A delivery that came slower than it was paced was held back by a full link at one of its two ends. Seen alone it
// cannot tell which. All deliveries together usually can, because links are shared and each moment counts:
//   - a full downlink holds back deliveries of several senders, a full uplink those to several receivers, so an
//     explanation that needs fewer full links is better;
//   - a link that is full carries about the same in every moment: one that carried much less while the delivery was
//     held back than it did at other times is not what held it back then;
//   - links share roughly fairly: nor is one that carried another delivery much faster at that moment;
//   - a link that carried about as much as it is thought to carry is more likely full than one that carried a small
//     part of it, above all if that thought was once confirmed, or if it carried more of late.
//
// Method: facility location (links are opened, moments of deliveries assigned to open ones), solved greedily: again and
// again take the link and moments of the least cost per delivery (D. Hochbaum, "Heuristics for the fixed cost median
// problem", 1982: within a logarithmic factor of the cheapest). Each delivery counts as one, its moments alike. With a
// link's level A (link_loads.h), estimate E and recent peak P, and in a moment its load L, its fastest delivery r_max:
//     opening it    1/4 + max(w |ln(A / E)|, 2 ln(P / A)), w = 2 if E was confirmed by a saturation and A < E, else 1
//     assigning f   1/2 ln(r_max / r_f) + 2 max(0, ln(A / L) - 0.1)
// (0 in place of the first logarithm if there is no E.) The logarithms say how many-fold we would have to be wrong.
// Unfairness counts half as TCP's sharing is rough (design.md section 4: single flows got 0.1 to 3.5 times their
// share). A moment that costs more than 0.7 at either end explains nothing: TCP was slow by itself. Nor does a link
// that held back less than half a delivery.
//
// In pulses a delivery has few moments that could show anything: those in which it was held back count as one delivery,
// if there are kLeastMoments of them and a tenth of its moments; fewer for less.
//
// Complexity: O(m log m + links x links opened) for m moments of deliveries. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/sync/link_loads.h"

namespace selmcast::sync {

struct LinkEvidence {
  Rate level;                    // what it carried where deliveries were held back
  std::optional<Rate> estimate;  // what it is thought to carry; none if nobody is believed who said so
  Rate recent_peak;              // the largest of late, this one included
  bool confirmed = false;
};

struct FullLink {
  Rate carried;          // on average, where it was full
  double held_back = 0;  // deliveries, or parts of them, that it held back
  bool is_late = false;  // one of them never came
};

// By link; none: it was not full. `links[l]` is none where no delivery was held back on it. An uplink
// that is shared by a network multicast holds nobody back while another receiver gets the same copy faster.
std::vector<std::optional<FullLink>> find_full_links(const LinkLoads& loads,
                                                     std::span<const LoadedDelivery> deliveries,
                                                     std::span<const std::optional<LinkEvidence>> links);

}  // namespace selmcast::sync
