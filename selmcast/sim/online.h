// Trainings without rounds in common: each worker computes, has its multicast planned, sends and goes on by itself
// (simulation.h: ssp, asp).
#pragma once

#include <cstdint>

#include "selmcast/sim/simulation.h"

namespace selmcast::sim {

// Requires valid settings with Sync::ssp or Sync::asp.
Outcome simulate_online(const Settings& settings, std::uint64_t seed, Observer* observer);

}  // namespace selmcast::sim
