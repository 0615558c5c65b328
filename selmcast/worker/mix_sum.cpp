#include "selmcast/worker/mix_sum.h"

#include <algorithm>
#include <array>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::worker {
namespace {

using wire::TensorRole;

// Values decoded at a time: they stay in the first cache.
constexpr std::size_t kTile = 2048;

// Of the only models that there are: a share of push_sum may be nothing.
constexpr float kLeastWeight = 1e-12F;

void add_weighted(std::span<float> sum, float weight, std::span<const float> received) {
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += weight * received[k];
}

void take_greatest(std::span<float> greatest, std::span<const float> received) {
  for (std::size_t k = 0; k < greatest.size(); ++k) greatest[k] = std::max(greatest[k], received[k]);
}

void mix(const MixSum::Weights& weights, std::span<const float> sum, std::span<float> x,
         std::span<const float> y) {
  const float scale = 1.0F / weights.total;
  if (x.data() == y.data()) {
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = (x[k] * weights.own + sum[k]) * scale;
    return;
  }
  for (std::size_t k = 0; k < x.size(); ++k) x[k] += (y[k] * weights.own + sum[k]) * scale - y[k];
}

}  // namespace

MixSum::MixSum(MixLayout layout) : layout_(std::move(layout)), sum_(layout_.size()) {}

void MixSum::add(float weight, const ModelValues& received) {
  SELMCAST_CHECK(received.size() == sum_.size(), "only whole models are mixed");
  const bool first = received_++ == 0;
  if (first) std::ranges::fill(sum_, 0.0F);
  if (alone_) weight = std::max(weight, kLeastWeight);
  added_ += weight;
  std::array<float, kTile> tile;
  std::size_t from = 0;
  for (const MixLayout::Run& run : layout_.runs) {
    const std::size_t end = from + run.count;
    // Of a frozen tensor only who starts alone takes the first.
    if (run.role == TensorRole::frozen && !(alone_ && first)) from = end;
    while (from < end) {
      const std::span<const float> values = received.read(from, end - from, tile);
      const std::span<float> sum = std::span(sum_).subspan(from, values.size());
      from += values.size();
      if (run.role != TensorRole::counter && run.role != TensorRole::frozen) {
        add_weighted(sum, weight, values);
      } else if (first) {
        std::ranges::copy(values, sum.begin());
      } else {
        take_greatest(sum, values);
      }
    }
  }
}

void MixSum::finish(const Weights& weights, std::span<float> x, std::span<const float> y) {
  SELMCAST_CHECK(x.size() == sum_.size() && y.size() == sum_.size(), "the model keeps its size");
  if (std::exchange(received_, 0) == 0) return;
  const float added = std::exchange(added_, 0.0F);
  if (std::exchange(alone_, false)) return finish_alone(added, x);
  SELMCAST_CHECK(weights.total > 0, "a mixture weighs something");
  std::size_t from = 0;
  for (const MixLayout::Run& run : layout_.runs) {
    const std::span<const float> sum = std::span(sum_).subspan(from, run.count);
    if (run.role == TensorRole::counter) {
      take_greatest(x.subspan(from, run.count), sum);
    } else if (run.role != TensorRole::frozen) {
      mix(weights, sum, x.subspan(from, run.count), y.subspan(from, run.count));
    }
    from += run.count;
  }
}

void MixSum::start_alone() {
  SELMCAST_CHECK(received_ == 0, "who starts with nothing has mixed nothing");
  alone_ = true;
}

void MixSum::finish_alone(float added, std::span<float> x) const {
  std::size_t from = 0;
  for (const MixLayout::Run& run : layout_.runs) {
    const bool is_mean = run.role != TensorRole::counter && run.role != TensorRole::frozen;
    const float scale = is_mean ? 1.0F / added : 1.0F;
    for (std::size_t k = from; k < from + run.count; ++k) x[k] = sum_[k] * scale;
    from += run.count;
  }
}

}  // namespace selmcast::worker
