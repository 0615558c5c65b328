#include "selmcast/sim/bounds.h"

#include <algorithm>

namespace selmcast::sim {

double scale_bound(std::span<const Rate> links, Duration cycle, Bytes volume) {
  const auto n = static_cast<double>(links.size());
  double sum = 0;
  for (const Rate link : links)
    sum += std::min((n - 1) / n, link.bps() * cycle.in_seconds() / volume.in_bits() / n);
  return sum / n;
}

}  // namespace selmcast::sim
