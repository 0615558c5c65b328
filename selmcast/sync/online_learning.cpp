#include "selmcast/sync/online_learning.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::sync {

Rate PaceRecord::mean(Instant from, Instant to) const {
  SELMCAST_CHECK(!steps_.empty(), "a transfer was told a rate");
  if (!(from < to)) return last();
  double bits = 0;
  for (std::size_t k = 0; k < steps_.size(); ++k) {
    const Instant begins = k == 0 ? from : std::max(from, steps_[k].from);
    const Instant ends = k + 1 == steps_.size() ? to : std::min(to, steps_[k + 1].from);
    if (!(begins < ends)) continue;
    if (steps_[k].rate.is_unlimited()) return Rate::unlimited();
    bits += steps_[k].rate.bps() * (ends - begins).in_seconds();
  }
  return Rate::bits_per_second(bits / (to - from).in_seconds());
}

void OnlineLearning::look(BandwidthEstimator& estimator) {
  completed_ = 0;
  if (fresh_.empty()) return;
  const Duration begins = std::ranges::min(fresh_, {}, &DeliveryObservation::started).started;
  std::vector<DeliveryObservation> all = fresh_;
  for (const DeliveryObservation& old : seen_) {
    if (old.finished > begins) all.push_back(old);
  }
  estimator.observe(all);
  seen_ = std::exchange(fresh_, {});
}

}  // namespace selmcast::sync
