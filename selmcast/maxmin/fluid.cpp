#include "selmcast/maxmin/fluid.h"

#include <algorithm>
#include <cmath>

#include "selmcast/base/check.h"

namespace selmcast::maxmin {
namespace {

constexpr double kMuch = 8'589'934'592;  // bits: here doubles are a millionth of a bit apart
constexpr double kNothing = 1e-6;        // bytes

}  // namespace

LinkId Fluid::add_link(Rate capacity) {
  clocks_.emplace_back();
  end_places_.emplace_back();
  return solver_.add_link(capacity);
}

void Fluid::set_capacity(LinkId link, Rate capacity) {
  solver_.set_capacity(link, capacity);
  settled_ = false;
}

FlowId Fluid::start(std::span<const LinkId> links, Bytes volume, Claim claim) {
  SELMCAST_CHECK(volume > Bytes(0), "a flow has something to carry");
  const FlowId id = solver_.add_flow(links, claim);
  if (id.value() >= progress_.size()) {
    progress_.resize(id.value() + 1);
    mark_places_.resize(id.value() + 1);
  }
  progress_[id.value()] = {.clock = std::nullopt, .weight = claim.weight, .left = volume.in_bits()};
  ++flows_;
  settled_ = false;
  return id;
}

void Fluid::stop(FlowId flow) {
  const std::optional<LinkId> clock = progress_[flow.value()].clock;
  if (clock) {
    clocks_[clock->value()].marks.erase(flow.value(), mark_places_);
    reschedule(*clock);
  }
  solver_.remove_flow(flow);
  --flows_;
  settled_ = false;
}

void Fluid::take_off(FlowId flow, LinkId link) {
  solver_.take_off(flow, link);
  settled_ = false;
}

void Fluid::set_claim(FlowId flow, Claim claim) {
  solver_.set_claim(flow, claim);
  settled_ = false;
}

double Fluid::left_now(std::uint32_t flow) const {
  const Progress& progress = progress_[flow];
  if (!progress.clock) return progress.left;
  const Clock& clock = clocks_[progress.clock->value()];
  return std::max(0.0, clock.marks.key(mark_places_[flow]) - clock.shows(now_)) * progress.weight;
}

Bytes Fluid::remaining(FlowId flow) const {
  const double bytes = left_now(flow.value()) / 8 - kNothing;
  const auto whole = static_cast<std::int64_t>(bytes);  // std::ceil() is a call into the library
  return Bytes(std::max<std::int64_t>(1, whole + static_cast<int>(static_cast<double>(whole) < bytes)));
}

void Fluid::settle() {
  if (settled_) return;
  settled_ = true;
  const Solver::Changes changes = solver_.solve();
  for (const FlowId flow : changes.flows) take_from_clock(flow.value());
  for (const LinkId link : changes.links) {
    bring_up_to_date(clocks_[link.value()]);
    clocks_[link.value()].level = solver_.level(link).bps();
    reschedule(link);
  }
  for (const FlowId flow : changes.flows) put_on_clock(flow.value());
}

void Fluid::take_from_clock(std::uint32_t flow) {
  Progress& progress = progress_[flow];
  if (!progress.clock) return;
  progress.left = left_now(flow);
  const LinkId link = *progress.clock;
  progress.clock.reset();
  clocks_[link.value()].marks.erase(flow, mark_places_);
  reschedule(link);
}

void Fluid::put_on_clock(std::uint32_t flow) {
  Progress& progress = progress_[flow];
  progress.clock = solver_.bottleneck(FlowId(flow));
  progress.weight = solver_.weight(FlowId(flow));
  if (!progress.clock) return;
  Clock& clock = clocks_[progress.clock->value()];
  bring_up_to_date(clock);
  clock.marks.insert({clock.service + progress.left / progress.weight, flow}, mark_places_);
  reschedule(*progress.clock);
}

void Fluid::bring_up_to_date(Clock& clock) const {
  clock.service = clock.shows(now_);
  clock.since = now_;
  if (clock.service < kMuch && !clock.marks.empty()) return;
  clock.marks.lower(clock.service);
  clock.service = 0;
}

// After a change of the clock or of its marks.
void Fluid::reschedule(LinkId link) {
  Clock& clock = clocks_[link.value()];
  const bool has_end = clock.level > 0 && !clock.marks.empty();
  if (has_end) {
    const double left = clock.marks.top().key - clock.service;
    const IndexedHeap::Entry end{clock.since + std::max(0.0, left) / clock.level, link.value()};
    clock.has_end ? ends_.change(end, end_places_) : ends_.insert(end, end_places_);
  } else if (clock.has_end) {
    ends_.erase(link.value(), end_places_);
  }
  clock.has_end = has_end;
}

Instant Fluid::next_completion() {
  settle();
  return ends_.empty() ? Instant::never() : Instant::at_seconds(ends_.top().key);
}

std::span<const FlowId> Fluid::advance(Instant to) {
  settle();
  SELMCAST_CHECK(to >= now() && to <= next_completion() + kTogether,
                 "time moves on, from completion to completion");
  now_ = to.in_seconds();
  done_.clear();
  while (!ends_.empty() && ends_.top().key <= now_ + kTogether.in_seconds()) {
    done_.push_back(FlowId(clocks_[ends_.top().item].marks.top().item));
    stop(done_.back());
  }
  std::ranges::sort(done_);
  return done_;
}

}  // namespace selmcast::maxmin
