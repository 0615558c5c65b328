#include "selmcast/sim/bandwidth.h"

#include <algorithm>

namespace selmcast::sim {
namespace {

constexpr Rate kFree = Rate::bits_per_second(1e15);

}  // namespace

Bandwidth::Bandwidth(const BandwidthModel& model, std::size_t workers, Rng rng,
                     std::span<const BandwidthStep> trace)
    : model_(model), rng_(rng), trace_(trace), uplink_sum_(workers), downlink_sum_(workers) {
  for (std::size_t i = 0; i < workers; ++i) {
    first_uplink_.push_back(draw(model_.mu));
    first_downlink_.push_back(draw(1));
  }
  uplink_ = first_uplink_;
  downlink_ = first_downlink_;
  if (model_.free_downlinks) std::ranges::fill(downlink_, kFree);
  if (model_.gamma > 0) next_change_ = Instant() + model_.interval;
  if (!trace_.empty()) take_steps(Instant());
}

void Bandwidth::change() {
  account(next_change_);
  if (model_.gamma > 0) {
    redraw();
  } else {
    take_steps(next_change_);
  }
}

void Bandwidth::redraw() {
  next_change_ = next_change_ + model_.interval;
  for (std::size_t i = 0; i < uplink_.size(); ++i) {
    uplink_[i] = first_uplink_[i] * (1 - model_.gamma) + draw(model_.mu) * model_.gamma;
    const Rate downlink = first_downlink_[i] * (1 - model_.gamma) + draw(1) * model_.gamma;
    downlink_[i] = model_.free_downlinks ? kFree : downlink;
  }
}

void Bandwidth::take_steps(Instant until) {
  for (; !trace_.empty() && trace_.front().time <= until; trace_ = trace_.subspan(1)) {
    uplink_[trace_.front().worker] = trace_.front().uplink;
    if (!model_.free_downlinks) downlink_[trace_.front().worker] = trace_.front().downlink;
  }
  next_change_ = trace_.empty() ? Instant::never() : trace_.front().time;
}

void Bandwidth::account(Instant until) {
  const double seconds = (until - accounted_).in_seconds();
  for (std::size_t i = 0; i < uplink_.size(); ++i) {
    uplink_sum_[i] += uplink_[i].bps() * seconds;
    downlink_sum_[i] += downlink_[i].bps() * seconds;
  }
  accounted_ = until;
}

std::vector<Rate> Bandwidth::mean(const std::vector<Rate>& rates, const std::vector<double>& sums,
                                  Instant until) const {
  const double rest = (until - accounted_).in_seconds();
  std::vector<Rate> means;
  for (std::size_t i = 0; i < rates.size(); ++i)
    means.push_back(Rate::bits_per_second((sums[i] + rates[i].bps() * rest) / until.in_seconds()));
  return means;
}

}  // namespace selmcast::sim
