#include "selmcast/maxmin/solver.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::maxmin {
namespace {

constexpr std::size_t kFewLinks = 100;   // up to here a heap costs more than it saves
constexpr double kTogether = 1 + 1e-12;  // levels whose ratio is less are one

}  // namespace

struct Solver::Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.level != b.level ? a.level > b.level : a.link > b.link;
  }
};

struct Solver::ServedLast {
  const std::vector<Flow>& flows;
  bool operator()(std::uint32_t a, std::uint32_t b) const {
    return std::pair(flows[a].claim.priority, a) > std::pair(flows[b].claim.priority, b);
  }
};

LinkId Solver::add_link(Rate capacity) {
  links_.emplace_back();
  const LinkId link(static_cast<std::uint32_t>(links_.size() - 1));
  set_capacity(link, capacity);
  return link;
}

void Solver::set_capacity(LinkId link, Rate capacity) {
  SELMCAST_CHECK(std::isfinite(capacity.bps()) && capacity.bps() >= 0,
                 "a capacity is finite and not negative");
  if (links_[link.value()].capacity == capacity.bps()) return;
  Link& changed = links_[link.value()];
  mark_changed(link.value(), 0);
  changed.shrunk |= capacity.bps() < changed.capacity;
  changed.capacity = capacity.bps();
}

void Solver::mark_changed(std::uint32_t index, std::uint64_t from) {
  Link& link = links_[index];
  link.changed_from = link.changed ? std::min(link.changed_from, from) : from;
  if (!link.changed) changed_links_.push_back(index);
  link.changed = true;
}

void Solver::set_loose(std::uint32_t index) {
  release(flows_[index]);
  loose_flows_.push_back(index);
}

void Solver::release(Flow& flow) {
  if (flow.bottleneck == kNone) return;
  Link& bottleneck = links_[flow.bottleneck];
  if (--bottleneck.own == 0) bottleneck.full = Key{};
  flow.bottleneck = kNone;
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
  flow.rate = 0;
  flow.crossings = crossings_.take(links.size());
  Crossing* crossing = crossings(flow).data();
  for (std::uint32_t k = 0; k < links.size(); ++k) {
    auto& members = links_[links[k].value()].members;
    *crossing++ = {links[k].value(), static_cast<std::uint32_t>(members.size())};
    members.push_back({index, k});
    mark_changed(links[k].value(), claim.priority);
  }
  set_loose(index);
  return FlowId(index);
}

// Takes the flow off the link's list only.
void Solver::unlink(Crossing crossing) {
  auto& members = links_[crossing.link].members;
  const Member moved = members.back();
  crossings(flows_[moved.flow])[moved.place].place = crossing.place;
  members[crossing.place] = moved;
  members.pop_back();
}

void Solver::remove_flow(FlowId id) {
  Flow& flow = flows_[id.value()];
  SELMCAST_CHECK(flow.crossings.count > 0, "a flow is removed once");
  release(flow);
  for (const Crossing& crossing : crossings(flow)) {
    links_[crossing.link].load -= flow.rate;
    mark_changed(crossing.link, flow.claim.priority);
    unlink(crossing);
  }
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
  mark_changed(link.value(), flow.claim.priority);
  links_[link.value()].load -= flow.rate;
  unlink(*found);
  // The last crossing takes the free place.
  *found = all.back();
  --flow.crossings.count;
  const auto place = static_cast<std::uint32_t>(found - all.begin());
  if (place < flow.crossings.count) links_[found->link].members[found->place].place = place;
  if (flow.bottleneck == link.value()) set_loose(id.value());
}

void Solver::set_claim(FlowId id, Claim claim) {
  SELMCAST_CHECK(std::isfinite(claim.weight) && claim.weight > 0, "a weight is finite and positive");
  Flow& flow = flows_[id.value()];
  const std::uint64_t from = std::min(flow.claim.priority, claim.priority);
  flow.claim = claim;
  for (const Crossing& crossing : crossings(flow)) mark_changed(crossing.link, from);
  set_loose(id.value());
}

