// Mixing of kind `average`, the default: own <- (own + sum of received) / (1 + number received).
//
// A worker that many others receive from counts for more than one that few do: its values enter more averages. Where
// that matters (skewed shards, very uneven links) push_sum corrects it. Thread rule: one owner.
#pragma once

#include "selmcast/worker/mix_sum.h"
#include "selmcast/worker/mixer.h"

namespace selmcast::worker {

class AverageMixer final : public Mixer {
 public:
  explicit AverageMixer(MixLayout layout) : sum_(std::move(layout)) {}

  MixHeader send(Round round, std::span<const TransferId>) override { return {round, 0}; }
  void take_back(TransferId) override {}
  void start_empty() override { sum_.start_alone(); }
  void fold(Round, const MixHeader&, const ModelValues& received) override { sum_.add(1, received); }
  void finish_onto(std::span<float> x, std::span<const float> y) override {
    sum_.finish({1, 1 + static_cast<float>(sum_.received())}, x, y);
  }

 private:
  MixSum sum_;
};

}  // namespace selmcast::worker
