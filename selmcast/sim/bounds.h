// What no policy can do better, for the scale of multicasts at a given speed of training.
//
// A worker's cycle takes T = mean computing time / NPU utilisation. In that time its downlink can carry T b_j bits,
// that is T b_j / (8 v) multicasts of v bytes, and it cannot hear from more than the n - 1 others:
//     scale <= mean_j min((n - 1) / n, T b_j / (8 n v)).
// Unicast sends a copy to each, so the same holds of uplinks. Loose: a multicast must also fit between two
// computations, with its sender waiting.
#pragma once

#include <span>

#include "selmcast/base/units.h"

namespace selmcast::sim {

// Requires at least one link, volume > 0. `cycle` may be infinite.
double scale_bound(std::span<const Rate> links, Duration cycle, Bytes volume);

}  // namespace selmcast::sim
