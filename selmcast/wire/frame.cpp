// The codec of docs/data_plane.md. CRC32C comes from ISA-L (about 6 GB/s a core).
#include "selmcast/wire/frame.h"

#include <fmt/core.h>
#include <isa-l/crc.h>

#include <algorithm>

#include "selmcast/base/check.h"
#include "selmcast/wire/little_endian.h"

namespace selmcast::wire {
namespace {

// Where each field of a header stands.
constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kKindAt = 6;
constexpr std::size_t kTransferAt = 8;
constexpr std::size_t kSequenceAt = 16;
constexpr std::size_t kLengthAt = 20;
constexpr std::size_t kPayloadCrcAt = 24;
constexpr std::size_t kHeaderCrcAt = 28;

constexpr std::size_t kHelloBytes = 12;
constexpr std::size_t kOfferBytes = 40;
constexpr std::size_t kJoinedBytes = 6;

bool is_known(std::uint16_t kind) {
  return kind >= static_cast<std::uint16_t>(FrameKind::hello) &&
         kind <= static_cast<std::uint16_t>(FrameKind::stripe);
}

std::size_t length_limit(FrameKind kind) {
  if (carries_payload(kind)) return kChunkBytesMax;
  return kind == FrameKind::status ? kStatusBytesMax : kBodyBytesMax;
}

std::vector<std::byte> frame(FrameKind kind, TransferId transfer, std::span<const std::byte> body) {
  FrameHeader header{.kind = kind, .transfer = transfer};
  header.length = static_cast<std::uint32_t>(body.size());
  header.payload_crc = crc32c(body);
  const auto encoded = encode(header);
  std::vector<std::byte> bytes(encoded.size() + body.size());
  std::ranges::copy(body, std::ranges::copy(encoded, bytes.begin()).out);
  return bytes;
}

Result<void> check_body_length(FrameKind kind, std::size_t expected, std::size_t actual) {
  if (expected == actual) return {};
  return failure(ErrorCode::protocol, fmt::format("a {} frame has a body of {} bytes instead of {}",
                                                  to_string(kind), actual, expected));
}

}  // namespace

std::string_view to_string(FrameKind kind) {
  switch (kind) {
    case FrameKind::hello: return "hello";
    case FrameKind::offer: return "offer";
    case FrameKind::grant: return "grant";
    case FrameKind::chunk: return "chunk";
    case FrameKind::ack: return "ack";
    case FrameKind::refuse: return "refuse";
    case FrameKind::joined: return "joined";
    case FrameKind::status: return "status";
    case FrameKind::patch: return "patch";
    case FrameKind::stripe: return "stripe";
  }
  return "unknown";
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  // ISA-L counts in int and neither presets nor inverts the register; its buffer is read-only for all its
  // type says.
  constexpr std::size_t kPieceMax = std::size_t{1} << 30;
  std::uint32_t state = 0xffffffff;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPieceMax));
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(piece.data()));
    state = crc32_iscsi(data, static_cast<int>(piece.size()), state);
    bytes = bytes.subspan(piece.size());
  }
  return ~state;
}

std::array<std::byte, kHeaderBytes> encode(const FrameHeader& header) {
  std::array<std::byte, kHeaderBytes> bytes;
  put(bytes, kMagicAt, kFrameMagic);
  put(bytes, kVersionAt, kDataProtocolVersion);
  put(bytes, kKindAt, static_cast<std::uint16_t>(header.kind));
  put(bytes, kTransferAt, header.transfer.value());
  put(bytes, kSequenceAt, header.sequence);
  put(bytes, kLengthAt, header.length);
  put(bytes, kPayloadCrcAt, header.payload_crc);
  put(bytes, kHeaderCrcAt, crc32c(std::span(bytes).first(kHeaderCrcAt)));
  return bytes;
}

