// Which flows are a link's own, and what the others are told when its level changes or a flow changes hands.
#include <algorithm>

#include "selmcast/base/check.h"
#include "selmcast/maxmin/solver.h"

namespace selmcast::maxmin {

void Solver::join(std::uint32_t index, std::uint32_t to) {
  Flow& flow = flows_[index];
  Link& link = links_[to];
  flow.bottleneck = to;
  flow.own_place = static_cast<std::uint32_t>(link.own.size());
  link.own.push_back({.weight = flow.claim.weight, .flow = index});
  describe(flow);
  if (flow.claim.priority < link.own_priority) {
    link.own_priority = flow.claim.priority;
    link.own_weight = 0;
    link.own_first = 0;
  }
  if (flow.claim.priority == link.own_priority) {
    link.own_weight += flow.claim.weight;
    ++link.own_first;
  }
  set_limit(to);
}

void Solver::leave(std::uint32_t index) {
  const std::uint32_t from = flows_[index].bottleneck;
  disown(index);
  if (!links_[from].own.empty()) return;
  set_full(from, Key{});
  set_limit(from);
}

// Takes the flow off the list of its bottleneck only.
void Solver::disown(std::uint32_t index) {
  Flow& flow = flows_[index];
  Link& link = links_[flow.bottleneck];
  flow.bottleneck = kNone;
  link.own[flow.own_place] = link.own.back();
  flows_[link.own[flow.own_place].flow].own_place = flow.own_place;
  link.own.pop_back();
  if (flow.claim.priority == link.own_priority) {
    link.own_weight -= flow.claim.weight;
    if (--link.own_first == 0) count_own(link);
  }
}

// After its crossings or its bottleneck changed.
void Solver::describe(const Flow& flow) {
  Own& own = links_[flow.bottleneck].own[flow.own_place];
  const auto all = crossings(flow);
  own.other = all.size() != 2 ? kNone : all[0].link != flow.bottleneck ? all[0].link : all[1].link;
}

void Solver::count_own(Link& link) const {
  link.own_priority = Key{}.priority;
  for (const Own& own : link.own)
    link.own_priority = std::min(link.own_priority, flows_[own.flow].claim.priority);
  link.own_weight = 0;
  link.own_first = 0;
  for (const Own& own : link.own) {
    if (flows_[own.flow].claim.priority != link.own_priority) continue;
    link.own_weight += own.weight;
    ++link.own_first;
  }
}

// The flow becomes the link's own, from now on at the link's level.
void Solver::move(std::uint32_t index, std::uint32_t to) {
  Flow& flow = flows_[index];
  const std::uint32_t from = flow.bottleneck;
  const double rate_before = from == kNone ? 0 : rate_of(flow);
  const double level_before = rate_before / flow.claim.weight;
  if (from != kNone) leave(index);
  join(index, to);
  report_flow(index);
  const double rate = rate_of(flow);
  const double level = rate / flow.claim.weight;
  // Whoever meets it for the first time has to look.
  const Step told = from == kNone ? Step{.level = level, .above = -1} : step(level_before, level);
  for (const Crossing& crossing : crossings(flow)) {
    if (crossing.link == to) {
      loads_[to].others -= rate_before;
    } else if (crossing.link == from) {
      shift(from, rate, {.level = level, .above = -1});
    } else {
      shift(crossing.link, rate - rate_before, told);
    }
  }
}

void Solver::set_full(std::uint32_t index, Key full) {
  Link& link = links_[index];
  const Key before = link.full;
  if (before == full) return;
  link.full = full;
  loads_[index].level = link.mixed ? kNever : full.level;
  report_link(index);
  const bool all_run = link.own_priority == full.priority && link.own_first == link.own.size();
  if (all_run && before.priority == full.priority) {
    tell_others(index, before.level, full.level);
  } else {
    tell_each(index, before, full);
  }
}

// News for links from the lower of the two on: of a rise also where the lower one is the level, as these two shared a
// flow and go different ways now.
Solver::Step Solver::step(double from, double to) {
  if (to <= from * (1 + kSame)) return {.level = to, .above = std::min(from, to) * (1 + kSame)};
  return {.level = to, .above = from > 0 ? from * (1 - kSame) : -1};
}

// All own flows run, before and after.
void Solver::tell_others(std::uint32_t index, double before, double after) {
  const Step told = step(before, after);
  const double by = after - before;
  for (const Own& own : links_[index].own) {
    if (own.other != kNone) {
      shift(own.other, own.weight * by, told);
      continue;
    }
    for (const Crossing& crossing : crossings(flows_[own.flow])) {
      if (crossing.link != index) shift(crossing.link, own.weight * by, told);
    }
  }
}

void Solver::tell_each(std::uint32_t index, Key before, Key after) {
  for (const Own& own : links_[index].own) {
    const Flow& flow = flows_[own.flow];
    const double from = runs(flow, before) ? before.level : 0;
    const double to = runs(flow, after) ? after.level : 0;
    if (runs(flow, before) != runs(flow, after)) report_flow(own.flow);
    if (from == to) continue;
    const Step told = step(from, to);
    for (const Crossing& crossing : crossings(flow)) {
      if (crossing.link != index) shift(crossing.link, own.weight * (to - from), told);
    }
  }
}

// A change is the first of those that the next solve() tells.
void Solver::forget_answer() {
  if (!answered_) return;
  answered_ = false;
  for (const LinkId link : changed_links_) links_[link.value()].reported = false;
  for (const FlowId flow : changed_flows_) flows_[flow.value()].reported = false;
  changed_links_.clear();
  changed_flows_.clear();
}

void Solver::report_link(std::uint32_t index) {
  forget_answer();
  if (links_[index].reported) return;
  links_[index].reported = true;
  changed_links_.push_back(LinkId(index));
}

void Solver::report_flow(std::uint32_t index) {
  forget_answer();
  if (flows_[index].reported) return;
  flows_[index].reported = true;
  changed_flows_.push_back(FlowId(index));
}

}  // namespace selmcast::maxmin
