#include "selmcast/plan/delivery_time.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <vector>

namespace selmcast::plan {
namespace {

// More than the relative error of a sum of kMaxWorkers doubles.
constexpr double kSafety = 1e-11;
// Where the estimate stops: then the count takes over.
constexpr double kCloseEnough = 1e-6;

struct Next {
  LinkTime time;
  std::size_t receiver;
  std::int64_t left;  // of the receiver, this one included
};

struct Later {
  bool operator()(const Next& a, const Next& b) const {
    const auto order = a.time <=> b.time;
    return order != 0 ? order > 0 : a.receiver > b.receiver;
  }
};

// Deliveries of `range` by `seconds`, fractions of them included: never fewer than the whole ones.
double fluid(const DeliveryRange& range, double seconds, double volume_bits) {
  const double all = seconds * range.downlink.bps() / volume_bits - static_cast<double>(range.first);
  return std::clamp(all, 0.0, static_cast<double>(range.most));
}

// A time that is surely too early for k deliveries, but hardly: even with their fractions they stay below k.
double start_of_count(double volume_bits, std::span<const DeliveryRange> receivers, double k) {
  const auto sum_at = [&](double seconds) {
    double sum = 0;
    for (const DeliveryRange& range : receivers) sum += fluid(range, seconds, volume_bits);
    return sum;
  };
  double total_bps = 0;
  for (const DeliveryRange& range : receivers) total_bps += range.downlink.bps();
  double early = k * volume_bits / total_bps;
  double late = early;
  while (sum_at(late) < k * (1 - kSafety)) {
    early = late;
    late *= 2;
  }
  while (late - early > kCloseEnough * late) {
    const double middle = early + (late - early) / 2;
    (sum_at(middle) < k * (1 - kSafety) ? early : late) = middle;
  }
  return early * (1 - kSafety);
}

// Deliveries of `range` that have certainly ended by `seconds`.
std::int64_t ended(const DeliveryRange& range, double seconds, double volume_bits) {
  return static_cast<std::int64_t>(std::floor(fluid(range, seconds * (1 - kSafety), volume_bits)));
}

}  // namespace

std::optional<LinkTime> time_of_deliveries(Bytes volume, std::span<const DeliveryRange> receivers,
                                           std::int64_t k) {
  std::int64_t possible = 0;
  for (const DeliveryRange& range : receivers) possible += range.downlink > Rate() ? range.most : 0;
  if (possible < k) return std::nullopt;

  // All that have ended by the start are among those sought; the few that are left are taken one by one.
  const double volume_bits = volume.in_bits();
  const double start_seconds = start_of_count(volume_bits, receivers, static_cast<double>(k));
  std::vector<Next> upcoming;
  std::int64_t wanted = k;
  for (std::size_t j = 0; j < receivers.size(); ++j) {
    const DeliveryRange& range = receivers[j];
    if (range.downlink <= Rate()) continue;
    const std::int64_t skipped = ended(range, start_seconds, volume_bits);
    wanted -= skipped;
    if (skipped < range.most)
      upcoming.push_back({{(range.first + skipped + 1) * volume, range.downlink}, j, range.most - skipped});
  }
  std::priority_queue<Next, std::vector<Next>, Later> queue(Later(), std::move(upcoming));
  for (;;) {
    const Next next = queue.top();
    if (--wanted == 0) return next.time;
    queue.pop();
    if (next.left > 1) queue.push({{next.time.load + volume, next.time.rate}, next.receiver, next.left - 1});
  }
}

}  // namespace selmcast::plan
