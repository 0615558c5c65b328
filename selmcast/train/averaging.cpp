#include "selmcast/train/averaging.h"

#include <algorithm>
#include <cmath>

#include "selmcast/base/check.h"

namespace selmcast::train {

void Average::add(std::span<const float> parameters) {
  if (count_ == 0) sums_.assign(parameters.size(), 0.0);
  SELMCAST_CHECK(parameters.size() == sums_.size(), "only vectors of one length can be averaged");
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += static_cast<double>(parameters[i]);
  ++count_;
}

std::vector<float> Average::value() const {
  SELMCAST_CHECK(count_ > 0, "there is no average of nothing");
  const auto divide = [n = static_cast<double>(count_)](double sum) { return static_cast<float>(sum / n); };
  std::vector<float> average(sums_.size());
  std::ranges::transform(sums_, average.begin(), divide);
  return average;
}

ConsensusDistance::ConsensusDistance(std::span<const float> average) : average_(average) {}

void ConsensusDistance::add(std::span<const float> parameters) {
  SELMCAST_CHECK(parameters.size() == average_.size(), "a model has the length of the average");
  for (std::size_t i = 0; i < average_.size(); ++i) {
    const double difference = static_cast<double>(parameters[i]) - static_cast<double>(average_[i]);
    squared_distances_ += difference * difference;
  }
  ++count_;
}

double ConsensusDistance::value() const {
  SELMCAST_CHECK(count_ > 0, "there is no distance of nothing");
  if (squared_distances_ == 0) return 0;
  double squared_norm = 0;
  for (const float x : average_) squared_norm += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(squared_distances_ / static_cast<double>(count_)) / std::sqrt(squared_norm);
}

}  // namespace selmcast::train