Result<FrameHeader> decode_header(std::span<const std::byte, kHeaderBytes> bytes) {
  // Magic and version come before the CRC: another version may keep its CRC elsewhere, and "version 2" helps
  // its reader more than "damaged" does.
  if (const auto magic = get<std::uint32_t>(bytes, kMagicAt); magic != kFrameMagic) {
    return failure(
        ErrorCode::protocol,
        fmt::format("not a frame of the data plane: magic {:#010x} instead of {:#010x}", magic, kFrameMagic));
  }
  if (const auto version = get<std::uint16_t>(bytes, kVersionAt); version != kDataProtocolVersion) {
    return failure(
        ErrorCode::protocol,
        fmt::format(
            "the peer speaks data-plane version {}, we speak {}: run the same SelMcast on all workers",
            version, kDataProtocolVersion));
  }
  const auto expected_crc = get<std::uint32_t>(bytes, kHeaderCrcAt);
  if (const auto crc = crc32c(bytes.first(kHeaderCrcAt)); crc != expected_crc) {
    return failure(
        ErrorCode::corrupt,
        fmt::format("frame header damaged: CRC32C {:#010x} instead of {:#010x}", crc, expected_crc));
  }
  const auto kind = get<std::uint16_t>(bytes, kKindAt);
  if (!is_known(kind)) return failure(ErrorCode::protocol, fmt::format("unknown frame kind {}", kind));

  FrameHeader header{.kind = static_cast<FrameKind>(kind),
                     .transfer = TransferId(get<std::uint64_t>(bytes, kTransferAt)),
                     .sequence = get<std::uint32_t>(bytes, kSequenceAt),
                     .length = get<std::uint32_t>(bytes, kLengthAt),
                     .payload_crc = get<std::uint32_t>(bytes, kPayloadCrcAt)};
  if (header.length > length_limit(header.kind)) {
    return failure(ErrorCode::protocol,
                   fmt::format("a {} frame announces {} bytes, the limit is {}", to_string(header.kind),
                               header.length, length_limit(header.kind)));
  }
  if (!carries_payload(header.kind) && header.kind != FrameKind::grant && header.sequence != 0) {
    return failure(
        ErrorCode::protocol,
        fmt::format("a {} frame has the sequence number {}, only what carries payload and grants are "
                    "numbered",
                    to_string(header.kind), header.sequence));
  }
  if (header.kind == FrameKind::hello && header.transfer != TransferId(0)) {
    return failure(ErrorCode::protocol,
                   fmt::format("a hello frame names transfer {}", header.transfer.value()));
  }
  return header;
}

Result<void> verify_payload(const FrameHeader& header, std::span<const std::byte> payload) {
  if (payload.size() == header.length && crc32c(payload) == header.payload_crc) return {};
  return failure(
      ErrorCode::corrupt,
      fmt::format("{} {} of transfer {} damaged: {} bytes do not match the CRC32C {:#010x} of their {} bytes",
                  to_string(header.kind), header.sequence, header.transfer.value(), payload.size(),
                  header.payload_crc, header.length));
}

std::vector<std::byte> hello_frame(const HelloBody& body) {
  std::array<std::byte, kHelloBytes> bytes;
  put(bytes, 0, body.run_token);
  put(bytes, 8, body.sender.value());
  return frame(FrameKind::hello, TransferId(0), bytes);
}

std::vector<std::byte> offer_frame(TransferId transfer, const OfferBody& body) {
  SELMCAST_CHECK(body.total >= Bytes(0) && body.total <= kPayloadBytesMax,
                 "a payload of possible size is offered");
  std::array<std::byte, kOfferBytes> bytes;
  put(bytes, 0, body.version.epoch);
  put(bytes, 8, body.version.number);
  put(bytes, 16, static_cast<std::uint64_t>(body.total.count()));
  put(bytes, 24, body.mix.round.value());
  put(bytes, 32, body.mix.weight);
  return frame(FrameKind::offer, transfer, bytes);
}

std::vector<std::byte> grant_frame(TransferId transfer, std::uint32_t sequence) {
  const auto header = encode(
      {.kind = FrameKind::grant, .transfer = transfer, .sequence = sequence, .payload_crc = crc32c({})});
  return {header.begin(), header.end()};
}
std::vector<std::byte> ack_frame(TransferId transfer) { return frame(FrameKind::ack, transfer, {}); }

std::vector<std::byte> refuse_frame(TransferId transfer, std::string_view reason) {
  return frame(FrameKind::refuse, transfer, std::as_bytes(std::span(reason.substr(0, kBodyBytesMax))));
}

std::vector<std::byte> joined_frame(TransferId transfer, const JoinedBody& body) {
  std::array<std::byte, kJoinedBytes> bytes;
  put(bytes, 0, body.address);
  put(bytes, 4, body.port);
  return frame(FrameKind::joined, transfer, bytes);
}

