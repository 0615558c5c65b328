// What a new multicast may claim of the links, by the way they are shared (simulation.h).
#pragma once

#include <cstdint>

#include "selmcast/base/units.h"
#include "selmcast/maxmin/solver.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::sim {

struct NewMulticast {
  std::uint64_t completed_rounds = 0;  // of its sender
  std::uint64_t started = 0;           // how many multicasts started before it
  Bytes volume;
  Duration planned;  // t_i of simulation.h; > 0
};

inline maxmin::Claim claim_of(Sharing sharing, const NewMulticast& multicast, Rate nominal) {
  // Fewest rounds first, then first come: one number orders both while no run starts 2^40 multicasts.
  if (sharing == Sharing::priority)
    return {.priority = (multicast.completed_rounds << 40) + multicast.started};
  if (sharing == Sharing::reserved) return {.weight = multicast.volume / multicast.planned / nominal};
  return {};
}

}  // namespace selmcast::sim
