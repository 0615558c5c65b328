// The frames of the data plane: what one worker says to another over TCP. Byte by byte in docs/data_plane.md.
//
// One connection carries frames of one ordered pair: the sender dialled the receiver.
//     sender                         receiver
//     hello  (who I am)         ->
//     offer  (transfer, bytes)  ->              the receiver answers once its plan names the transfer and it
//                               <-  grant       has a buffer; until then the offer waits (bounded)
//     chunk 0, 1, 2, ...        ->              in sequence, each with its own CRC32C
//                               <-  ack         complete and verified: the only proof of a delivery
//                               <-  refuse      (instead of grant or ack) with the reason
// Of a transfer that goes by multicast (docs/multicast.md):
//                               <-  joined      instead of grant: is in the group, and where repairs reach it alone
//                               <-  status      what it lacks, every few milliseconds
//     patch (segments)          ->              what it lacks, when it cannot be served by multicast
// A sender with several connections to the receiver (net/bundle.h) says hello on each, the rest on the first, and sends
//     stripe                    ->              instead of chunks, in any order, each over any of its connections
// A header is 32 bytes, little-endian, with a CRC32C of its own; a payload of `length` bytes follows it.
// Pure: bytes in, values out. Nothing here trusts the peer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"

namespace selmcast::wire {

inline constexpr std::uint32_t kFrameMagic = 0x31434d53;  // "SMC1"
inline constexpr std::uint16_t kDataProtocolVersion = 2;
inline constexpr std::size_t kHeaderBytes = 32;
inline constexpr std::size_t kChunkBytesMax = 1024 * 1024;  // small writes cost a third of the throughput
inline constexpr std::size_t kBodyBytesMax = 256;           // of the frames without a payload, but ...
inline constexpr std::size_t kStatusBytesMax = 1100;        // ... a status
inline constexpr std::uint64_t kMixWeightMax = std::uint64_t{1} << 60;  // so that weights can be added
inline constexpr std::size_t kStripeUnitBytes = 4096;  // where stripes begin: at multiples of it
inline constexpr Bytes kPayloadBytesMax = Bytes(std::int64_t{1} << 44);  // so that stripes can be numbered

enum class FrameKind : std::uint16_t {
  hello = 1,
  offer = 2,
  grant = 3,
  chunk = 4,
  ack = 5,
  refuse = 6,
  joined = 7,
  status = 8,
  patch = 9,
  stripe = 10
};
std::string_view to_string(FrameKind kind);

struct FrameHeader {
  FrameKind kind = FrameKind::hello;
  TransferId transfer = {};  // 0 in hello
  std::uint32_t sequence =
      0;  // of a chunk, from 0; of a patch: its first segment; of a stripe: where it begins, in kStripeUnitBytes;
          // of a grant: the first chunk
  std::uint32_t length = 0;       // payload bytes that follow
  std::uint32_t payload_crc = 0;  // CRC32C of the payload
  bool operator==(const FrameHeader&) const = default;
};

std::array<std::byte, kHeaderBytes> encode(const FrameHeader& header);
// Errors: protocol (magic, version, kind, length over the limit of its kind, a sequence or transfer where
// there is none), corrupt (header CRC). Checked in that order, the CRC after the version.
Result<FrameHeader> decode_header(std::span<const std::byte, kHeaderBytes> bytes);

// CRC32C (Castagnoli), as in iSCSI: crc32c("123456789") = 0xe3069283.
std::uint32_t crc32c(std::span<const std::byte> bytes);
// Error (corrupt) naming transfer and sequence if the payload does not match its header.
Result<void> verify_payload(const FrameHeader& header, std::span<const std::byte> payload);

struct HelloBody {
  std::uint64_t run_token = 0;  // from the manager; keeps strangers and other trainings out
  WorkerId sender;
  bool operator==(const HelloBody&) const = default;
};
// What a model brings to its receiver's mixture besides its values (worker/mixer.h).
struct MixHeader {
  Round round;               // of the sender that is sent
  std::uint64_t weight = 0;  // push_sum: the receiver's share of the sender's mass, in quanta; else 0
  bool operator==(const MixHeader&) const = default;
};
struct OfferBody {
  PlanVersion version;
  Bytes total;
  MixHeader mix = {};
  bool operator==(const OfferBody&) const = default;
};

// Where a receiver in a group takes what is sent to it alone: UDP over IPv4, host order.
struct JoinedBody {
  std::uint32_t address = 0;
  std::uint16_t port = 0;
  bool operator==(const JoinedBody&) const = default;
};
// True of frames whose payload is part of a model and is read into place.
inline bool carries_payload(FrameKind kind) {
  return kind == FrameKind::chunk || kind == FrameKind::patch || kind == FrameKind::stripe;
}

// A whole frame ready to be sent: header, then body.
std::vector<std::byte> hello_frame(const HelloBody& body);
std::vector<std::byte> offer_frame(TransferId transfer, const OfferBody& body);
// `sequence`: the first chunk wanted; not 0 where a relayed transfer goes on after its way has changed.
std::vector<std::byte> grant_frame(TransferId transfer, std::uint32_t sequence = 0);
std::vector<std::byte> ack_frame(TransferId transfer);
std::vector<std::byte> refuse_frame(TransferId transfer, std::string_view reason);  // cut to kBodyBytesMax
std::vector<std::byte> joined_frame(TransferId transfer, const JoinedBody& body);
// Requires at most kStatusBytesMax of body.
std::vector<std::byte> status_frame(TransferId transfer, std::span<const std::byte> body);

Result<HelloBody> decode_hello(std::span<const std::byte> payload);
Result<OfferBody> decode_offer(std::span<const std::byte> payload);
Result<JoinedBody> decode_joined(std::span<const std::byte> payload);
std::string decode_refuse(std::span<const std::byte> payload);  // printable ASCII; anything else becomes '?'

// How a payload is cut into chunks: all kChunkBytesMax long but the last. An empty payload is one empty
// chunk. Requires 0 <= total <= kPayloadBytesMax.
std::uint32_t chunk_count(Bytes total);
Bytes chunk_offset(std::uint32_t sequence);
Bytes chunk_length(Bytes total, std::uint32_t sequence);  // requires sequence < chunk_count(total)
// The number of a stripe that begins there. Requires a multiple of kStripeUnitBytes within a payload.
std::uint32_t stripe_sequence(Bytes offset);
Bytes stripe_offset(std::uint32_t sequence);
FrameHeader chunk_header(TransferId transfer, std::uint32_t sequence, std::span<const std::byte> chunk,
                         FrameKind kind = FrameKind::chunk);

}  // namespace selmcast::wire
