// What a receiver of a multicast says to its sender every few milliseconds, over TCP. Byte by byte in
// docs/multicast.md.
//
//     0 heard  4 datagrams  8 received  12 prefix  16 first  20 end  24 bits of the segments first <= s < end, 1: is
// there
//
// Every status stands for itself: nothing is lost with one that is never sent. What is missing is told as bits, which
// are bounded whatever the network does; where they do not fit (kStatusSegmentsMax), statuses take turns.
// Pure: bytes in, values out. Nothing here trusts the peer. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/mcast/segment_set.h"
#include "selmcast/wire/frame.h"

namespace selmcast::mcast {

inline constexpr std::uint32_t kStatusSegmentsMax = 8192;
inline constexpr std::size_t kStatusHeaderBytes = 24;
static_assert(kStatusHeaderBytes + kStatusSegmentsMax / 8 <= wire::kStatusBytesMax);
inline constexpr std::size_t kStatusBytesMax = kStatusHeaderBytes + kStatusSegmentsMax / 8;

struct Status {
  std::uint32_t heard = 0;      // highest number of a data or poll datagram
  std::uint32_t datagrams = 0;  // data datagrams that came, again or not; wraps
  std::uint32_t received = 0;   // segments that are there
  std::uint32_t prefix = 0;     // all before it are there
  SegmentRange window;  // that `bits` speaks of, not before `prefix`; empty if nothing is missing so far
  std::vector<std::byte> bits;
  bool operator==(const Status&) const = default;
};

std::vector<std::byte> encode(const Status& status);
// Error (protocol): wrong size, or a window that is none. Whether such segments were sent the sender knows.
Result<Status> decode_status(std::span<const std::byte> body);

}  // namespace selmcast::mcast
