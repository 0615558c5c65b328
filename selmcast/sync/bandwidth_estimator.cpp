#include "selmcast/sync/bandwidth_estimator.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/sync/bandwidth_attribution.h"
#include "selmcast/sync/link_usage.h"

namespace selmcast::sync {
namespace {

constexpr double kAsFast = 0.9;  // of a network multicast to its receivers, who have other traffic too
constexpr Duration kShortestDelivery = Duration::milliseconds(5);
// Pacing keeps its rate within 1 % (design.md section 4); the rest is room for latency at both ends.
constexpr double kHeldBackBelow = 0.93;
// With the larger of two samples as target, a halved link is followed to 0.3^2 = 9 % in three rounds.
constexpr double kBlend = 0.7;
// More than this above the estimate is not noise but proof that the link carries it.
constexpr double kClearlyMore = 1.05;
// Samples that differ by less than this factor say the same.
constexpr double kAgreeing = 1.1;
constexpr double kMostGrowth = 4;
constexpr std::size_t kMemory = 8;

using Culprits = std::vector<std::optional<std::size_t>>;

struct Delivery {
  std::size_t up = 0;  // positions among the round's links
  std::size_t down = 0;
  Duration started;
  Duration finished;
  Rate rate;
  Rate paced;
  bool held_back = false;
  bool lost_nothing = false;
  bool lost_alone = false;
  bool gave_way = false;  // was above its fair rate and lost by that
};

bool is_usable(const DeliveryObservation& d) {
  const bool finite = std::isfinite(d.started.in_seconds()) && std::isfinite(d.finished.in_seconds());
  return finite && d.started >= Duration() && d.finished - d.started >= kShortestDelivery &&
         d.bytes > Bytes() && (d.paced.is_unlimited() || d.paced.is_positive_finite()) &&
         d.sender != d.receiver;
}

// One round, with links numbered densely in ascending order.
struct RoundView {
  std::vector<LinkId> ids;
  std::vector<Delivery> deliveries;
  std::vector<std::vector<std::size_t>> of_link;  // positions in deliveries
  std::vector<std::vector<std::size_t>> carried;  // of these, those that add up on the link

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
    for (const DeliveryObservation* d : usable) {
      const Rate measured = d->bytes / (d->finished - d->started);
      // One that lost gave way to its fair rate, if it was above: only below that was it held back.
      const Rate expected = d->lossy ? std::min(d->paced, d->allocated) : d->paced;
      deliveries.push_back({.up = find({d->sender, Direction::up}),
                            .down = find({d->receiver, Direction::down}),
                            .started = d->started,
                            .finished = d->finished,
                            .rate = std::min(measured, d->paced),
                            .paced = d->paced,
                            .held_back = d->lossy != false &&
                                         (expected.is_unlimited() || measured < expected * kHeldBackBelow),
                            .lost_nothing = d->lossy == false,
                            .lost_alone = d->alone});
      deliveries.back().gave_way = d->lossy == true && !deliveries.back().held_back;
    }
    of_link.resize(ids.size());
    for (std::size_t d = 0; d < deliveries.size(); ++d) {
      of_link[deliveries[d].up].push_back(d);
      of_link[deliveries[d].down].push_back(d);
    }
    carried = of_link;
    for (std::size_t l = 0; one_copy_up && l < ids.size(); ++l) {
      if (ids[l].direction != Direction::up) continue;
      carried[l] = {std::ranges::max(of_link[l], {}, [this](std::size_t d) { return deliveries[d].rate; })};
    }
  }

  // Of a delivery of a network multicast: others of it that took the same uplink got more, or all.
  bool not_by_uplink(const Delivery& delivery) const {
    const auto got_through = [&](std::size_t d) { return deliveries[d].lost_nothing; };
    return delivery.lost_alone || delivery.rate < fastest(delivery.up) * kAsFast ||
           (!delivery.lost_nothing && std::ranges::any_of(of_link[delivery.up], got_through));
  }

  Rate fastest(std::size_t l) const {
    Rate rate;
    for (const std::size_t d : of_link[l]) rate = std::max(rate, deliveries[d].rate);
    return rate;
  }

  bool gave_way(std::size_t l) const {
    return std::ranges::any_of(of_link[l], [this](std::size_t d) { return deliveries[d].gave_way; });
  }

  // What link l carried at least: a satisfied delivery ran evenly at its pacing. Any other fell behind, and its sender
  // may have hurried to make up for it (net/pace_schedule.h), so that nothing is known of its rate in between.
  std::vector<Usage> usages(std::size_t l) const {
    std::vector<Usage> result;
    for (const std::size_t d : carried[l]) {
      const Delivery& x = deliveries[d];
      result.push_back({x.started, x.finished, x.rate, x.held_back ? Rate::unlimited() : x.rate});
    }
    return result;
  }