std::span<const FlowId> Solver::solve() {
  changed_flows_.clear();
  touched_ = 0;
  if (changed_links_.empty()) return {};
  ++solve_;
  priority_ = Key{}.priority;
  for (const std::uint32_t link : changed_links_) priority_ = std::min(priority_, links_[link].changed_from);
  touch_what_changed();
  fill();
  return changed_flows_;
}

// ---- what is touched ---------------------------------------------------------------------------------------

void Solver::touch_what_changed() {
  for (const std::uint32_t flow : loose_flows_) {
    const bool is_there = flows_[flow].crossings.count > 0;
    if (is_there && !flows_[flow].touched) touch_flow(flow);
  }
  loose_flows_.clear();
  for (const std::uint32_t link : changed_links_) {
    if (links_[link].own > 0 || links_[link].shrunk) open_link(link, links_[link].changed_from);
  }
  touch_own_flows();
  for (const std::uint32_t link : changed_links_) links_[link].changed = links_[link].shrunk = false;
  changed_links_.clear();
}

// It grows from now on, or waits until its priority's turn comes.
void Solver::touch_flow(std::uint32_t index) {
  Flow& flow = flows_[index];
  release(flow);
  flow.touched = true;
  ++touched_;
  const bool is_its_turn = flow.claim.priority == priority_;
  for (const Crossing& crossing : crossings(flow)) {
    Link& link = links_[crossing.link];
    link.load -= flow.rate;
    if (is_its_turn) grow_on(link, flow.claim.weight, crossing.link);
    if (link.own > 0) open_link(crossing.link, flow.claim.priority);
  }
  if (is_its_turn) {
    ++growing_;
    return;
  }
  waiting_flows_.push_back(index);
  std::ranges::push_heap(waiting_flows_, ServedLast{flows_});
}

void Solver::open_link(std::uint32_t index, std::uint64_t from) {
  Link& link = links_[index];
  if (link.opened_in == solve_ && link.opened_from <= from) return;
  link.opened_in = solve_;
  link.opened_from = from;
  links_to_open_.push_back(index);
}

void Solver::touch_own_flows() {
  while (!links_to_open_.empty()) {
    const std::uint32_t link = links_to_open_.back();
    links_to_open_.pop_back();
    touch_own_flows_of(link);
  }
}

void Solver::touch_own_flows_of(std::uint32_t index) {
  Link& link = links_[index];
  for (const Member& member : link.members) {
    const Flow& flow = flows_[member.flow];
    if (flow.bottleneck == kNone || flow.claim.priority < link.opened_from) continue;
    // Of a link that carries less, nobody can be sure.
    if (flow.bottleneck == index || link.shrunk) touch_flow(member.flow);
  }
}

// Those that would still be growing when the link is full.
void Solver::touch_vain_hopes(const Link& link, Key full) {
  for (const Member& member : link.members) {
    const Flow& flow = flows_[member.flow];
    if (flow.bottleneck != kNone && flow.rate > 0 && flow.key() > full) touch_flow(member.flow);
  }
  touch_own_flows();
}

// ---- how it is filled --------------------------------------------------------------------------------------

void Solver::fill() {
  fill_priority();
  while (!waiting_flows_.empty()) {
    take_in_waiting();
    fill_priority();
  }
}

// Those whose turn is next.
void Solver::take_in_waiting() {
  priority_ = flows_[waiting_flows_.front()].claim.priority;
  while (!waiting_flows_.empty() && flows_[waiting_flows_.front()].claim.priority == priority_) {
    std::ranges::pop_heap(waiting_flows_, ServedLast{flows_});
    const Flow& flow = flows_[waiting_flows_.back()];
    for (const Crossing& crossing : crossings(flow))
      grow_on(links_[crossing.link], flow.claim.weight, crossing.link);
    ++growing_;
    waiting_flows_.pop_back();
  }
}

void Solver::fill_priority() {
  double reached = 0;
  while (growing_ > 0) {
    const Candidate next = next_full();
    Link& link = links_[next.link];
    const Key latest = sum_up(link);
    const Key full{priority_, std::max(reached, link.level())};  // what looks like a fall is rounding
    const Key together{priority_, full.level * kTogether};
    if (latest > together) {
      touch_vain_hopes(link, together);
      if (candidates_are_heap_) add_candidate(next.link);
    } else if (link.level() > next.level * kTogether) {
      if (candidates_are_heap_) add_candidate(next.link);
    } else {
      reached = full.level;
      freeze_members(next.link, full);
    }
  }
  candidates_.clear();
  candidates_are_heap_ = false;
}

