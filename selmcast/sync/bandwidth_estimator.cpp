#include "selmcast/sync/bandwidth_estimator.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/sync/full_links.h"
#include "selmcast/sync/link_loads.h"

namespace selmcast::sync {
namespace {

constexpr Duration kShortestDelivery = Duration::milliseconds(5);
// With the larger of two samples as target, a halved link is followed to 0.3^2 = 9 % in three rounds.
constexpr double kBlend = 0.7;
// More than this above the estimate is not noise but proof that the link carries it.
constexpr double kClearlyMore = 1.05;
// Samples that differ by less than this factor say the same.
constexpr double kAgreeing = 1.1;
constexpr double kMostGrowth = 4;
constexpr double kMostFall = 1 / kMostGrowth;
constexpr std::size_t kMemory = 8;
constexpr std::size_t kSamples = 3;  // of which two must agree on a fall
constexpr int kOfASpread = 3;
constexpr double kLeastLeft = 0.5;
constexpr double kNear = 1.12;          // samples of pulses that say the same
constexpr std::size_t kAveraged = 4;    // of them
constexpr double kMoreByPulses = 1.08;  // than the estimate, by a link that was not full: no noise
// What was declared is given up for one look only if it is a little wrong, or several deliveries say so.
constexpr double kNearDeclared = 0.7;
constexpr double kManyHeldBack = 1.5;

bool is_near(Rate sample, Rate estimate) { return sample * kNear > estimate && sample < estimate * kNear; }

// The mean of the upper half of the last samples, as far as they are near: a link carries no more than it can, but
// often a little less.
Rate upper_of(std::span<const Rate> samples, Rate estimate) {
  samples = samples.last(std::min(samples.size(), kAveraged));
  std::vector<Rate> near;
  std::ranges::copy_if(samples, std::back_inserter(near), [&](Rate it) { return is_near(it, estimate); });
  std::ranges::sort(near);
  const std::size_t half = (near.size() + 1) / 2;
  Rate sum;
  for (std::size_t k = near.size() - half; k < near.size(); ++k) sum += near[k];
  return sum * (1 / static_cast<double>(half));
}

bool is_usable(const DeliveryObservation& d) {
  const bool finite = std::isfinite(d.started.in_seconds()) && std::isfinite(d.finished.in_seconds());
  return finite && d.started >= Duration() && d.finished - d.started >= kShortestDelivery &&
         d.bytes > Bytes() && (d.paced.is_unlimited() || d.paced.is_positive_finite()) &&
         d.sender != d.receiver;
}

// One round, with links numbered densely in ascending order.
struct RoundView {
  std::vector<LinkId> ids;
  std::vector<LoadedDelivery> deliveries;
  std::vector<int> count;   // of deliveries, by link
  std::vector<Rate> paced;  // of all of them, by link

  RoundView(std::span<const DeliveryObservation> observed, const BandwidthEstimator& known,
            bool one_copy_up) {
    std::vector<const DeliveryObservation*> usable;
    for (const DeliveryObservation& d : observed) {
      if (!is_usable(d) || !known.knows(d.sender) || !known.knows(d.receiver)) continue;
      usable.push_back(&d);
      ids.push_back({d.sender, Direction::up});
      ids.push_back({d.receiver, Direction::down});
    }
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    count.resize(ids.size());
    paced.resize(ids.size());
    std::vector<Rate> shared(ids.size());  // by uplink
    for (const DeliveryObservation* d : usable) {
      const bool shares = one_copy_up && !d->own_copy;
      const std::size_t up = find({d->sender, Direction::up});
      const std::size_t down = find({d->receiver, Direction::down});
      ++count[up];
      ++count[down];
      paced[down] += d->paced;
      if (shares)
        shared[up] = std::max(shared[up], d->paced);
      else
        paced[up] += d->paced;
      deliveries.push_back({.up = up,
                            .down = down,
                            .bytes = d->bytes,
                            .started = d->started,
                            .finished = d->finished,
                            .paces = paces(*d),
                            .progress = d->progress,
                            .pulsed = d->pulsed,
                            .lossy = d->lossy,
                            .allocated = d->allocated,
                            .shares_up = shares,
                            .not_by_uplink = shares && d->alone,
                            .late = d->late,
                            .ack_load = d->ack_load,
                            .back_down = position({d->sender, Direction::down}),
                            .back_up = position({d->receiver, Direction::up})});
    }
    for (std::size_t l = 0; l < ids.size(); ++l) paced[l] += shared[l];
    spare_uplinks();
  }