std::vector<std::byte> status_frame(TransferId transfer, std::span<const std::byte> body) {
  SELMCAST_CHECK(body.size() <= kStatusBytesMax, "a status fits its frame");
  return frame(FrameKind::status, transfer, body);
}

Result<HelloBody> decode_hello(std::span<const std::byte> payload) {
  if (auto length = check_body_length(FrameKind::hello, kHelloBytes, payload.size()); !length) {
    return std::unexpected(length.error());
  }
  return HelloBody{.run_token = get<std::uint64_t>(payload, 0),
                   .sender = WorkerId(get<std::uint32_t>(payload, 8))};
}

Result<OfferBody> decode_offer(std::span<const std::byte> payload) {
  if (auto length = check_body_length(FrameKind::offer, kOfferBytes, payload.size()); !length) {
    return std::unexpected(length.error());
  }
  const auto total = get<std::uint64_t>(payload, 16);
  if (total > static_cast<std::uint64_t>(kPayloadBytesMax.count())) {
    return failure(ErrorCode::protocol, fmt::format("an offer announces {} bytes, the limit is {}", total,
                                                    kPayloadBytesMax.count()));
  }
  const auto weight = get<std::uint64_t>(payload, 32);
  if (weight > kMixWeightMax) {
    return failure(ErrorCode::protocol,
                   fmt::format("an offer announces a weight of {}, the limit is {}", weight, kMixWeightMax));
  }
  return OfferBody{
      .version = {.epoch = get<std::uint64_t>(payload, 0), .number = get<std::uint64_t>(payload, 8)},
      .total = Bytes(static_cast<std::int64_t>(total)),
      .mix = {.round = Round(get<std::uint64_t>(payload, 24)), .weight = weight}};
}

Result<JoinedBody> decode_joined(std::span<const std::byte> payload) {
  if (auto length = check_body_length(FrameKind::joined, kJoinedBytes, payload.size()); !length)
    return std::unexpected(length.error());
  return JoinedBody{.address = get<std::uint32_t>(payload, 0), .port = get<std::uint16_t>(payload, 4)};
}

std::string decode_refuse(std::span<const std::byte> payload) {
  std::string reason;
  for (const std::byte byte : payload.first(std::min(payload.size(), kBodyBytesMax))) {
    const char character = std::to_integer<char>(byte);
    reason.push_back(character >= ' ' && character <= '~' ? character : '?');
  }
  return reason;
}

std::uint32_t chunk_count(Bytes total) {
  SELMCAST_CHECK(total >= Bytes(0) && total <= kPayloadBytesMax, "a payload of possible size is cut");
  constexpr auto kChunk = static_cast<std::int64_t>(kChunkBytesMax);
  return std::max(std::uint32_t{1}, static_cast<std::uint32_t>((total.count() + kChunk - 1) / kChunk));
}

Bytes chunk_offset(std::uint32_t sequence) {
  return static_cast<std::int64_t>(sequence) * Bytes(static_cast<std::int64_t>(kChunkBytesMax));
}

Bytes chunk_length(Bytes total, std::uint32_t sequence) {
  SELMCAST_CHECK(sequence < chunk_count(total), "the chunk is one of the payload's");
  return std::min(Bytes(static_cast<std::int64_t>(kChunkBytesMax)), total - chunk_offset(sequence));
}

std::uint32_t stripe_sequence(Bytes offset) {
  constexpr auto kUnit = static_cast<std::int64_t>(kStripeUnitBytes);
  SELMCAST_CHECK(offset >= Bytes(0) && offset < kPayloadBytesMax && offset.count() % kUnit == 0,
                 "a stripe begins at a multiple of its unit");
  return static_cast<std::uint32_t>(offset.count() / kUnit);
}

Bytes stripe_offset(std::uint32_t sequence) {
  return static_cast<std::int64_t>(sequence) * Bytes(static_cast<std::int64_t>(kStripeUnitBytes));
}

FrameHeader chunk_header(TransferId transfer, std::uint32_t sequence, std::span<const std::byte> chunk,
                         FrameKind kind) {
  SELMCAST_CHECK(chunk.size() <= kChunkBytesMax, "a chunk fits its frame");
  return FrameHeader{.kind = kind,
                     .transfer = transfer,
                     .sequence = sequence,
                     .length = static_cast<std::uint32_t>(chunk.size()),
                     .payload_crc = crc32c(chunk)};
}

}  // namespace selmcast::wire
