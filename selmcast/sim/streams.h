// Which random stream of a run is whose. A stream of its own for everything that draws: what one draws more or less
// changes nothing for the others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "selmcast/base/rng.h"

namespace selmcast::sim {

inline Rng bandwidth_stream(std::uint64_t seed) { return Rng(seed).fork(1); }
inline Rng planner_stream(std::uint64_t seed) { return Rng(seed).fork(2); }
inline Rng estimate_stream(std::uint64_t seed) { return bandwidth_stream(seed).fork(1); }
inline Rng compute_stream(std::uint64_t seed, std::size_t worker) { return Rng(seed).fork(3 + worker); }

}  // namespace selmcast::sim