  std::size_t find(LinkId id) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(ids, id) - ids.begin());
  }

  // None: nothing is delivered over it.
  std::optional<std::size_t> position(LinkId id) const {
    const std::size_t l = find(id);
    return l < ids.size() && ids[l] == id ? std::optional(l) : std::nullopt;
  }

  // Acknowledgements that each link carried on average, from the first delivery's start to the last one's end.
  std::vector<Rate> ack_rates() const {
    std::vector<double> bits(ids.size());
    Duration from = Duration::infinite(), to;
    for (const LoadedDelivery& d : deliveries) {
      from = std::min(from, d.started);
      to = std::max(to, d.finished);
      for (const auto& back : {d.back_down, d.back_up})
        if (back) bits[*back] += d.bytes.in_bits() * d.ack_load;
    }
    std::vector<Rate> rates;
    for (const double all : bits) rates.push_back(Rate::bits_per_second(all / (to - from).in_seconds()));
    return rates;
  }

  // A delivery lost, and gave way to its fair rate: that shows where the link ends.
  bool gave_way(std::size_t l, const LinkLoads& loads) const {
    for (std::size_t d = 0; d < deliveries.size(); ++d) {
      const bool is_here = deliveries[d].up == l || deliveries[d].down == l;
      if (is_here && deliveries[d].lossy == true &&
          std::ranges::none_of(loads.course(d).cells, &LinkLoads::Cell::is_held_back))
        return true;
    }
    return false;
  }

 private:
  // Who lost while another receiver of the same multicast got all was not held back by the uplink.
  void spare_uplinks() {
    std::vector<bool> got_through(ids.size());
    for (const LoadedDelivery& d : deliveries)
      if (d.shares_up && d.lossy == false) got_through[d.up] = true;
    for (LoadedDelivery& d : deliveries)
      if (d.shares_up && d.lossy != false && got_through[d.up]) d.not_by_uplink = true;
  }

  static std::vector<PacePiece> paces(const DeliveryObservation& d) {
    if (!d.paces.empty()) return d.paces;
    return {{d.started, d.finished, d.paced}};
  }
};

}  // namespace

void BandwidthEstimator::join(WorkerId worker, Rate declared_uplink, Rate declared_downlink) {
  SELMCAST_CHECK(declared_uplink.is_positive_finite() && declared_downlink.is_positive_finite(),
                 "declared rates are checked where they come in");
  const bool is_new =
      workers_.emplace(worker, Worker{{.estimate = declared_uplink}, {.estimate = declared_downlink}}).second;
  SELMCAST_CHECK(is_new, "worker ids are never reused");
}

void BandwidthEstimator::disbelieve(WorkerId worker) {
  const auto found = workers_.find(worker);
  SELMCAST_CHECK(found != workers_.end(), "only known workers are heard");
  if (!std::exchange(found->second.is_believed, false)) return;
  for (Link* link : {&found->second.up, &found->second.down})
    *link = {.estimate = link->estimate, .is_void = true, .acks = link->acks};
}

void BandwidthEstimator::leave(WorkerId worker) { workers_.erase(worker); }

const BandwidthEstimator::Link& BandwidthEstimator::link(LinkId id) const {
  const auto found = workers_.find(id.worker);
  SELMCAST_CHECK(found != workers_.end(), "only known workers have links");
  return id.direction == Direction::up ? found->second.up : found->second.down;
}

Rate BandwidthEstimator::estimate(LinkId id) const { return link(id).estimate; }

Rate BandwidthEstimator::lower_end(LinkId id) const {
  const Link& it = link(id);
  double squares = 0;
  int count = 0;
  for (const Rate sample : it.full) {
    const double off = sample / it.estimate - 1;
    if (std::abs(off) > kAgreeing - 1) continue;
    squares += off * off;
    ++count;
  }
  const Rate least = count < kOfASpread ? it.estimate : it.estimate * (1 - std::sqrt(squares / count));
  return std::max(least - it.acks, least * kLeastLeft);
}

bool BandwidthEstimator::searching(LinkId id) const { return !link(id).confirmed || link(id).risen; }

bool BandwidthEstimator::doubted(LinkId id) const {
  const Link& it = link(id);
  return !it.full.empty() && it.full.back() * kAgreeing < it.estimate;
}

