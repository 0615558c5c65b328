// How a payload is cut into the segments that a reliable multicast sends, one a datagram. Pure values; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/mcast/segment_set.h"

namespace selmcast::mcast {

// One multicast of one sender; told to both sides by whoever plans it. Hard to guess, so that a stranger's datagrams in
// the same group are no part of it.
using StreamId = Id<struct StreamIdTag, std::uint64_t>;

// 1500 - 20 IPv4 - 8 UDP - 32 header (datagram.h): of each Ethernet frame of 1514 bytes 1440 are payload.
inline constexpr std::uint32_t kSegmentBytes = 1440;
inline constexpr std::uint32_t kSegmentBytesMin = 16;
inline constexpr std::uint32_t kSegmentBytesMax = 65'000;  // an IPv4 datagram ends at 65,535
inline constexpr std::uint32_t kSegmentsMax = std::uint32_t{1} << 31;

struct StreamShape {
  StreamId stream;
  Bytes total;
  std::uint32_t segment_bytes = kSegmentBytes;
  bool operator==(const StreamShape&) const = default;

  // Of a valid shape, all of them.
  std::uint32_t segments() const {
    return static_cast<std::uint32_t>((total.count() + segment_bytes - 1) / segment_bytes);
  }
  std::size_t offset(std::uint32_t segment) const { return std::size_t{segment} * segment_bytes; }
  std::size_t length(std::uint32_t segment) const {
    return std::min<std::size_t>(segment_bytes, static_cast<std::size_t>(total.count()) - offset(segment));
  }
};

// Whole segments that lie together, of kPartBytesMax at most.
struct StreamPart {
  std::uint32_t first = 0;  // segment
  std::size_t offset = 0, length = 0;
};
inline constexpr std::size_t kPartBytesMax = std::size_t{1} << 20;
std::vector<StreamPart> parts_of(const StreamShape& shape, std::span<const SegmentRange> ranges);

// Error (invalid_input) if there is nothing to send, or no such segments.
Result<void> validate(const StreamShape& shape);

}  // namespace selmcast::mcast
