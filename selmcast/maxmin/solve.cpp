// Solving: links whose key does not fit, or that have a rival, are relaxed until there are none.
#include <algorithm>
#include <functional>
#include <utility>

#include "selmcast/maxmin/solver.h"

namespace selmcast::maxmin {
namespace {

// A link, on average, in one solve(): far from what is seen, but for links that are all alike and multicasts whose
// order is changed all at once. There rounding errors were seen to pass a flow around between equal links without end.
constexpr std::size_t kRelaxedMax = 30;

}  // namespace

Solver::Changes Solver::solve() {
  forget_answer();
  relaxed_ = 0;
  if (changed_ || !queue_.empty() || !to_place_.empty()) {
    sum_up_next();
    if (!follows_ || method_ == Method::fill || !follow_changes()) fill_afresh();
    changed_ = false;
  }
  answered_ = true;
  return {changed_links_, changed_flows_};
}

// False: given up, as filling afresh would be cheaper.
bool Solver::follow_changes() {
  place_new();
  while (!queue_.empty()) {
    if (method_ == Method::choose && relaxed_ >= flow_count() && has_few_flows()) return false;
    if (relaxed_ >= kRelaxedMax * links_.size()) return false;
    ++relaxed_;
    std::ranges::pop_heap(queue_, std::greater{});
    const std::uint32_t link = queue_.back().link;
    queue_.pop_back();
    relax(link);
  }
  return true;
}

// Where each will probably stay; where not, it is taken over.
void Solver::place_new() {
  for (const std::uint32_t index : to_place_) {
    const Flow& flow = flows_[index];
    if (flow.crossings.count == 0 || flow.bottleneck != kNone) continue;
    const std::uint32_t link = likely_bottleneck(flow);
    move(index, link);
    enqueue(link);
  }
  for (const std::uint32_t index : to_place_) {
    for (const Crossing& crossing : crossings(flows_[index])) links_[crossing.link].weight_to_place = 0;
  }
  to_place_.clear();
}

// The one with the lowest level if all that are to be placed on it became its own.
std::uint32_t Solver::likely_bottleneck(const Flow& flow) const {
  std::pair<double, std::uint32_t> lowest{kNever, kNone};
  for (const Crossing& crossing : crossings(flow)) {
    const Link& link = links_[crossing.link];
    double level = 0;
    if (flow.claim.priority <= link.own_priority) {
      const double left = std::max(0.0, link.capacity - loads_[crossing.link].others);
      level = left / (link.own_weight + link.weight_to_place);
    }
    if (lowest.second == kNone || level < lowest.first) lowest = {level, crossing.link};
  }
  return lowest.second;
}

// Against the rounding errors of running sums.
void Solver::sum_up(std::uint32_t index) {
  double others = 0, weight = 0;
  for (const Member& member : links_[index].members) {
    const Flow& flow = flows_[member.flow];
    weight += flow.claim.weight;
    if (flow.bottleneck != index && flow.bottleneck != kNone) others += rate_of(flow);
  }
  links_[index].weight = weight;
  if (!follows_) return;
  loads_[index].others = others;
  count_own(links_[index]);
}

void Solver::sum_up_next() {
  sum_up(next_to_sum_up_);
  if (++next_to_sum_up_ == links_.size()) next_to_sum_up_ = 0;
}

void Solver::relax(std::uint32_t index) {
  Link& link = links_[index];
  Load& load = loads_[index];
  const double nothing = kSame * link.capacity;
  Filling now{.left = link.capacity - load.others, .weight = link.own_weight, .full = {}};
  if (now.weight > 0) now.fill(link.own_priority, nothing);
  std::size_t taken = 0;
  if (link.mixed || now.left < -nothing || now.full.level < load.highest) {
    load.highest = find_rivals(index, now.full, now.left < -nothing);
    for (; taken < rivals_.size(); ++taken) {
      const Rival& rival = rivals_[taken];
      if (now.left >= -nothing && !is_later(rival.key, now.full)) break;
      now.left += rival.rate;
      if (rival.key.priority < now.full.priority) now.weight = 0;
      if (rival.key.priority <= now.full.priority) now.weight += rival.weight;
      now.fill(std::min(now.full.priority, rival.key.priority), nothing);
    }
    if (taken < rivals_.size()) load.highest = std::max(load.highest, rivals_[taken].key.level);
  }
  set_full(index, now.full);
  for (std::size_t k = 0; k < taken; ++k) move(rivals_[k].flow, index);
  if (taken > 0) sum_up(index);
  link.queued = false;
  set_limit(index);
}

// Members that carry something and have a later key than `full`, or all that carry something; latest first. Returns
// the highest level of the rest.
double Solver::find_rivals(std::uint32_t index, Key full, bool all) {
  rivals_.clear();
  double highest = 0;
  for (const Member& member : links_[index].members) {
    const Flow& flow = flows_[member.flow];
    if (flow.bottleneck == index) continue;
    const Key& key = links_[flow.bottleneck].full;
    if (!runs(flow, key) || key.level == 0) continue;
    if (all || is_later(key, full)) {
      rivals_.push_back({key, flow.claim.weight, flow.claim.weight * key.level, member.flow});
    } else {
      highest = std::max(highest, key.level);
    }
  }
  if (rivals_.size() > 1) std::ranges::sort(rivals_, std::greater{});
  return highest;
}

}  // namespace selmcast::maxmin
