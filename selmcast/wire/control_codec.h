// Control messages to and from Protocol Buffers.
//
// Decoding checks all that can be checked without knowing the training: a kind is set, rates are such as can
// be planned with, times finite and not negative, sizes not negative, names short and printable, lists within
// bounds. Errors are `protocol` and name the field. Reasons are for people: both ways they are cut, and what
// is not text is replaced.
#pragma once

#include "selmcast/base/error.h"
#include "selmcast/wire/control.h"

namespace selmcast::wire {

namespace pb {
class FromWorker;
class ToWorker;
}  // namespace pb

inline constexpr int kTensorsMax = 100'000;
inline constexpr std::size_t kNameBytesMax = 256;
inline constexpr std::size_t kReasonBytesMax = 1000;
inline constexpr double kElementsMax = 0x1p46;  // parameters of a model
// The rates that a problem may have (plan/problem.h).
inline constexpr Rate kRateMin = Rate::bits_per_second(1e-3);
inline constexpr Rate kRateMax = Rate::bits_per_second(1e18);

pb::FromWorker encode(const FromWorker& message);
pb::ToWorker encode(const ToWorker& message);
Result<FromWorker> decode(const pb::FromWorker& message);
Result<ToWorker> decode(const pb::ToWorker& message);

// One line of JSON (protobuf's mapping), for journals. from_worker_json is its inverse.
std::string to_json(const FromWorker& message);
std::string to_json(const ToWorker& message);
Result<FromWorker> from_worker_json(const std::string& json);

}  // namespace selmcast::wire
