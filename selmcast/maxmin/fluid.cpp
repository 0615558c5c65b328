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
  progress_[id.value()] = {
      .left = volume.in_bits(), .since = now_, .end = std::numeric_limits<double>::infinity()};
  heap_.push_back(0);
  put(heap_.size() - 1, id.value());
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
    progress.end = now_ + progress.left / progress.rate;  // never at rate 0
    sift(progress.place);
  }
}

Instant Fluid::next_completion() {
  settle();
  return heap_.empty() ? Instant::never() : Instant::at_seconds(progress_[heap_.front()].end);
}

std::span<const FlowId> Fluid::advance(Instant to) {
  settle();
  SELMCAST_CHECK(to >= now() && to <= next_completion() + kTogether,
                 "time moves on, from completion to completion");
  now_ = to.in_seconds();
  done_.clear();
  while (!heap_.empty() && progress_[heap_.front()].end <= now_ + kTogether.in_seconds()) {
    done_.push_back(FlowId(heap_.front()));
    stop(done_.back());
  }
  std::ranges::sort(done_);
  return done_;
}

bool Fluid::earlier(std::uint32_t a, std::uint32_t b) const {
  return progress_[a].end != progress_[b].end ? progress_[a].end < progress_[b].end : a < b;
}

void Fluid::put(std::size_t place, std::uint32_t flow) {
  heap_[place] = flow;
  progress_[flow].place = static_cast<std::uint32_t>(place);
}

// Brings the flow at `place` to where it belongs.
void Fluid::sift(std::size_t place) {
  const std::uint32_t flow = heap_[place];
  for (; place > 0 && earlier(flow, heap_[(place - 1) / 2]); place = (place - 1) / 2) {
    put(place, heap_[(place - 1) / 2]);
  }
  for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
    if (child + 1 < heap_.size() && earlier(heap_[child + 1], heap_[child])) ++child;
    if (!earlier(heap_[child], flow)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, flow);
}

void Fluid::erase(std::uint32_t flow) {
  const std::uint32_t place = progress_[flow].place;
  const std::uint32_t last = heap_.back();
  heap_.pop_back();
  if (last == flow) return;
  put(place, last);
  sift(place);
}

}  // namespace selmcast::maxmin
