// Trainings in rounds: all compute, all send, all wait for the last (simulation.h: bsp).
#pragma once

#include <cstdint>

#include "selmcast/sim/simulation.h"

namespace selmcast::sim {

// Requires valid settings with Sync::bsp.
Outcome simulate_bsp(const Settings& settings, std::uint64_t seed, Observer* observer);

}  // namespace selmcast::sim
