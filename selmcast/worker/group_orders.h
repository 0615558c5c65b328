// What WorkerCore has its shell do about IP multicast (docs/multicast.md), in both roles. One multicast is sent at a
// time; any number is received. Values; the spans stay valid until the transfer or multicast is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/mcast/status.h"
#include "selmcast/mcast/stream_shape.h"
#include "selmcast/wire/control.h"

namespace selmcast::worker {

inline mcast::StreamShape shape_of(const wire::MulticastGroup& group, Bytes total) {
  return {mcast::StreamId(group.stream), total, group.segment_bytes};
}

// ---- sender

struct StartGroup {
  wire::MulticastGroup group;
  std::span<const std::byte> payload;
  std::vector<TransferId> peers;
  Rate rate;
  Rate burst;  // to begin with, above `rate`; or the same
};
struct PeerJoined {
  TransferId transfer;
  wire::JoinedBody repairs;
};
struct PeerStatus {
  TransferId transfer;
  mcast::Status status;
};
struct PeerAcknowledged {
  TransferId transfer;
};
struct DropPeer {
  TransferId transfer;
};
// Of the multicast that runs, from now on.
struct SetGroupRate {
  Rate rate;
};
// The payload is not read any more.
struct StopGroup {};

// ---- receiver

// Answered by WorkerCore::group_joined().
struct JoinGroup {
  TransferId transfer;
  wire::MulticastGroup group;
  std::span<std::byte> place;
};
struct LeaveGroup {
  TransferId transfer;
};
// Checked, and in its place already.
struct PlacePatch {
  TransferId transfer;
  std::uint32_t first_segment = 0;
  std::span<const std::byte> payload;
};
// And end a probing.
struct LeaveAllGroups {};

// ---- either

// Answered by WorkerCore::probed(); one under way is given up.
struct StartProbe {
  wire::Probe probe;
  WorkerId own;
};

using GroupOrder = std::variant<StartGroup, SetGroupRate, PeerJoined, PeerStatus, PeerAcknowledged, DropPeer,
                                StopGroup, JoinGroup, LeaveGroup, PlacePatch, LeaveAllGroups, StartProbe>;

}  // namespace selmcast::worker
