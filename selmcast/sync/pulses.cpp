#include "selmcast/sync/pulses.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr double kSoughtTimes = 2;    // of an estimate
constexpr double kTestedTimes = 1.2;  // likewise
constexpr double kFastest = 5;        // of a delivery's mean rate
constexpr double kRoomSearched = 3;   // of the estimate at a delivery's other end
constexpr double kRoom = 1.3;         // likewise
constexpr std::uint64_t kUnmeasuredPeriod = 2;
constexpr double kPulsedShare = 0.6;    // of a delivery's bytes
constexpr double kPulsesWithin = 0.95;  // of the completion time
constexpr Duration kWindow = Duration::milliseconds(300);
constexpr std::size_t kWindowsMost = 12;
constexpr std::size_t kWindowsLeast = 4;

// The windows of one round.
struct Windows {
  explicit Windows(Duration completion)
      : count(static_cast<std::size_t>(
            std::clamp(completion * kPulsesWithin / kWindow, 0.0, 1.0 * kWindowsMost))),
        length(completion * (kPulsesWithin / static_cast<double>(std::max<std::size_t>(1, count)))) {}
  std::size_t count;
  Duration length;
};

struct PulsedLink {
  Rate load;  // on average
  Rate estimate;
  bool searched = false;
  bool doubted = false;
};

// One that never was full may be one that nothing fills: it is not looked for in every round.
bool is_searched(const BandwidthEstimator& estimator, LinkId id, Round round) {
  const bool is_due = (round.value() + id.worker.value()) % kUnmeasuredPeriod == 0;
  return estimator.searching(id) && (estimator.measured(id) || is_due);
}

// The window of each link; `count` or more: it has none in this round. First come those whose end is looked for, or in
// doubt, then whoever had none in the round before.
std::vector<std::size_t> windows_of(std::span<const PulsedLink> links, std::size_t count, Round round) {
  std::vector<std::size_t> order(links.size());
  const std::size_t first = round.value() % links.size() * count % links.size();
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = (first + k) % links.size();
  std::ranges::stable_partition(order, [&](std::size_t l) { return links[l].searched || links[l].doubted; });
  std::vector<std::size_t> windows(links.size());
  for (std::size_t k = 0; k < order.size(); ++k) windows[order[k]] = k % kWindowsMost;
  return windows;
}

// How many times its mean rate a delivery is sent in a link's window.
double factor_of(const PulsedLink& link, const PulsedLink& other, Rate mean) {
  const double wanted = link.estimate * (link.searched ? kSoughtTimes : kTestedTimes) / link.load;
  const double room = (other.estimate * (link.searched ? kRoomSearched : kRoom) - other.load) / mean + 1;
  return std::max(1.0, std::min({wanted, room, kFastest}));
}

// The greatest are cut down until they come to `most` in all.
void cut_down(std::vector<double>& factors, double most) {
  double left = most;
  std::vector<double> ascending = factors;
  std::ranges::sort(ascending);
  for (std::size_t k = 0; k < ascending.size(); ++k) {
    const double each = left / static_cast<double>(ascending.size() - k);
    if (ascending[k] > each) {
      for (double& factor : factors) factor = std::min(factor, each);
      return;
    }
    left -= ascending[k];
  }
}

// In which windows a delivery is pulsed, and how many times its mean rate; 0: not there.
PaceSteps course(std::vector<double> factors, Rate mean, Duration window) {
  const auto windows = static_cast<double>(factors.size());
  cut_down(factors, kPulsedShare * windows);
  const double pulsed = std::accumulate(factors.begin(), factors.end(), 0.0);
  const auto others = static_cast<double>(std::ranges::count(factors, 0.0));
  const double rest = (windows / kPulsesWithin - pulsed) / others;
  PaceSteps steps;
  for (std::size_t k = 0; k < factors.size(); ++k) {
    const Rate rate = mean * (factors[k] > 0 ? factors[k] : rest);
    if (steps.empty() || rate != steps.back().rate) steps.push_back({window * static_cast<double>(k), rate});
  }
  if (factors.back() > 0) steps.push_back({window * static_cast<double>(factors.size()), mean * rest});
  return steps;
}

}  // namespace

std::vector<PaceSteps> plan_pulses(const plan::Problem& problem, std::span<const PairRate> allocated,
                                   const BandwidthEstimator& estimator, const BurstContext& context) {
  SELMCAST_CHECK(context.ids.size() == problem.size(), "one id a worker");
  const std::size_t n = problem.size();
  const auto up = [](const PairRate& d) { return position(d.pair.sender); };
  const auto down = [n](const PairRate& d) { return n + position(d.pair.receiver); };
  std::vector<PaceSteps> all(allocated.size());
  std::vector<Bytes> loads(2 * n);
  for (const PairRate& delivery : allocated) {
    for (const std::size_t link : {up(delivery), down(delivery)})
      loads[link] += problem.worker(delivery.pair.sender).volume;
  }
  Duration completion;
  for (std::size_t i = 0; i < n; ++i) {
    completion = std::max(
        {completion, loads[i] / problem.workers[i].uplink, loads[n + i] / problem.workers[i].downlink});
  }
  const Windows windows(completion);
  if (windows.count < kWindowsLeast) return all;

  std::vector<PulsedLink> links(2 * n);
  for (std::size_t l = 0; l < 2 * n; ++l) {
    const LinkId id{context.ids[l % n], l < n ? Direction::up : Direction::down};
    links[l] = {loads[l] / completion, estimator.estimate(id), is_searched(estimator, id, context.round),
                estimator.doubted(id)};
  }
  const std::vector<std::size_t> window_of = windows_of(links, windows.count, context.round);
  for (std::size_t d = 0; d < allocated.size(); ++d) {
    const Rate mean = problem.worker(allocated[d].pair.sender).volume / completion;
    std::vector<double> factors(windows.count);
    for (const auto& [link, other] :
         {std::pair(up(allocated[d]), down(allocated[d])), std::pair(down(allocated[d]), up(allocated[d]))}) {
      const std::size_t window = window_of[link];
      if (window < factors.size())
        factors[window] = std::max(factors[window], factor_of(links[link], links[other], mean));
    }
    all[d] = course(std::move(factors), mean, windows.length);
  }
  return all;
}

Rate mean_rate(const PaceSteps& steps, Bytes bytes) {
  double left = bytes.in_bits();
  Duration took;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const double rate = steps[k].rate.bps();
    const bool is_last = k + 1 == steps.size();
    const Duration length = is_last ? Duration::infinite() : steps[k + 1].after - steps[k].after;
    const Duration needed = Duration::seconds(left / rate);
    if (needed <= length) return bytes / (took + needed);
    left -= rate * length.in_seconds();
    took = took + length;
  }
  return Rate::unlimited();
}

}  // namespace selmcast::sync
