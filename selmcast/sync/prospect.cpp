#include "selmcast/sync/prospect.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::sync {

Prospect::Prospect(const Forecast& forecast, plan::MulticastKind kind, Bytes volume, Rate uplink)
    : forecast_(forecast),
      one_copy_(kind == plan::MulticastKind::network),
      volume_(volume),
      uplink_(uplink),
      path_(forecast) {}

void Prospect::to(WorkerIndex receiver) {
  receivers_.push_back(receiver);
  if (one_copy_) path_.to(receiver);
  if_one_more_.reset();
}

Rate Prospect::share(std::size_t receivers) const {
  return one_copy_ ? uplink_ : uplink_ * (1 / static_cast<double>(receivers));
}

// Of streams that may send at `each`.
Duration Prospect::last_end(Rate each) const {
  if (one_copy_) return path_.time(volume_, each);
  Duration last;
  for (const WorkerIndex receiver : receivers_)
    last = std::max(last, forecast_.time_alone(receiver, volume_, each));
  return last;
}

Duration Prospect::end() const {
  return receivers_.empty() ? Duration() : last_end(share(receivers_.size()));
}

Duration Prospect::end_with(WorkerIndex another) const {
  const Rate each = share(receivers_.size() + 1);
  if (one_copy_) return path_.time_with(another, volume_, each);
  if (!if_one_more_) if_one_more_ = last_end(each);
  return std::max(*if_one_more_, forecast_.time_alone(another, volume_, each));
}

Rate Prospect::lowest_limit(Duration time) const {
  SELMCAST_CHECK(!receivers_.empty() && end() <= time, "a multicast that may end later than it must");
  double enough = share(receivers_.size()).bps();
  double too_little = 0;
  while (enough - too_little > 1e-6 * enough) {
    const double middle = (enough + too_little) / 2;
    (last_end(Rate::bits_per_second(middle)) <= time ? enough : too_little) = middle;
  }
  const double copies = one_copy_ ? 1 : static_cast<double>(receivers_.size());
  return Rate::bits_per_second(enough * copies);
}

}  // namespace selmcast::sync
