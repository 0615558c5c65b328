// How fast a stream is to be sent, as time goes by.
#pragma once

#include <cstddef>
#include <vector>

#include "selmcast/base/units.h"

namespace selmcast {

// From so long after the stream began until the next step, the last one to its end.
struct PaceStep {
  Duration after;
  Rate rate;
  bool operator==(const PaceStep&) const = default;
};

// The first begins at zero, each later one after the one before it; rates are positive and finite. None: one rate all
// the time, which is told beside them.
using PaceSteps = std::vector<PaceStep>;

inline constexpr std::size_t kPaceStepsMost = 64;

}  // namespace selmcast
