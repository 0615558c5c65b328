// What a training does with the tensors of its model when models are mixed (worker/mixer.h): part of the manifest, and
// the same on all workers.
#pragma once

#include <string_view>

#include "selmcast/base/error.h"

namespace selmcast::wire {

enum class TensorRole {
  parameter,  // mixed
  buffer,     // a running float, such as BatchNorm's mean: mixed
  counter,    // whole numbers, exact up to 2^24: the greatest counts
  frozen,     // sent, but left alone by the receiver
};
// "parameter", "buffer", "counter", "frozen".
std::string_view to_string(TensorRole role);
// Error (invalid_input) naming the roles there are.
Result<TensorRole> parse_role(std::string_view name);

// How received models become part of one's own (worker/mixer.h).
enum class MixingKind { average, push_sum, staleness };
// "average", "push_sum", "staleness".
std::string_view to_string(MixingKind kind);
// Error (invalid_input) naming the kinds there are.
Result<MixingKind> parse_mixing(std::string_view name);

}  // namespace selmcast::wire
