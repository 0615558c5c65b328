// What the outside changes: links and flows come, go and change, and what that makes void is queued for solve().
#include "selmcast/maxmin/solver.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "selmcast/base/check.h"

namespace selmcast::maxmin {

Rate Solver::level(LinkId link) const {
  const double level = links_[link.value()].full.level;
  return Rate::bits_per_second(level < kNever ? level : 0);
}

std::optional<LinkId> Solver::bottleneck(FlowId id) const {
  const Flow& flow = flows_[id.value()];
  if (flow.bottleneck == kNone || !runs(flow, links_[flow.bottleneck].full)) return std::nullopt;
  return LinkId(flow.bottleneck);
}

double Solver::rate_of(const Flow& flow) const {
  if (flow.bottleneck == kNone) return flow.rate_before;
  const Key& full = links_[flow.bottleneck].full;
  return runs(flow, full) ? flow.claim.weight * full.level : 0;
}

LinkId Solver::add_link(Rate capacity) {
  links_.emplace_back();
  loads_.emplace_back();
  const LinkId link(static_cast<std::uint32_t>(links_.size() - 1));
  set_capacity(link, capacity);
  return link;
}

void Solver::set_capacity(LinkId link, Rate capacity) {
  SELMCAST_CHECK(std::isfinite(capacity.bps()) && capacity.bps() >= 0,
                 "a capacity is finite and not negative");
  if (links_[link.value()].capacity == capacity.bps()) return;
  links_[link.value()].capacity = capacity.bps();
  changed_ = true;
  if (!follows_) return;
  sum_up(link.value());
  set_limit(link.value());
  enqueue_if_full(link.value());
}

FlowId Solver::add_flow(std::span<const LinkId> links, Claim claim) {
  SELMCAST_CHECK(!links.empty(), "a flow crosses a link");
  SELMCAST_CHECK(std::isfinite(claim.weight) && claim.weight > 0, "a weight is finite and positive");
  if (free_flows_.empty()) {
    free_flows_.push_back(static_cast<std::uint32_t>(flows_.size()));
    flows_.emplace_back();
  }
  const std::uint32_t index = free_flows_.back();
  free_flows_.pop_back();
  Flow& flow = flows_[index];
  flow.claim = claim;
  flow.crossings = crossings_.take(links.size());
  Crossing* crossing = crossings(flow).data();
  for (std::uint32_t k = 0; k < links.size(); ++k) {
    Link& link = links_[links[k].value()];
    *crossing++ = {links[k].value(), static_cast<std::uint32_t>(link.members.size())};
    link.members.push_back({index, k});
    set_priority(links[k].value(), claim.priority);
    link.weight += claim.weight;
    link.weight_to_place += claim.weight;
  }
  flow.rate_before = 0;
  to_place_.push_back(index);
  return FlowId(index);
}

// A member of the link has this priority from now on.
void Solver::set_priority(std::uint32_t index, std::uint64_t priority) {
  Link& link = links_[index];
  link.mixed = link.members.size() > 1 && (link.mixed || priority != link.priority);
  link.priority = priority;
  loads_[index].level = link.mixed ? kNever : link.full.level;
}

// Takes the flow off the link's list only.
void Solver::unlink(Crossing crossing) {
  Link& link = links_[crossing.link];
  auto& members = link.members;
  link.weight -= flows_[members[crossing.place].flow].claim.weight;
  const Member moved = members.back();
  crossings(flows_[moved.flow])[moved.place].place = crossing.place;
  members[crossing.place] = moved;
  members.pop_back();
  if (members.empty()) link.weight = loads_[crossing.link].others = loads_[crossing.link].highest = 0;
}

// The flow carries nothing any more and has no bottleneck.
void Solver::take_away(std::uint32_t index) {
  Flow& flow = flows_[index];
  const double rate = rate_of(flow);
  if (flow.bottleneck == kNone) {
    for (const Crossing& crossing : crossings(flow))
      links_[crossing.link].weight_to_place -= flow.claim.weight;
    return;
  }
  changed_ = true;
  flow.rate_before = rate;
  if (!follows_) {
    flow.bottleneck = kNone;
    return;
  }
  for (const Crossing& crossing : crossings(flow)) {
    if (crossing.link != flow.bottleneck) loads_[crossing.link].others -= rate;
    enqueue_if_full(crossing.link);
  }
  leave(index);
}

void Solver::set_aside(std::uint32_t index) {
  Flow& flow = flows_[index];
  if (flow.bottleneck != kNone) to_place_.push_back(index);
  take_away(index);
  for (const Crossing& crossing : crossings(flow)) links_[crossing.link].weight_to_place += flow.claim.weight;
}

void Solver::remove_flow(FlowId id) {
  Flow& flow = flows_[id.value()];
  SELMCAST_CHECK(flow.crossings.count > 0, "a flow is removed once");
  take_away(id.value());
  for (const Crossing& crossing : crossings(flow)) unlink(crossing);
  crossings_.give_back(flow.crossings);
  flow.crossings.count = 0;
  free_flows_.push_back(id.value());
}

void Solver::take_off(FlowId id, LinkId link) {
  Flow& flow = flows_[id.value()];
  SELMCAST_CHECK(flow.crossings.count > 1, "one link of a flow remains");
  const auto all = crossings(flow);
  const auto found = std::ranges::find(all, link.value(), &Crossing::link);
  SELMCAST_CHECK(found != all.end(), "the flow crosses the link");
  if (flow.bottleneck == link.value()) set_aside(id.value());
  if (flow.bottleneck == kNone) {
    links_[link.value()].weight_to_place -= flow.claim.weight;
  } else if (follows_) {
    loads_[link.value()].others -= rate_of(flow);
    enqueue_if_full(link.value());
  }
  changed_ = true;
  unlink(*found);
  // The last crossing takes the free place.
  *found = all.back();
  --flow.crossings.count;
  const auto place = static_cast<std::uint32_t>(found - all.begin());
  if (place < flow.crossings.count) links_[found->link].members[found->place].place = place;
  if (follows_ && flow.bottleneck != kNone) describe(flow);
}

void Solver::set_claim(FlowId id, Claim claim) {
  SELMCAST_CHECK(std::isfinite(claim.weight) && claim.weight > 0, "a weight is finite and positive");
  Flow& flow = flows_[id.value()];
  if (flow.bottleneck != kNone) to_place_.push_back(id.value());
  take_away(id.value());
  const double more = claim.weight - flow.claim.weight;
  flow.claim = claim;
  for (const Crossing& crossing : crossings(flow)) {
    links_[crossing.link].weight += more;
    links_[crossing.link].weight_to_place += claim.weight;
    set_priority(crossing.link, claim.priority);
  }
}

// Members carry less, or its capacity is another one.
void Solver::enqueue_if_full(std::uint32_t index) {
  if (!links_[index].own.empty() || loads_[index].others > loads_[index].limit) enqueue(index);
}

void Solver::enqueue(std::uint32_t index) {
  Link& link = links_[index];
  if (link.queued) return;
  link.queued = true;
  Key key = link.full;
  if (key.level == kNever) key = likely_key(link, loads_[index]);
  queue_.push_back({key, index});
  std::ranges::push_heap(queue_, std::greater{});
  set_limit(index);
}

// Of a link that gets full now: if all its members shrank alike.
Solver::Key Solver::likely_key(const Link& link, const Load& load) {
  if (link.mixed) return {0, 0};
  return {link.priority, load.highest * std::min(1.0, link.capacity / load.others)};
}

void Solver::set_limit(std::uint32_t index) {
  const Link& link = links_[index];
  loads_[index].limit = link.queued ? kNever : link.own.empty() ? link.capacity * (1 + kSame) : -kNever;
}

}  // namespace selmcast::maxmin
