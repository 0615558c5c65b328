#include "selmcast/sim/bounds.h"

#include <algorithm>
#include <vector>

namespace selmcast::sim {

double scale_bound(std::span<const Rate> links, Duration cycle, Bytes volume) {
  const auto n = static_cast<double>(links.size());
  double sum = 0;
  for (const Rate link : links)
    sum += std::min((n - 1) / n, link.bps() * cycle.in_seconds() / volume.in_bits() / n);
  return sum / n;
}

namespace {

// t_ij of all j, ascending, in seconds.
std::vector<double> least_times(std::span<const Rate> uplink, std::span<const Rate> downlink, std::size_t sender,
                                Bytes volume) {
  std::vector<double> times;
  for (std::size_t j = 0; j < downlink.size(); ++j) {
    if (j != sender) times.push_back((volume / std::min(uplink[sender], downlink[j])).in_seconds());
  }
  std::ranges::sort(times);
  return times;
}

// F(mean): the most receivers on average of multicasts that take `mean` seconds on average, each at least `least`. The
// best mixture is one of two kinds of multicast, the k and l receivers nearest in time.
double most_receivers(const std::vector<double>& times, double least, double mean) {
  struct Point {
    double time = 0;
    double receivers = 0;
  };
  std::vector<Point> hull{{least, 0}};
  for (std::size_t k = 0; k < times.size(); ++k) {
    const Point next{times[k], static_cast<double>(k + 1)};
    const auto is_below = [&](const Point& a, const Point& b) {  // b, on the line from a to next or under it
      return (b.receivers - a.receivers) * (next.time - a.time) <= (next.receivers - a.receivers) * (b.time - a.time);
    };
    while (hull.size() > 1 && is_below(hull[hull.size() - 2], hull.back())) hull.pop_back();
    hull.push_back(next);
  }
  if (mean < hull.front().time) return 0;
  double most = 0;
  for (std::size_t k = 0; k < hull.size(); ++k) {
    if (hull[k].time <= mean) {
      most = hull[k].receivers;
      continue;
    }
    const double part = (mean - hull[k - 1].time) / (hull[k].time - hull[k - 1].time);
    return hull[k - 1].receivers + part * (hull[k].receivers - hull[k - 1].receivers);
  }
  return most;
}

}  // namespace

Duration least_cycle(std::span<const Rate> uplink, std::span<const Rate> downlink, const Demands& demands) {
  const std::size_t n = uplink.size();
  const double rounds = demands.max_age ? *demands.max_age + 1.0 : 0;
  double cycle = 0;
  Rate sum;
  for (std::size_t i = 0; i < n; ++i) {
    const double alone = (demands.volume / uplink[i]).in_seconds();
    const double with_slowest = least_times(uplink, downlink, i, demands.volume).back();
    const double sending = demands.max_age ? alone + (with_slowest - alone) / rounds : alone;
    cycle = std::max(cycle, demands.computing.in_seconds() + sending);
    if (demands.max_age)
      cycle = std::max(cycle, static_cast<double>(n - 1) / rounds * (demands.volume / downlink[i]).in_seconds());
    sum += downlink[i];
  }
  const auto deliveries = static_cast<double>(n * demands.min_receivers);
  return Duration::seconds(std::max(cycle, deliveries * (demands.volume / sum).in_seconds()));
}

double joint_scale_bound(std::span<const Rate> uplink, std::span<const Rate> downlink, Duration cycle,
                         const Demands& demands) {
  if (cycle < least_cycle(uplink, downlink, demands) * (1 - 1e-12)) return 0;
  const auto n = static_cast<double>(uplink.size());
  const double sending = (cycle - demands.computing).in_seconds();
  double receivers = 0;
  for (std::size_t i = 0; i < uplink.size(); ++i) {
    const auto times = least_times(uplink, downlink, i, demands.volume);
    receivers += most_receivers(times, (demands.volume / uplink[i]).in_seconds(), sending);
  }
  return std::min(receivers / n / n, scale_bound(downlink, cycle, demands.volume));
}

}  // namespace selmcast::sim
