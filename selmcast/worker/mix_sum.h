// The weighted sum of received models, one copy of the model in size, and how it becomes part of one's own.
//
// Notation and the rule x += mixed - y: mixer.h. Roles: of a parameter or buffer the sum of w_k r_k is kept, of a
// counter the greatest r_k, of a frozen tensor nothing. Invariant: sum_ holds something only if received() > 0.
// Complexity: linear in the model, per call. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "selmcast/worker/mixer.h"

namespace selmcast::worker {

class MixSum {
 public:
  explicit MixSum(MixLayout layout);

  // Requires a whole model and weight >= 0.
  void add(float weight, const ModelValues& received);
  // x += (own_weight y + sum) / total - y, then forgets what was added. Requires total > 0, whole models, and that x
  // and y are the same span or do not overlap. Nothing added: x stays as it is.
  struct Weights {
    float own = 1;
    float total = 1;
  };
  void finish(const Weights& weights, std::span<float> x, std::span<const float> y);
  std::size_t received() const { return received_; }
  // From now on, and until a finish() that has something: x and y count for nothing, whatever they hold, and the
  // weights are those that were added. Frozen tensors are written, too: as in the model that was added first.
  // Requires that nothing was added yet.
  void start_alone();

 private:
  void finish_alone(float added, std::span<float> x) const;

  MixLayout layout_;
  std::vector<float> sum_;
  std::size_t received_ = 0;
  bool alone_ = false;
  float added_ = 0;  // weights
};

}  // namespace selmcast::worker
