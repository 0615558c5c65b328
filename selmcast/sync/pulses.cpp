#include "selmcast/sync/pulses.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

// The windows of one round: which of them is a link's.
class Windows {
 public:
  Windows(Duration completion, Round round)
      : count_(static_cast<std::size_t>(
            std::clamp(completion * kPulsesWithin / kWindow, 0.0, 1.0 * kWindowsMost))),
        length_(completion * (kPulsesWithin / static_cast<double>(std::max<std::size_t>(1, count_)))),
        shift_(count_ > 0 ? round.value() % kWindowsMost * (count_ - 1) : 0) {}

  std::size_t count() const { return count_; }
  Duration length() const { return length_; }
  // count() or more: it has none in this round.
  std::size_t of(std::size_t link) const { return (link + shift_) % kWindowsMost; }

 private:
  std::size_t count_;
  Duration length_;
  std::size_t shift_;
};

struct PulsedLink {
  Rate load;  // on average
  Rate estimate;
  bool searched = false;
};

// One that never was full may be one that nothing fills: it is not looked for in every round.
bool is_searched(const BandwidthEstimator& estimator, LinkId id, Round round) {
  const bool is_due = (round.value() + id.worker.value()) % kUnmeasuredPeriod == 0;
  return estimator.searching(id) && (estimator.measured(id) || is_due);
}

// How many times its mean rate a delivery is sent in a link's window.
double factor_of(const PulsedLink& link, const PulsedLink& other, Rate mean) {
  const double wanted = link.estimate * (link.searched ? kSoughtTimes : kTestedTimes) / link.load;
  const double room = (other.estimate * (link.searched ? kRoomSearched : kRoom) - other.load) / mean + 1;
  return std::max(1.0, std::min({wanted, room, kFastest}));
}

// In which windows a delivery is pulsed, and how many times its mean rate; 0: not there.
PaceSteps course(std::vector<double> factors, Rate mean, Duration window) {
  double in_pulses = 0, others = 0;
  for (const double factor : factors) {
    in_pulses += factor / static_cast<double>(factors.size());
    others += factor > 0 ? 0 : 1;
  }
  const double cut = std::min(1.0, kPulsedShare / std::max(in_pulses, kPulsedShare));
  const double rest = (1 / kPulsesWithin - in_pulses * cut) * static_cast<double>(factors.size()) / others;
  PaceSteps steps;
  for (std::size_t k = 0; k < factors.size(); ++k) {
    const Rate rate = mean * (factors[k] > 0 ? factors[k] * cut : rest);
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
  const Windows windows(completion, context.round);
  if (windows.count() < kWindowsLeast) return all;

  std::vector<PulsedLink> links(2 * n);
  for (std::size_t l = 0; l < 2 * n; ++l) {
    const LinkId id{context.ids[l % n], l < n ? Direction::up : Direction::down};
    links[l] = {loads[l] / completion, estimator.estimate(id), is_searched(estimator, id, context.round)};
  }
  for (std::size_t d = 0; d < allocated.size(); ++d) {
    const Rate mean = problem.worker(allocated[d].pair.sender).volume / completion;
    std::vector<double> factors(windows.count());
    for (const auto& [link, other] :
         {std::pair(up(allocated[d]), down(allocated[d])), std::pair(down(allocated[d]), up(allocated[d]))}) {
      const std::size_t window = windows.of(link);
      if (window < factors.size())
        factors[window] = std::max(factors[window], factor_of(links[link], links[other], mean));
    }
    all[d] = course(std::move(factors), mean, windows.length());
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
