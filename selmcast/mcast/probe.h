// Probes: small datagrams that show what a network does with IP multicast, before anything depends on it.
//
// Who takes part joins one of two groups and sends kProbes datagrams to each of both. What comes by the group that it
// joined was passed on as it should be (heard); what comes by the other one (flood_watch.h) shows a network that
// floods. Both groups have members, since switches treat a group without any in another way. A datagram, 32 bytes,
// little-endian (docs/multicast.md):
//
//     0 magic "SMP1"  4 version  5 kind  6 zero  8 token  16 sender  20 heard  24 flooded  28 CRC
//
//     probe   to both groups
//     answer  to the address that a probe came from: how many of its probes were heard, and how many came by the group
//             that was not joined (kCannotSee: nobody looked). Of selmcast doctor alone, where no manager gathers.
//
// Pure: bytes in, values out. Nothing here trusts the network. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "selmcast/base/units.h"

namespace selmcast::mcast {

inline constexpr std::uint32_t kProbeMagic = 0x31504d53;  // "SMP1"
inline constexpr std::uint8_t kProbeVersion = 1;
inline constexpr std::size_t kProbeBytes = 32;
inline constexpr std::uint32_t kCannotSee = 0xffffffff;

// To each group, the first after kProbeStart: some join late, and a join takes a moment to reach the switches. Then one
// listens on for kProbeEnd. 3.5 s in all.
inline constexpr int kProbes = 8;
inline constexpr Duration kProbeStart = Duration::milliseconds(300);
inline constexpr Duration kProbeInterval = Duration::milliseconds(300);
inline constexpr Duration kProbeEnd = Duration::milliseconds(1100);
// So many must have come: a way that loses more than half is no way for a model. One is enough to show a flood, but for
// what was under way when a membership changed.
inline constexpr int kProbesHeard = kProbes / 2;
inline constexpr int kProbesFlooded = 2;
// Of how many senders is kept book.
inline constexpr std::size_t kProbeSendersMax = 100'000;

enum class ProbeKind : std::uint8_t { probe = 1, answer = 2 };

struct Probe {
  ProbeKind kind = ProbeKind::probe;
  std::uint64_t token = 0;  // which training's, and which of its probings
  std::uint32_t sender = 0;
  std::uint32_t heard = 0, flooded = 0;  // of an answer
  bool operator==(const Probe&) const = default;
};
std::array<std::byte, kProbeBytes> encode(const Probe& probe);
// Nothing: not ours, damaged, or of another version.
std::optional<Probe> decode_probe(std::span<const std::byte> datagram);

// Who was heard how often, on one way.
class ProbeCount {
 public:
  void came(std::uint32_t sender) {
    if (counts_.size() < kProbeSendersMax || counts_.contains(sender)) ++counts_[sender];
  }
  int of(std::uint32_t sender) const {
    const auto found = counts_.find(sender);
    return found == counts_.end() ? 0 : found->second;
  }
  std::set<std::uint32_t> at_least(int count) const {
    std::set<std::uint32_t> senders;
    for (const auto& [sender, came] : counts_) {
      if (came >= count) senders.insert(sender);
    }
    return senders;
  }

 private:
  std::map<std::uint32_t, int> counts_;
};

}  // namespace selmcast::mcast
