// Filling all afresh, link by link in ascending order of the level at which it is full, priority by priority; and what
// following changes goes by, once it goes on.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "selmcast/base/check.h"
#include "selmcast/maxmin/solver.h"

namespace selmcast::maxmin {
namespace {

// The first of the least. Four at a time, as each comparison would wait for the one before.
std::size_t place_of_least(std::span<const double> values) {
  std::array<double, 4> least;
  least.fill(std::numeric_limits<double>::infinity());
  std::size_t k = 0;
  for (; k + 4 <= values.size(); k += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) least[lane] = std::min(least[lane], values[k + lane]);
  }
  for (; k < values.size(); ++k) least[0] = std::min(least[0], values[k]);
  const double all = std::min(std::min(least[0], least[1]), std::min(least[2], least[3]));
  return static_cast<std::size_t>(std::ranges::find(values, all) - values.begin());
}

}  // namespace

void Solver::fill_afresh() {
  to_fill_ = follows_ ? kFillings : to_fill_ - 1;
  queue_.clear();
  to_place_.clear();
  order_flows();
  lay_out();
  for (std::size_t first = 0; first < order_.size();) first = fill_priority(first);
  take_over();
  follows_ = method_ != Method::fill && (to_fill_ <= 0 || !has_few_flows());
  if (follows_) begin_to_follow();
}

void Solver::order_flows() {
  order_.clear();
  for (std::uint32_t index = 0; index < flows_.size(); ++index) {
    if (flows_[index].crossings.count == 0) continue;
    flows_[index].next = kNone;
    order_.push_back(index);
  }
  const auto priority = [&](std::uint32_t index) { return flows_[index].claim.priority; };
  if (!std::ranges::is_sorted(order_, {}, priority)) std::ranges::stable_sort(order_, {}, priority);
}

// Each link as if all of its members had one priority.
void Solver::lay_out() {
  spots_.resize(links_.size());
  spot_levels_.resize(links_.size());
  fulls_.resize(links_.size());
  for (std::size_t index = 0; index < links_.size(); ++index) {
    Link& link = links_[index];
    spots_[index] = {.left = link.capacity,
                     .weight = link.weight,
                     .growing = static_cast<double>(link.members.size()),
                     .highest = 0};
    fulls_[index] = {};
    link.weight_to_place = 0;
  }
}

// All flows of the priority of order_[first]; returns where the next one's begin. Step by step the link that is full at
// the lowest level fixes the rates of those that cross it.
std::size_t Solver::fill_priority(std::size_t first) {
  const std::uint64_t priority = flows_[order_[first]].claim.priority;
  const bool is_only_one = first == 0 && flows_[order_.back()].claim.priority == priority;
  const std::size_t end = is_only_one ? order_.size() : set_growing(first);
  for (std::size_t left = end - first; left > 0; ++relaxed_) {
    set_levels();
    const std::size_t lowest = place_of_least(spot_levels_);
    SELMCAST_CHECK(spot_levels_[lowest] < kNever, "a flow that grows crosses a link that it can fill");
    left -= fix(static_cast<std::uint32_t>(lowest), priority);
  }
  return end;
}

std::size_t Solver::set_growing(std::size_t first) {
  const std::uint64_t priority = flows_[order_[first]].claim.priority;
  for (Spot& spot : spots_) {
    spot.weight = 0;
    spot.growing = 0;
  }
  std::size_t end = first;
  for (; end < order_.size() && flows_[order_[end]].claim.priority == priority; ++end) {
    const Flow& flow = flows_[order_[end]];
    for (const Crossing& crossing : crossings(flow)) {
      Spot& spot = spots_[crossing.link];
      spot.weight += flow.claim.weight;
      ++spot.growing;
    }
  }
  return end;
}

// Of all spots anew, side by side and without a branch: cheaper than one by one with each change of a spot, since a
// step changes most of them, some many times.
void Solver::set_levels() {
  for (std::size_t s = 0; s < spots_.size(); ++s) {
    const Spot& spot = spots_[s];
    const double level = std::max(0.0, spot.left) / spot.weight;
    spot_levels_[s] = spot.growing > 0 ? level : kNever;
  }
}

// The link is full: its growing flows are its own. Returns how many these are.
std::size_t Solver::fix(std::uint32_t index, std::uint64_t priority) {
  Spot& spot_of_link = spots_[index];
  Full& full = fulls_[index];
  const Link& link = links_[index];
  double level = 0;
  if (full.key.level == kNever) {  // else full with what has an earlier priority
    if (spot_of_link.left > kSame * link.capacity) level = spot_levels_[index];
    const Key before = link.full;
    if (before.priority == priority && std::abs(before.level - level) <= kSame * level) level = before.level;
    full = {.others = link.capacity - spot_of_link.left, .key = {priority, level}};
  }
  const double highest = spot_of_link.highest;  // but for its own
  std::size_t fixed = 0;
  for (const Member& member : link.members) {
    Flow& flow = flows_[member.flow];
    if (flow.next != kNone || flow.claim.priority != priority) continue;
    flow.next = index;
    ++fixed;
    const double weight = flow.claim.weight;
    for (const Crossing& crossing : crossings(flow)) {
      Spot& spot = spots_[crossing.link];
      spot.left -= weight * level;
      spot.weight -= weight;
      spot.growing -= 1;
      spot.highest = std::max(spot.highest, level);
    }
  }
  spot_of_link.highest = highest;
  spot_of_link.left = 0;
  return fixed;
}

// The new state takes the place of the old one, and what differs is told.
void Solver::take_over() {
  for (const std::uint32_t index : order_) {
    Flow& flow = flows_[index];
    if (flow.bottleneck != flow.next ||
        runs(flow, links_[flow.next].full) != runs(flow, fulls_[flow.next].key))
      report_flow(index);
    flow.bottleneck = flow.next;
  }
  for (std::uint32_t index = 0; index < links_.size(); ++index) {
    if (links_[index].full == fulls_[index].key) continue;
    links_[index].full = fulls_[index].key;
    report_link(index);
  }
}

// From now on changes are followed.
void Solver::begin_to_follow() {
  for (std::uint32_t index = 0; index < links_.size(); ++index) {
    Link& link = links_[index];
    const Spot& spot = spots_[index];
    const Full& full = fulls_[index];
    link.queued = false;
    link.own.clear();
    count_own(link);
    const bool is_full = full.key.level < kNever;
    loads_[index] = {.others = is_full ? full.others : link.capacity - spot.left,
                     .level = link.mixed ? kNever : full.key.level,
                     .limit = 0,
                     .highest = spot.highest};
    set_limit(index);
  }
  for (const std::uint32_t index : order_) join(index, flows_[index].bottleneck);
}

}  // namespace selmcast::maxmin
