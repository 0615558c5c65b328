#include "selmcast/sync/soundings.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr double kOfWhatIsSpare = 0.9;
constexpr double kLeastOfEstimate = 0.5;
constexpr double kOfTheRound = 0.5;
constexpr Duration kLongest = Duration::milliseconds(300);
constexpr Duration kShortest = Duration::milliseconds(50);

class Soundings {
 public:
  Soundings(const plan::Problem& problem, std::span<const PairRate> allocated,
            const BandwidthEstimator& estimator, const BurstContext& context, std::span<const plan::Pair> out)
      : problem_(problem), estimator_(estimator), context_(context), out_(out) {
    const std::size_t n = problem.size();
    std::vector<Rate> loads(2 * n);
    std::vector<Bytes> bytes(2 * n);
    for (const PairRate& d : allocated) {
      for (const std::size_t link : {position(d.pair.sender), n + position(d.pair.receiver)}) {
        loads[link] += d.rate;
        bytes[link] += problem.worker(d.pair.sender).volume;
      }
    }
    for (std::size_t l = 0; l < 2 * n; ++l) {
      const plan::WorkerSpec& worker = problem.workers[l % n];
      const Rate carries = l < n ? worker.uplink : worker.downlink;
      completion_ = std::max(completion_, bytes[l] / carries);
      spare_.push_back(loads[l] < carries ? (carries - loads[l]) * kOfWhatIsSpare : Rate());
    }
  }

  std::optional<Sounding> of(std::size_t link) {
    const std::size_t n = problem_.size();
    const LinkId id{context_.ids[link % n], link < n ? Direction::up : Direction::down};
    const Rate estimate = estimator_.estimate(id);
    const Rate wanted = estimate * kSoundedTimes;
    // Of those with enough to spare, another one every time.
    std::optional<std::size_t> best;
    Rate most;
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t other = (k + context_.round.value()) % n;
      const Rate rate = std::min(wanted, spare_[link < n ? n + other : other]);
      if (other == link % n || is_out(pair_of(link, other)) || !(rate > most)) continue;
      best = other;
      most = rate;
    }
    if (!best || most < estimate * kLeastOfEstimate) return std::nullopt;
    const plan::Pair pair = pair_of(link, *best);
    const Duration window =
        std::min(kLongest, completion_ * (kOfTheRound * (std::min(most, estimate) / most)));
    const Bytes bytes = most * window;
    if (window < kShortest || 2 * bytes > problem_.worker(pair.sender).volume) return std::nullopt;
    spare_[position(pair.sender)] = less(spare_[position(pair.sender)], most);
    spare_[n + position(pair.receiver)] = less(spare_[n + position(pair.receiver)], most);
    made_.push_back(pair);
    return Sounding{pair, bytes, most};
  }

 private:
  static Rate less(Rate spare, Rate used) { return used < spare ? spare - used : Rate(); }
  plan::Pair pair_of(std::size_t link, std::size_t other) const {
    const auto index = [](std::size_t k) { return WorkerIndex(static_cast<std::uint32_t>(k)); };
    const std::size_t n = problem_.size();
    return link < n ? plan::Pair{index(link), index(other)} : plan::Pair{index(other), index(link - n)};
  }
  bool is_out(const plan::Pair& pair) const {
    return std::ranges::find(out_, pair) != out_.end() || std::ranges::find(made_, pair) != made_.end();
  }

  const plan::Problem& problem_;
  const BandwidthEstimator& estimator_;
  const BurstContext& context_;
  std::span<const plan::Pair> out_;
  std::vector<plan::Pair> made_;
  Duration completion_;
  std::vector<Rate> spare_;  // by link
};

}  // namespace

bool Crossings::is_silent(LinkId link, Round round) {
  const auto [found, is_new] = last_.emplace(link, round);
  return !is_new && round.value() >= found->second.value() + kSilentRounds;
}

void Crossings::leave(WorkerId worker) {
  for (const Direction direction : {Direction::up, Direction::down}) last_.erase({worker, direction});
}

std::vector<Sounding> plan_soundings(const plan::Problem& problem, std::span<const PairRate> allocated,
                                     const BandwidthEstimator& estimator, const BurstContext& context,
                                     const std::vector<bool>& silent, std::span<const plan::Pair> out) {
  SELMCAST_CHECK(silent.size() == 2 * problem.size() && context.ids.size() == problem.size(),
                 "one id and two links a worker");
  Soundings soundings(problem, allocated, estimator, context, out);
  std::vector<Sounding> all;
  for (std::size_t link = 0; link < silent.size(); ++link) {
    const auto sounding = silent[link] ? soundings.of(link) : std::nullopt;
    if (sounding) all.push_back(*sounding);
  }
  return all;
}

}  // namespace selmcast::sync
