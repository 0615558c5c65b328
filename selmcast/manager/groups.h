// Which group each sender's network multicast goes to. Pure; any thread.
//
// A small pool, used again every eight plans: worker w has the address 239.77.(8 t + plan % 8).(1 + w % 250) and the
// port 7700 + w / 250, so that within a training nobody hears a multicast that is not for it. Not the same every plan:
// after a receiver has left a group, a switch asks whether another one is left there, and goes on sending to it for two
// seconds (RFC 2236, last member query interval and count; Linux bridges, too): the next plan's multicast of the same
// sender would fill the links of all who were in the last one. t comes from the run token, so that trainings on one
// network mostly use groups of their own; where they do not, streams keep them apart. 239.0.0.0/8 is for use within a
// site (RFC 2365).
#pragma once

#include <cstdint>

#include "selmcast/base/ids.h"
#include "selmcast/base/rng.h"
#include "selmcast/wire/control.h"

namespace selmcast::manager {

inline constexpr std::uint32_t kGroupsBase = 0xef4d0000;  // 239.77.0.0
inline constexpr std::uint32_t kGroupsMost = 250;
inline constexpr std::uint32_t kGroupTurns = 8;
inline constexpr std::uint16_t kGroupsPort = 7700;

// `plan` is the number of the plan that the multicast is of.
inline wire::MulticastGroup group_of(WorkerId sender, std::uint64_t plan, std::uint64_t run_token,
                                     std::uint32_t segment_bytes) {
  const auto first_turn = static_cast<std::uint32_t>(Rng(run_token).fork(77).below(256 / kGroupTurns));
  const std::uint32_t third = first_turn * kGroupTurns + static_cast<std::uint32_t>(plan % kGroupTurns);
  return {.address = kGroupsBase | third << 8 | (1 + sender.value() % kGroupsMost),
          .port = static_cast<std::uint16_t>(kGroupsPort + sender.value() / kGroupsMost),
          .stream = Rng(run_token).fork(plan).fork(sender.value()).next(),
          .segment_bytes = segment_bytes};
}

// The two groups of a probing (multicast_probing.h), which no multicast of a model uses.
struct ProbeGroups {
  wire::MulticastGroup even, odd;
};
inline ProbeGroups probe_groups(std::uint64_t probing, std::uint64_t run_token) {
  const std::uint32_t third = static_cast<std::uint32_t>(Rng(run_token).fork(77).below(256)) << 8;
  const wire::MulticastGroup even{.address = kGroupsBase | third | (kGroupsMost + 1),
                                  .port = kGroupsPort - 1,
                                  .stream = Rng(run_token).fork(77).fork(probing).next(),
                                  .segment_bytes = 1440};
  wire::MulticastGroup odd = even;
  ++odd.address;
  return {even, odd};
}

}  // namespace selmcast::manager
