#include "selmcast/maxmin/fluid.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "selmcast/base/check.h"

namespace selmcast::maxmin {

void Fluid::set_capacity(LinkId link, Rate capacity) {
  solver_.set_capacity(link, capacity);
  settled_ = false;
}

FlowId Fluid::start(std::span<const LinkId> links, Bytes volume, Claim claim) {
  SELMCAST_CHECK(volume > Bytes(0), "a flow has something to carry");
  const FlowId id = solver_.add_flow(links, claim);
  if (id.value() >= progress_.size()) progress_.resize(id.value() + 1);
  progress_[id.value()] = {.left = volume.in_bits(), .since = now_};
  heap_.emplace_back();
  put(heap_.size() - 1, {std::numeric_limits<double>::infinity(), id.value()});
  settled_ = false;
  return id;
}

void Fluid::stop(FlowId flow) {
  erase(flow.value());
  solver_.remove_flow(flow);
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

double Fluid::left_now(const Progress& progress) const {
  return std::max(0.0, progress.left - progress.rate * (now_ - progress.since));
}

Bytes Fluid::remaining(FlowId flow) const {
  const double bytes = std::ceil(left_now(progress_[flow.value()]) / 8);
  return Bytes(std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes)));
}

void Fluid::settle() {
  if (settled_) return;
  settled_ = true;
  for (const FlowId id : solver_.solve()) {
    Progress& progress = progress_[id.value()];
    progress.left = left_now(progress);
    progress.since = now_;
    progress.rate = solver_.rate(id).bps();
    sift(progress.place, {now_ + progress.left / progress.rate, id.value()});  // never at rate 0
  }
}

Instant Fluid::next_completion() {
  settle();
  return heap_.empty() ? Instant::never() : Instant::at_seconds(heap_.front().time);
}

std::span<const FlowId> Fluid::advance(Instant to) {
  settle();
  SELMCAST_CHECK(to >= now() && to <= next_completion() + kTogether,
                 "time moves on, from completion to completion");
  now_ = to.in_seconds();
  done_.clear();
  while (!heap_.empty() && heap_.front().time <= now_ + kTogether.in_seconds()) {
    done_.push_back(FlowId(heap_.front().flow));
    stop(done_.back());
  }
  std::ranges::sort(done_);
  return done_;
}

void Fluid::put(std::size_t place, End end) {
  heap_[place] = end;
  progress_[end.flow].place = static_cast<std::uint32_t>(place);
}

// Brings the flow at `place`, which ends then, to where it belongs.
void Fluid::sift(std::size_t place, End end) {
  for (; place > 0 && end < heap_[(place - 1) / 2]; place = (place - 1) / 2) {
    put(place, heap_[(place - 1) / 2]);
  }
  for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) ++child;
    if (!(heap_[child] < end)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, end);
}

void Fluid::erase(std::uint32_t flow) {
  const std::uint32_t place = progress_[flow].place;
  const End last = heap_.back();
  heap_.pop_back();
  if (last.flow != flow) sift(place, last);
}

}  // namespace selmcast::maxmin