// Remembers what it carried and says how plausible it is that the link was full.
LinkEvidence BandwidthEstimator::weigh(Link& link, Rate level) {
  const Rate carried = std::min(level, link.estimate * kMostGrowth);
  link.recent.push_back(carried);
  if (link.recent.size() > kMemory) link.recent.erase(link.recent.begin());
  const Rate peak = std::max(carried, std::ranges::max(link.recent));
  return {.level = carried,
          .estimate = link.is_void ? std::nullopt : std::optional(link.estimate),
          .recent_peak = peak,
          .confirmed = link.confirmed};
}

// The largest value that two of the last samples agree on.
std::optional<Rate> BandwidthEstimator::agreed(std::span<const Rate> samples) {
  samples = samples.last(std::min(samples.size(), kSamples));
  std::optional<Rate> most;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Rate high = std::max(samples[i], samples[j]);
      if (std::min(samples[i], samples[j]) * kAgreeing > high && (!most || high > *most)) most = high;
    }
  }
  return most;
}

// What pulses tell is less even than what whole rounds do, and comes every round.
void BandwidthEstimator::update(Link& link, Rate aggregate, std::optional<Witness> witness, bool pulsed) {
  const Rate before = link.estimate;
  const Rate seen = std::clamp(aggregate, before * kMostFall, before * kMostGrowth);
  if (!witness) {
    if (seen <= before * (pulsed ? kMoreByPulses : 1)) return;
    link.estimate = seen;
    link.risen = link.risen || seen > before * kClearlyMore;
    return;
  }
  link.full.push_back(seen);
  if (link.full.size() > kMemory) link.full.erase(link.full.begin());
  const bool replaces_declared =
      !link.confirmed && (link.is_void || witness->is_late || witness->held_back >= kManyHeldBack ||
                          seen > before * kNearDeclared);
  if (pulsed && link.confirmed && is_near(seen, before)) {
    link.estimate = upper_of(link.full, before);
  } else if (replaces_declared || seen * kAgreeing > before) {
    const bool jump = !link.confirmed || seen > before * kClearlyMore;
    link.estimate = jump ? seen : before + (seen - before) * kBlend;
  } else if (const auto fallen = agreed(link.full); fallen && *fallen * kAgreeing < before) {
    link.estimate = *fallen;
  } else if (witness->is_late) {
    const Rate larger = link.full.size() > 1 ? std::max(seen, link.full[link.full.size() - 2]) : seen;
    if (larger < before) link.estimate = before + (larger - before) * kBlend;
  } else {
    return;  // one look alone: perhaps misjudged
  }
  link.is_void = link.is_void && seen > aggregate;  // it has further to fall
  link.confirmed = !link.is_void;
  link.risen = seen < aggregate;
}

// It carried about what it is thought to, and no more.
void BandwidthEstimator::found_end(Link& link) {
  link.confirmed = true;
  link.is_void = false;
  link.risen = false;
}

std::vector<LinkJudgement> BandwidthEstimator::observe(std::span<const DeliveryObservation> observed,
                                                       bool one_copy_up) {
  const RoundView round(observed, *this, one_copy_up);
  const LinkLoads loads(round.deliveries, round.ids.size());
  std::vector<std::optional<LinkEvidence>> evidence;
  for (std::size_t l = 0; l < round.ids.size(); ++l) {
    const auto level = loads.level(l);
    evidence.push_back(level ? std::optional(weigh(link(round.ids[l]), *level)) : std::nullopt);
  }
  const auto full = find_full_links(loads, round.deliveries, evidence);
  const std::vector<Rate> acks = round.ack_rates();

  const bool pulsed = std::ranges::any_of(round.deliveries, &LoadedDelivery::pulsed);
  std::vector<LinkJudgement> judgements;
  for (std::size_t l = 0; l < round.ids.size(); ++l) {
    const auto sustained = loads.sustained(l);
    if (!sustained) continue;
    LinkJudgement judgement;
    judgement.link = round.ids[l];
    judgement.deliveries = round.count[l];
    judgement.held_back = full[l] ? full[l]->held_back : 0;
    judgement.saturated = full[l].has_value();
    judgement.aggregate = full[l] ? full[l]->carried : *sustained;
    judgement.paced = round.paced[l];
    Link& state = link(round.ids[l]);
    state.acks = acks[l];
    judgement.before = state.estimate;
    std::optional<Witness> witness;
    if (full[l]) witness = {full[l]->held_back, full[l]->is_late};
    update(state, judgement.aggregate, witness, pulsed);
    if (!judgement.saturated && judgement.aggregate * kAgreeing > state.estimate && round.gave_way(l, loads))
      found_end(state);
    judgement.after = state.estimate;
    judgements.push_back(judgement);
  }
  return judgements;
}

}  // namespace selmcast::sync
