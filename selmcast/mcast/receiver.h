// One receiver of one reliable multicast: what is there, what is missing, and when to say so.
//
//     receiving ── every segment there, each with a right CRC ──> complete
//         └─────── the sender is silent for kSilenceMax ────────> lost (the caller discards the buffer: no trace)
//
// Datagrams come in any order, twice, damaged or not at all; each is checked before a byte is written, and written
// once, into its place in the caller's buffer. Patches are segments that come over TCP instead (sender.h says when).
// Memory: one bit a segment. No clock, no I/O: callers hand in `now`. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/mcast/datagram.h"
#include "selmcast/mcast/segment_set.h"
#include "selmcast/mcast/status.h"
#include "selmcast/mcast/stream_shape.h"

namespace selmcast::mcast {

struct ReceiverCounts {
  std::uint64_t datagrams = 0;   // of this stream, intact
  std::uint64_t duplicates = 0;  // of segments that were there already
  std::uint64_t misfits = 0;     // intact, but no segment of this shape
};

class Receiver {
 public:
  // Requires a valid shape and place.size() == shape.total. `place` outlives the receiver.
  Receiver(const StreamShape& shape, std::span<std::byte> place, Instant now);

  // An intact datagram of this stream (decode_datagram) with its payload.
  void datagram(const DatagramHeader& header, std::span<const std::byte> payload, Instant now);
  // Whole segments from `first` on that came over TCP and were checked there. Error (protocol) if they are none.
  Result<void> patch(std::uint32_t first, std::span<const std::byte> payload, Instant now);

  bool complete() const { return there_.full(); }
  // Now is the time for this status; asked at deadline() or after datagrams.
  std::optional<Status> status_due(Instant now);
  // The sender has been silent for too long. Never of a complete stream.
  bool lost(Instant now) const;
  Instant deadline() const;  // when to ask again; never() once complete

  Instant first_arrival() const { return first_arrival_; }  // never() before it
  const ReceiverCounts& counts() const { return counts_; }
  const StreamShape& shape() const { return shape_; }

 private:
  void place(std::uint32_t segment, std::span<const std::byte> bytes);
  Instant next_status() const;
  Status make_status();

  StreamShape shape_;
  std::span<std::byte> place_;
  SegmentSet there_;
  std::uint32_t frontier_ = 0;  // segments before it were sent
  std::uint32_t heard_ = 0;
  std::uint32_t data_ = 0;
  std::uint32_t cursor_ = 0;  // where the next status begins, if the last one was too short
  bool news_ = false, polled_ = false;
  Instant last_status_;
  std::size_t last_status_bytes_ = kStatusHeaderBytes;
  Bytes since_status_;
  Instant last_arrival_, first_arrival_ = Instant::never();
  ReceiverCounts counts_;
};

}  // namespace selmcast::mcast
