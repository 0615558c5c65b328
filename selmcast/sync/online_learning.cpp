#include "selmcast/sync/online_learning.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr Duration kTellingTakes = Duration::milliseconds(50);

}  // namespace

Rate PaceRecord::at(Instant when) const {
  Rate rate = steps_.front().rate;
  for (const Step& step : steps_) {
    if (step.from <= when) rate = step.rate;
  }
  return rate;
}

Rate PaceRecord::mean(Instant from, Instant to) const {
  SELMCAST_CHECK(!steps_.empty(), "a transfer was told a rate");
  if (!(from < to)) return last();
  std::vector<Instant> edges{from, to};
  for (const Step& step : steps_) {
    for (const Instant edge : {step.from, step.from + kTellingTakes}) {
      if (from < edge && edge < to) edges.push_back(edge);
    }
  }
  std::ranges::sort(edges);
  double bits = 0;
  for (std::size_t k = 0; k + 1 < edges.size(); ++k) {
    const Rate rate = std::min(at(edges[k]), at(edges[k] - kTellingTakes));
    if (rate.is_unlimited()) return Rate::unlimited();
    bits += rate.bps() * (edges[k + 1] - edges[k]).in_seconds();
  }
  return Rate::bits_per_second(bits / (to - from).in_seconds());
}

void OnlineLearning::look(BandwidthEstimator& estimator) {
  completed_ = 0;
  ++looks_;
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
