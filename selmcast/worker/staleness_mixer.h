// Mixing of kind `staleness`: the older a received model is, the less it weighs.
//
// A model of a sender that is `lag` rounds behind its receiver weighs 1 / (1 + lag); lag = max(0, receiver's round -
// sender's round), each counted in rounds of the worker itself, as of the fold. One's own model, and models of senders
// that are not behind, weigh 1. So a straggler three rounds behind enters a leader's mixture with a quarter of a
// share, while the leader enters the straggler's with a whole one: the straggler catches up rather than holding others
// back. The staleness rule of SSP bounds lag by staleness + 1; in BSP lag is 0 and this is `average`.
// Thread rule: one owner.
#pragma once

#include <cstdint>

#include "selmcast/worker/mix_sum.h"
#include "selmcast/worker/mixer.h"

namespace selmcast::worker {

inline float staleness_weight(Round receiver, Round sender) {
  const std::uint64_t lag = receiver > sender ? receiver.value() - sender.value() : 0;
  return 1.0F / (1.0F + static_cast<float>(lag));
}

class StalenessMixer final : public Mixer {
 public:
  explicit StalenessMixer(MixLayout layout) : sum_(std::move(layout)) {}

  MixHeader send(Round round, std::span<const TransferId>) override { return {round, 0}; }
  void take_back(TransferId) override {}
  void start_empty() override { sum_.start_alone(); }
  void fold(Round own, const MixHeader& from, const ModelValues& received) override {
    const float weight = staleness_weight(own, from.round);
    received_weight_ += weight;
    sum_.add(weight, received);
  }
  void finish_onto(std::span<float> x, std::span<const float> y) override {
    sum_.finish({1, 1 + received_weight_}, x, y);
    received_weight_ = 0;
  }

 private:
  MixSum sum_;
  float received_weight_ = 0;
};

}  // namespace selmcast::worker
