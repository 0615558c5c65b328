#include "selmcast/sync/bursts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "selmcast/base/check.h"
#include "selmcast/plan/reach.h"

namespace selmcast::sync {
namespace {

constexpr double kDoneEarly = 0.9;  // of the completion time
constexpr double kIdle = 1.5;       // where no link binds
constexpr double kIdleNetwork = 2;
constexpr double kSearch = 1.5;
constexpr double kRoutine = 1.25;
constexpr std::uint64_t kRoutinePeriod = 4;
constexpr double kProbe = 1.25;   // of an estimate
constexpr double kProbeMost = 8;  // of a delivery's rate
constexpr std::uint64_t kProbePeriod = 4;

// Of each link: what it carries until the end, and how fast.
struct Loads {
  std::vector<Bytes> up;
  std::vector<Bytes> down;
  std::vector<Rate> up_rate;
  std::vector<Rate> down_rate;
};

// The greatest factors of a network multicast's deliveries.
struct Multicast {
  bool binds = false;  // a link of it does
  double binding = 1, idle = 1;
  Rate rate, own;  // of the copy that is shared; of all others on the same uplink

  // Datagrams do not give way to streams beside them: so only as far as the uplink has room for all.
  double most(Rate uplink) const {
    return own > Rate() ? std::max(1.0, (uplink - own) / rate) : std::numeric_limits<double>::infinity();
  }
};

Loads loads_of(const plan::Problem& problem, const plan::Reach& reach, std::span<const PairRate> allocated) {
  const std::size_t n = problem.size();
  Loads loads{std::vector<Bytes>(n), std::vector<Bytes>(n), std::vector<Rate>(n), std::vector<Rate>(n)};
  std::vector<char> is_shared(n, 0);  // by sender: its one copy is counted
  for (const auto& [pair, rate] : allocated) {
    const std::size_t i = position(pair.sender), j = position(pair.receiver);
    const Bytes volume = problem.workers[i].volume;
    loads.down[j] += volume;
    loads.down_rate[j] += rate;
    const bool shares = reach.shares(i, j);
    if (shares && is_shared[i] != 0) continue;
    if (shares) is_shared[i] = 1;
    loads.up[i] += volume;
    loads.up_rate[i] += rate;
  }
  return loads;
}

bool is_due(LinkId link, Round round, std::uint64_t period) {
  return (round.value() + link.worker.value()) % period == 0;
}

// What brings all deliveries of a link that does not bind to a bit more than its estimate.
double factor_on_idle(const BandwidthEstimator& estimator, LinkId link, Rate allocated, Round round) {
  if (!is_due(link, round, kProbePeriod)) return kIdle;
  return std::clamp(kProbe * (estimator.estimate(link) / allocated), kIdle, kProbeMost);
}

double factor_on_binding(const BandwidthEstimator& estimator, LinkId link, Round round) {
  if (estimator.searching(link)) return kSearch;
  return is_due(link, round, kRoutinePeriod) ? kRoutine : 1;
}

}  // namespace

std::vector<PairRate> plan_bursts(const plan::Problem& problem, std::span<const PairRate> allocated,
                                  const BandwidthEstimator& estimator, const BurstContext& context) {
  SELMCAST_CHECK(context.ids.size() == problem.size(), "one id a worker");
  const plan::Reach reach(problem);
  const Loads loads = loads_of(problem, reach, allocated);
  const auto up_time = [&](WorkerIndex i) { return loads.up[position(i)] / problem.worker(i).uplink; };
  const auto down_time = [&](WorkerIndex j) { return loads.down[position(j)] / problem.worker(j).downlink; };
  Duration completion;
  for (const PairRate& delivery : allocated) {
    completion = std::max({completion, up_time(delivery.pair.sender), down_time(delivery.pair.receiver)});
  }
  const auto binds = [&](Duration link_time) { return link_time >= completion * kDoneEarly; };

  std::vector<PairRate> paced(allocated.begin(), allocated.end());
  const auto shares = [&](const plan::Pair& pair) {
    return reach.shares(position(pair.sender), position(pair.receiver));
  };
  std::vector<Multicast> multicasts(problem.size());
  std::vector<double> factors;
  for (const auto& [pair, rate] : allocated) {
    const LinkId up{context.ids[position(pair.sender)], Direction::up};
    const LinkId down{context.ids[position(pair.receiver)], Direction::down};
    const bool up_binds = binds(up_time(pair.sender));
    const bool down_binds = binds(down_time(pair.receiver));
    double factor = 1;
    if (!up_binds && !down_binds) {
      factor =
          shares(pair)
              ? (is_due(up, context.round, kProbePeriod) || is_due(down, context.round, kProbePeriod)
                     ? kIdleNetwork
                     : 1)
              : std::max(
                    factor_on_idle(estimator, up, loads.up_rate[position(pair.sender)], context.round),
                    factor_on_idle(estimator, down, loads.down_rate[position(pair.receiver)], context.round));
    }
    if (up_binds) factor = std::max(factor, factor_on_binding(estimator, up, context.round));
    if (down_binds) factor = std::max(factor, factor_on_binding(estimator, down, context.round));
    factors.push_back(factor);
    Multicast& multicast = multicasts[position(pair.sender)];
    if (!shares(pair)) {
      multicast.own += rate;
      continue;
    }
    multicast.rate = rate;
    multicast.binds = multicast.binds || up_binds || down_binds;
    double& most = up_binds || down_binds ? multicast.binding : multicast.idle;
    most = std::max(most, factor);
  }
  for (std::size_t k = 0; k < factors.size(); ++k) {
    const Multicast& multicast = multicasts[position(paced[k].pair.sender)];
    const double of_all = std::min(multicast.binds ? multicast.binding : multicast.idle,
                                   multicast.most(problem.worker(paced[k].pair.sender).uplink));
    paced[k].rate = paced[k].rate * (shares(paced[k].pair) ? of_all : factors[k]);
  }
  return paced;
}

}  // namespace selmcast::sync
