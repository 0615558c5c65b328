#include "selmcast/maxmin/solver.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::maxmin {
namespace {

constexpr std::size_t kFewLinks = 100;  // up to here a heap costs more than it saves

}  // namespace

struct Solver::Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.level != b.level ? a.level > b.level : a.link > b.link;
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
  const bool fuller = capacity.bps() < links_[link.value()].capacity;
  links_[link.value()].capacity = capacity.bps();
  mark_changed(link.value(), 0, fuller);
}

void Solver::mark_changed(std::uint32_t index, std::uint64_t from, bool fuller) {
  Link& link = links_[index];
  link.changed_from = link.changed ? std::min(link.changed_from, from) : from;
  link.fuller = fuller || (link.changed && link.fuller);
  if (!link.changed) changed_links_.push_back(index);
  link.changed = true;
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
  flow.level = kNever;
  flow.rate = 0;
  for (const LinkId id : links) {
    Link& link = links_[id.value()];
    const auto place = static_cast<std::uint32_t>(link.members.size());
    link.members.push_back({index, static_cast<std::uint32_t>(flow.crossings.size())});
    flow.crossings.push_back({id.value(), place});
    mark_changed(id.value(), claim.priority, true);
  }
  if (claim.priority != 0) ++prioritized_;
  return FlowId(index);
}

// Takes the flow off the link's list only.
void Solver::unlink(Crossing crossing) {
  auto& members = links_[crossing.link].members;
  const Member moved = members.back();
  flows_[moved.flow].crossings[moved.place].place = crossing.place;
  members[crossing.place] = moved;
  members.pop_back();
}

void Solver::remove_flow(FlowId id) {
  Flow& flow = flows_[id.value()];
  SELMCAST_CHECK(!flow.crossings.empty(), "a flow is removed once");
  for (const Crossing& crossing : flow.crossings) {
    mark_changed(crossing.link, flow.claim.priority, false);
    unlink(crossing);
  }
  if (flow.claim.priority != 0) --prioritized_;
  flow.crossings.clear();
  free_flows_.push_back(id.value());
}

void Solver::take_off(FlowId id, LinkId link) {
  Flow& flow = flows_[id.value()];
  SELMCAST_CHECK(flow.crossings.size() > 1, "one link of a flow remains");
  const auto found = std::ranges::find(flow.crossings, link.value(), &Crossing::link);
  SELMCAST_CHECK(found != flow.crossings.end(), "the flow crosses the link");
  mark_changed(link.value(), flow.claim.priority, false);
  unlink(*found);
  // The last crossing takes the free place.
  *found = flow.crossings.back();
  flow.crossings.pop_back();
  if (found != flow.crossings.end()) {
    const auto place = static_cast<std::uint32_t>(found - flow.crossings.begin());
    links_[found->link].members[found->place].place = place;
  }
  relieved_flows_.push_back(id.value());
}

void Solver::set_claim(FlowId id, Claim claim) {
  SELMCAST_CHECK(std::isfinite(claim.weight) && claim.weight > 0, "a weight is finite and positive");
  Flow& flow = flows_[id.value()];
  const std::uint64_t from = std::min(flow.claim.priority, claim.priority);
  if (flow.claim.priority != 0) --prioritized_;
  if (claim.priority != 0) ++prioritized_;
  flow.claim = claim;
  flow.level = kNever;
  for (const Crossing& crossing : flow.crossings) mark_changed(crossing.link, from, true);
}

std::span<const FlowId> Solver::solve() {
  changed_flows_.clear();
  touched_flows_.clear();
  if (changed_links_.empty()) return {};
  Key from = first_difference();
  from.level *= 1 - 1e-12;
  touch(from);
  fill();
  for (const std::uint32_t link : changed_links_) links_[link].changed = false;
  changed_links_.clear();
  relieved_flows_.clear();
  return changed_flows_;
}

// theta of the header.
Solver::Key Solver::first_difference() const {
  Key first;
  for (const std::uint32_t index : changed_links_) {
    const Link& link = links_[index];
    const Key start{link.changed_from, 0};  // what happens before does not see the change
    Key full = std::min(first, link.full);
    if (link.fuller) full = full_if_others_stay(link, full);
    first = std::min(first, std::max(start, full));
  }
  return first;
}

// new_l of the header, or `limit` if it is not below that.
Solver::Key Solver::full_if_others_stay(const Link& link, Key limit) const {
  if (link.members.empty()) return limit;
  Key key;                            // its priority: the first of those that changed
  std::uint64_t next = key.priority;  // and the one after
  double left = link.capacity;
  if (prioritized_ == 0) {
    key.priority = 0;
  } else {
    for (const Member& member : link.members) {
      const Flow& flow = flows_[member.flow];
      const std::uint64_t priority = flow.claim.priority;
      if (priority < link.changed_from)
        left -= flow.rate;
      else if (priority < key.priority)
        next = std::exchange(key.priority, priority);
      else if (priority > key.priority)
        next = std::min(next, priority);
    }
  }
  // From below: let all of them grow, take out those that stay lower, and again.
  for (key.level = -1; key < limit;) {
    double free = left;
    double weight = 0;
    for (const Member& member : link.members) {
      const Flow& flow = flows_[member.flow];
      if (flow.claim.priority != key.priority) continue;
      if (flow.level <= key.level)
        free -= flow.rate;
      else
        weight += flow.claim.weight;
    }
    if (weight == 0) return std::min(limit, Key{next, next == Key{}.priority ? kNever : 0});
    const double level = std::max(0.0, free / weight);
    if (level <= key.level) return key;
    key.level = level;
  }
  return limit;
}

