#include "selmcast/sync/delivery_patience.h"

#include <algorithm>

namespace selmcast::sync {

void DeliveryPatience::took(Duration planned, Duration measured) {
  last_.push_back({planned, measured});
  if (last_.size() > kMemory) last_.pop_front();
}

Duration DeliveryPatience::of(Duration planned) const {
  const Duration first = std::max(first_.least, planned * first_.factor);
  if (last_.size() < kEnough) return first;
  double stretch = 1;
  Duration lag;
  for (const Observation& seen : last_) {
    if (seen.planned >= kLong) {
      stretch = std::max(stretch, seen.measured / seen.planned);
    } else {
      lag = std::max(lag, seen.measured - seen.planned);
    }
  }
  const Duration learnt = kFloor + (planned * stretch + lag) * kMargin;
  return stretch * kMargin > first_.factor ? std::max(learnt, first) : std::min(learnt, first);
}

}  // namespace selmcast::sync
