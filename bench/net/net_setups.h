// The fixed set-ups of `selmcast bench net`: links, volume, and what is compared on them. Pure.
//
//   uneven      six hosts, 400, 200, 200, 100, 100, 50 Mbit/s in both directions
//   downlinks   the same downlinks under uplinks of 400
//   even        200 everywhere
//
// Link rates (net/link_rate.h). Volume: 25 MB of float32. Ours: broadcast, and random, paper, exact for 1, 2 and 3
// receivers a multicast. Rivals: Gloo's ring all-reduce and all-gather, Open MPI's ring all-reduce. What they do is not
// the same: all-reduce leaves the exact average of all on every host; ours mixes, and every pair meets within
// max_age + 1 rounds. Fixed before anything of ours was tuned on them.
#pragma once

#include <string>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/testbed/description.h"

namespace selmcast::bench {

inline constexpr Bytes kNetVolume = Bytes(25'000'000);
inline constexpr std::uint32_t kNetMaxAge = 7;

struct NetSetup {
  std::string name;
  testbed::Description network;  // hosts w0 .. w5, and "manager" on a link that is not shaped
  std::size_t workers() const { return network.hosts.size() - 1; }
};
std::vector<NetSetup> net_setups();

struct NetContender {
  std::string name;     // "exact p=2", "gloo-allreduce"
  std::string planner;  // of ours; empty: a rival
  int min_receivers = 0;
  bool paced = true;
};
std::vector<NetContender> our_contenders(bool unpaced);
std::vector<NetContender> rival_contenders();

// What the payload of one repeat of a rival needs at least: a ring moves 2 (n - 1) / n of the volume over every link
// (all-reduce), or n - 1 volumes (all-gather), and ends with the slowest.
Duration rival_bound(const NetSetup& setup, const std::string& rival);
// Payload that all hosts send in one repeat.
Bytes rival_payload(const NetSetup& setup, const std::string& rival);

}  // namespace selmcast::bench