// The running sums of a link are sums of many changes: good for finding the next one, not for what follows from it.
// Returns the latest key of a member that carries something and does not grow.
Solver::Key Solver::sum_up(Link& link) const {
  Key latest{0, 0};
  link.load = link.growing_weight = 0;
  for (const Member& member : link.members) {
    const Flow& flow = flows_[member.flow];
    if (is_growing(flow)) {
      link.growing_weight += flow.claim.weight;
    } else if (flow.bottleneck != kNone) {
      link.load += flow.rate;
      if (flow.rate > 0) latest = std::max(latest, flow.key());
    }
  }
  if (link.full.level < kNever) link.load = link.capacity;  // what rounding leaves over is nothing
  return latest;
}

// In a heap no link may stand too high; in a list each stands once.
void Solver::add_candidate(std::uint32_t link) {
  candidates_.push_back({candidates_are_heap_ ? links_[link].level() : 0, link});
  if (candidates_are_heap_) std::ranges::push_heap(candidates_, Later{});
}

// Of many links by a heap, of few by looking at all.
Solver::Candidate Solver::next_full() {
  if (candidates_are_heap_) return next_of_heap();
  if (candidates_.size() > kFewLinks) {
    for (Candidate& c : candidates_) c.level = links_[c.link].growing == 0 ? kNever : links_[c.link].level();
    std::ranges::make_heap(candidates_, Later{});
    candidates_are_heap_ = true;
    return next_of_heap();
  }
  Candidate first{.level = kNever, .link = UINT32_MAX};
  auto kept = candidates_.begin();
  for (const Candidate candidate : candidates_) {
    const Link& link = links_[candidate.link];
    if (link.growing == 0) continue;
    *kept++ = candidate;
    const Candidate now{.level = link.level(), .link = candidate.link};
    if (Later{}(first, now)) first = now;
  }
  candidates_.erase(kept, candidates_.end());
  return first;
}

// A link's level only rises while others freeze its flows, so a candidate is looked at too early, never too late. One
// looked at too early sinks to where it belongs.
Solver::Candidate Solver::next_of_heap() {
  for (;;) {
    const std::uint32_t index = candidates_.front().link;
    const Link& link = links_[index];
    const bool is_over = link.growing == 0;
    if (is_over || link.level() <= candidates_.front().level) {
      std::ranges::pop_heap(candidates_, Later{});
      candidates_.pop_back();
      if (!is_over) return {link.level(), index};
    } else {
      sink_first({link.level(), index});
    }
  }
}

void Solver::sink_first(Candidate candidate) {
  std::size_t place = 0;
  for (std::size_t child = 1; child < candidates_.size(); child = 2 * place + 1) {
    if (child + 1 < candidates_.size() && Later{}(candidates_[child], candidates_[child + 1])) ++child;
    if (!Later{}(candidate, candidates_[child])) break;
    candidates_[place] = candidates_[child];
    place = child;
  }
  candidates_[place] = candidate;
}

void Solver::freeze_members(std::uint32_t index, Key at) {
  Link& link = links_[index];
  for (const Member& member : link.members) {
    if (is_growing(flows_[member.flow])) freeze(member.flow, index, at.level);
  }
  link.full = std::min(link.full, at);
  link.load = link.capacity;  // exactly
}

void Solver::freeze(std::uint32_t index, std::uint32_t bottleneck, double level) {
  Flow& flow = flows_[index];
  flow.touched = false;
  --growing_;
  flow.bottleneck = bottleneck;
  ++links_[bottleneck].own;
  flow.level = level;
  const double rate = flow.claim.weight * level;
  for (const Crossing& crossing : crossings(flow)) {
    Link& link = links_[crossing.link];
    link.load += rate;
    link.growing_weight -= flow.claim.weight;
    --link.growing;
  }
  if (rate != flow.rate) changed_flows_.push_back(FlowId(index));
  flow.rate = rate;
}

}  // namespace selmcast::maxmin
