// How many receivers each multicast needs at least: a count, or a fraction of the workers that are there.
//
// A fraction p < 1 of n workers means max(1, floor(p n + 1e-9)), taken anew whenever membership changes
// (formats.md); either way never more than n - 1, so that a shrinking training goes on.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "selmcast/base/error.h"

namespace selmcast::sync {

class MinReceivers {
 public:
  // "0.3" is a fraction, "2" a count. Error (invalid_input) for anything but a fraction in (0, 1) or a whole
  // number >= 0.
  static Result<MinReceivers> from(double value) {
    const bool fraction = value > 0 && value < 1;
    const bool count = value >= 0 && value <= 1e6 && value == std::floor(value);
    if (!fraction && !count) {
      return failure(
          ErrorCode::invalid_input,
          "min receivers must be a whole number >= 0 or a fraction of the workers between 0 and 1");
    }
    return MinReceivers(value);
  }
  static MinReceivers count(int value) { return MinReceivers(value); }

  bool operator==(const MinReceivers&) const = default;
  double value() const { return value_; }  // as it was given
  int of(std::size_t workers) const {
    if (workers <= 1) return 0;
    const auto n = static_cast<double>(workers);
    const double wanted = value_ > 0 && value_ < 1 ? std::max(1.0, std::floor(value_ * n + 1e-9)) : value_;
    return static_cast<int>(std::min(wanted, n - 1));
  }

 private:
  explicit MinReceivers(double value) : value_(value) {}
  double value_;
};

}  // namespace selmcast::sync
