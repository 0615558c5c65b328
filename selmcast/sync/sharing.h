// How the multicasts that run share the links, where the policy does not say so itself.
//
//   fair      max-min, all alike
//   priority  strictly: fewest completed rounds first, then who started first
//   reserved  in proportion to volume / t_i, the rate at which a multicast would end in the time t_i that its links
//             need for all that is selected when it starts
//
// A claim (maxmin/solver.h) says it to whoever computes the rates: the simulator's network, or the manager.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "selmcast/base/units.h"
#include "selmcast/maxmin/solver.h"

namespace selmcast::sync {

enum class Sharing { fair, priority, reserved };

inline constexpr std::array<std::pair<std::string_view, Sharing>, 3> kSharingNames{
    {{"fair", Sharing::fair}, {"priority", Sharing::priority}, {"reserved", Sharing::reserved}}};

constexpr std::string_view to_string(Sharing sharing) {
  return kSharingNames[static_cast<std::size_t>(sharing)].first;
}
// nullopt if there is none of that name.
constexpr std::optional<Sharing> sharing_from(std::string_view text) {
  for (const auto& [name, sharing] : kSharingNames) {
    if (name == text) return sharing;
  }
  return std::nullopt;
}

struct NewMulticast {
  std::uint64_t completed_rounds = 0;  // of its sender
  std::uint64_t started = 0;           // how many multicasts started before it
  Bytes volume;
  Duration planned;  // t_i above; > 0
};

// `unit`: the rate whose reservation weighs 1.
inline maxmin::Claim claim_of(Sharing sharing, const NewMulticast& multicast, Rate unit) {
  // Fewest rounds first, then first come: one number orders both while no run starts 2^40 multicasts.
  if (sharing == Sharing::priority)
    return {.priority = (multicast.completed_rounds << 40) + multicast.started};
  if (sharing == Sharing::reserved) return {.weight = multicast.volume / multicast.planned / unit};
  return {};
}

}  // namespace selmcast::sync