void Solver::touch(Key from) {
  ++solve_;
  touched_links_.clear();
  for (const std::uint32_t link : changed_links_) touch_link(link);
  for (const std::uint32_t flow : relieved_flows_) {
    const bool alive = !flows_[flow].crossings.empty();
    if (alive && flows_[flow].touched_in != solve_ && flows_[flow].key() >= from) touch_flow(flow);
  }
  for (std::size_t i = 0; i < touched_links_.size(); ++i) open_link(links_[touched_links_[i]], from);
}

void Solver::touch_link(std::uint32_t index) {
  if (links_[index].touched_in == solve_) return;
  links_[index].touched_in = solve_;
  touched_links_.push_back(index);
}

void Solver::touch_flow(std::uint32_t index) {
  Flow& flow = flows_[index];
  flow.touched_in = solve_;
  flow.level = kNever;
  touched_flows_.push_back(index);
  for (const Crossing& crossing : flow.crossings) touch_link(crossing.link);
}

// Back to the moment `from`: only the flows frozen by then have their rates.
void Solver::open_link(Link& link, Key from) {
  double left = link.capacity;
  for (const Member& member : link.members) {
    const Flow& flow = flows_[member.flow];
    if (flow.touched_in == solve_) continue;
    if (flow.key() >= from)
      touch_flow(member.flow);
    else
      left -= flow.rate;
  }
  if (link.full >= from)
    link.full = Key{};
  else
    left = 0;  // exactly
  link.left = std::max(0.0, left);
  link.growing = 0;
}

void Solver::fill() {
  const auto priority = [&](std::uint32_t flow) { return flows_[flow].claim.priority; };
  std::span<const std::uint32_t> rest = touched_flows_;
  if (std::ranges::any_of(rest, [&](std::uint32_t f) { return priority(f) != priority(rest.front()); })) {
    std::ranges::sort(touched_flows_, {}, [&](std::uint32_t f) { return std::pair(priority(f), f); });
  }
  while (!rest.empty()) {
    std::size_t count = 1;
    while (count < rest.size() && priority(rest[count]) == priority(rest[0])) ++count;
    fill_priority(rest.first(count));
    rest = rest.subspan(count);
  }
}

void Solver::fill_priority(std::span<const std::uint32_t> flows) {
  candidates_.clear();
  for (const std::uint32_t f : flows) {
    flows_[f].growing = true;
    for (const Crossing& crossing : flows_[f].crossings) {
      Link& link = links_[crossing.link];
      if (link.growing++ == 0) {
        link.growing_weight = 0;
        candidates_.push_back({0, crossing.link});
      }
      link.growing_weight += flows_[f].claim.weight;
    }
  }
  if (candidates_.size() > kFewLinks) {
    for (Candidate& c : candidates_) c.level = links_[c.link].left / links_[c.link].growing_weight;
    std::ranges::make_heap(candidates_, Later{});
  }
  const std::uint64_t priority = flows_[flows.front()].claim.priority;
  double reached = 0;
  for (growing_ = flows.size(); growing_ > 0;) {
    const Candidate next = next_full();
    reached = std::max(reached, next.level);  // what looks like a fall is rounding
    freeze_members(links_[next.link], {priority, reached});
  }
}

// Of many links by a heap: a link's level only rises while others freeze its flows, so a candidate is looked at too
// early, never too late. Of few by looking at all.
Solver::Candidate Solver::next_full() {
  while (candidates_.size() > kFewLinks) {
    std::ranges::pop_heap(candidates_, Later{});
    Candidate& candidate = candidates_.back();
    const Link& link = links_[candidate.link];
    const double level = link.growing == 0 ? kNever : link.left / link.growing_weight;
    if (link.growing == 0 || level <= candidate.level) {
      const Candidate found = candidate;
      candidates_.pop_back();
      if (link.growing == 0) continue;
      return found;
    }
    candidate.level = level;
    std::ranges::push_heap(candidates_, Later{});
  }
  Candidate first{.level = kNever, .link = UINT32_MAX};
  for (std::size_t i = 0; i < candidates_.size();) {
    const Link& link = links_[candidates_[i].link];
    if (link.growing == 0) {
      candidates_[i] = candidates_.back();
      candidates_.pop_back();
      continue;
    }
    const Candidate candidate{.level = link.left / link.growing_weight, .link = candidates_[i++].link};
    if (Later{}(first, candidate)) first = candidate;
  }
  return first;
}

void Solver::freeze_members(Link& link, Key at) {
  for (const Member& member : link.members) {
    if (flows_[member.flow].growing) freeze(member.flow, at.level);
  }
  link.left = 0;  // exactly
  link.full = std::min(link.full, at);
}

void Solver::freeze(std::uint32_t index, double level) {
  Flow& flow = flows_[index];
  flow.growing = false;
  --growing_;
  flow.level = level;
  const double rate = flow.claim.weight * level;
  for (const Crossing& crossing : flow.crossings) {
    Link& link = links_[crossing.link];
    link.left = std::max(0.0, link.left - rate);
    link.growing_weight -= flow.claim.weight;
    --link.growing;
  }
  if (rate != flow.rate) changed_flows_.push_back(FlowId(index));
  flow.rate = rate;
}

}  // namespace selmcast::maxmin
