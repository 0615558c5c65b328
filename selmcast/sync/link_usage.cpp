#include "selmcast/sync/link_usage.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace selmcast::sync {
namespace {

constexpr Duration kShortestWindow = Duration::milliseconds(10);
constexpr std::size_t kMostWindowEdges = 8;

// Bits that the delivery must have moved within the window.
double least_bits(const Usage& u, Duration from, Duration to) {
  if (u.finished <= from || u.started >= to) return 0;
  const Duration outside = std::max(from - u.started, Duration()) + std::max(u.finished - to, Duration());
  const double bits = u.rate.bps() * (u.finished - u.started).in_seconds();
  if (outside <= Duration()) return bits;
  return std::max(0.0, bits - u.cap.bps() * outside.in_seconds());
}

// At most kMostWindowEdges of the sorted times, evenly by rank, first and last included.
std::vector<Duration> some_of(std::vector<Duration> times) {
  std::ranges::sort(times);
  if (times.size() <= kMostWindowEdges) return times;
  std::vector<Duration> chosen;
  for (std::size_t k = 0; k < kMostWindowEdges; ++k) {
    chosen.push_back(times[k * (times.size() - 1) / (kMostWindowEdges - 1)]);
  }
  return chosen;
}

}  // namespace

std::optional<Rate> sustained_aggregate(std::span<const Usage> usages) {
  std::vector<Duration> starts;
  std::vector<Duration> ends;
  Duration shortest_delivery = Duration::infinite();
  for (const Usage& u : usages) {
    starts.push_back(u.started);
    ends.push_back(u.finished);
    shortest_delivery = std::min(shortest_delivery, u.finished - u.started);
  }
  starts = some_of(std::move(starts));
  ends = some_of(std::move(ends));
  const Duration shortest = std::max(shortest_delivery, kShortestWindow);
  std::optional<Rate> most;
  for (const Duration from : starts) {
    for (const Duration to : ends) {
      if (to - from < shortest) continue;
      double bits = 0;
      for (const Usage& u : usages) bits += least_bits(u, from, to);
      const Rate carried = Rate::bits_per_second(bits / (to - from).in_seconds());
      if (!most || carried > *most) most = carried;
    }
  }
  return most;
}

}  // namespace selmcast::sync