  // The same once l is known to have been full: deliveries held back elsewhere are taken as even too. They
  // can err in both directions, while leaving their bytes out could only make a full link look smaller than
  // it is.
  std::vector<Usage> usages_if_full(std::size_t l, const Culprits& culprits) const {
    std::vector<Usage> result = usages(l);
    for (std::size_t k = 0; k < result.size(); ++k) {
      if (culprits[carried[l][k]] != l) result[k].cap = result[k].rate;
    }
    return result;
  }

  std::size_t find(LinkId id) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(ids, id) - ids.begin());
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

void BandwidthEstimator::leave(WorkerId worker) { workers_.erase(worker); }

const BandwidthEstimator::Link& BandwidthEstimator::link(LinkId id) const {
  const auto found = workers_.find(id.worker);
  SELMCAST_CHECK(found != workers_.end(), "only known workers have links");
  return id.direction == Direction::up ? found->second.up : found->second.down;
}

Rate BandwidthEstimator::estimate(LinkId id) const { return link(id).estimate; }

bool BandwidthEstimator::searching(LinkId id) const { return !link(id).confirmed || link(id).risen; }

// Remembers the aggregate and says how plausible it is that the link was full. A link without an aggregate
// still takes part in the explanation, as one that carried what it is thought to.
LinkEvidence BandwidthEstimator::weigh(Link& link, std::optional<Rate> aggregate) {
  const Rate carried = std::min(aggregate.value_or(link.estimate), link.estimate * kMostGrowth);
  if (aggregate) {
    link.recent.push_back(carried);
    if (link.recent.size() > kMemory) link.recent.erase(link.recent.begin());
  }
  const Rate peak = link.recent.empty() ? carried : std::max(carried, std::ranges::max(link.recent));
  return {.aggregate = carried, .estimate = link.estimate, .recent_peak = peak, .confirmed = link.confirmed};
}

void BandwidthEstimator::update(Link& link, bool saturated, Rate aggregate) {
  const Rate before = link.estimate;
  const Rate seen = std::min(aggregate, before * kMostGrowth);
  if (saturated) {
    const Rate previous = std::exchange(link.last_full, seen);
    const Rate target = std::max(seen, previous);
    // Twice in a row about the same, well below: a fall, and no misjudgement.
    const bool has_fallen = std::min(seen, previous) * kAgreeing > target && target * kAgreeing < before;
    const bool jump = !link.confirmed || target > before * kClearlyMore || has_fallen;
    link.estimate = jump ? target : before + (target - before) * kBlend;
    link.confirmed = true;
    link.risen = seen < aggregate;
  } else if (seen > before) {
    link.estimate = seen;
    link.risen = link.risen || seen > before * kClearlyMore;
  }
}

// It carried about what it is thought to, and no more.
void BandwidthEstimator::found_end(Link& link) {
  link.confirmed = true;
  link.last_full = std::max(link.last_full, link.estimate);
  link.risen = false;
}

std::vector<LinkJudgement> BandwidthEstimator::observe(std::span<const DeliveryObservation> observed,
                                                       bool one_copy_up) {
  const RoundView round(observed, *this, one_copy_up);
  std::vector<std::optional<Rate>> at_least;
  std::vector<LinkEvidence> evidence;
  for (std::size_t l = 0; l < round.ids.size(); ++l) {
    at_least.push_back(sustained_aggregate(round.usages(l)));
    evidence.push_back(weigh(link(round.ids[l]), at_least[l]));
  }
  std::vector<DeliveryEvidence> flows;
  for (const Delivery& d : round.deliveries) {
    flows.push_back({d.up, d.down, d.rate, d.held_back, one_copy_up && round.not_by_uplink(d)});
  }
  const Culprits culprits = attribute(evidence, flows);

  std::vector<LinkJudgement> judgements;
  for (std::size_t l = 0; l < round.ids.size(); ++l) {
    if (!at_least[l]) continue;
    LinkJudgement judgement;
    judgement.link = round.ids[l];
    judgement.deliveries = static_cast<int>(round.of_link[l].size());
    judgement.held_back = static_cast<int>(std::ranges::count(culprits, std::optional(l)));
    judgement.saturated = judgement.held_back > 0;
    judgement.aggregate =
        judgement.saturated ? *sustained_aggregate(round.usages_if_full(l, culprits)) : *at_least[l];
    for (const std::size_t d : round.carried[l]) judgement.paced += round.deliveries[d].paced;
    Link& state = link(round.ids[l]);
    judgement.before = state.estimate;
    update(state, judgement.saturated, judgement.aggregate);
    if (!judgement.saturated && round.gave_way(l) && judgement.aggregate * kAgreeing > state.estimate)
      found_end(state);
    judgement.after = state.estimate;
    judgements.push_back(judgement);
  }
  return judgements;
}

}  // namespace selmcast::sync
