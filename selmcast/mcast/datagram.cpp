#include "selmcast/mcast/datagram.h"

#include <string>

#include "selmcast/wire/frame.h"
#include "selmcast/wire/little_endian.h"

namespace selmcast::mcast {
namespace {

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kKindAt = 5;
constexpr std::size_t kLengthAt = 6;
constexpr std::size_t kStreamAt = 8;
constexpr std::size_t kSegmentAt = 16;
constexpr std::size_t kNumberAt = 20;
constexpr std::size_t kPayloadCrcAt = 24;
constexpr std::size_t kHeaderCrcAt = 28;

using wire::get;
using wire::put;

}  // namespace

Result<void> validate(const StreamShape& shape) {
  const auto wrong = [](const std::string& what) {
    return failure(ErrorCode::invalid_input, "multicast stream: " + what);
  };
  if (shape.total <= Bytes(0)) return wrong("there is nothing to send");
  if (shape.segment_bytes < kSegmentBytesMin || shape.segment_bytes > kSegmentBytesMax) {
    return wrong("segments of " + std::to_string(shape.segment_bytes) + " bytes; possible are " +
                 std::to_string(kSegmentBytesMin) + " to " + std::to_string(kSegmentBytesMax));
  }
  if ((shape.total.count() - 1) / shape.segment_bytes >= kSegmentsMax)
    return wrong(std::to_string(shape.total.count()) +
                 " bytes are too many for its segments; take larger ones");
  return {};
}

std::vector<StreamPart> parts_of(const StreamShape& shape, std::span<const SegmentRange> ranges) {
  const std::uint32_t most = std::max<std::uint32_t>(1, kPartBytesMax / shape.segment_bytes);
  std::vector<StreamPart> parts;
  for (const SegmentRange& range : ranges) {
    for (std::uint32_t first = range.first; first < range.end;) {
      const std::uint32_t end = std::min(range.end, first + most);
      const std::size_t stop = shape.offset(end - 1) + shape.length(end - 1);
      parts.push_back({first, shape.offset(first), stop - shape.offset(first)});
      first = end;
    }
  }
  return parts;
}

std::string_view to_string(DatagramFault fault) {
  switch (fault) {
    case DatagramFault::truncated: return "truncated";
    case DatagramFault::magic: return "not ours";
    case DatagramFault::version: return "of another version";
    case DatagramFault::corrupt_header: return "damaged in its header";
    case DatagramFault::kind: return "of no known kind";
    case DatagramFault::length: return "of a wrong length";
    case DatagramFault::corrupt_payload: return "damaged in its payload";
  }
  return "unknown";
}

std::array<std::byte, kDatagramHeaderBytes> encode(const DatagramHeader& header) {
  std::array<std::byte, kDatagramHeaderBytes> bytes;
  put(bytes, kMagicAt, kDatagramMagic);
  put(bytes, kVersionAt, kDatagramVersion);
  put(bytes, kKindAt, static_cast<std::uint8_t>(header.kind));
  put(bytes, kLengthAt, header.length);
  put(bytes, kStreamAt, header.stream.value());
  put(bytes, kSegmentAt, header.segment);
  put(bytes, kNumberAt, header.number);
  put(bytes, kPayloadCrcAt, header.payload_crc);
  put(bytes, kHeaderCrcAt, wire::crc32c(std::span(bytes).first(kHeaderCrcAt)));
  return bytes;
}

std::expected<DatagramHeader, DatagramFault> decode_datagram(std::span<const std::byte> datagram) {
  if (datagram.size() < kDatagramHeaderBytes) return std::unexpected(DatagramFault::truncated);
  const auto header = datagram.first(kDatagramHeaderBytes);
  const auto payload = datagram.subspan(kDatagramHeaderBytes);
  if (get<std::uint32_t>(header, kMagicAt) != kDatagramMagic) return std::unexpected(DatagramFault::magic);
  if (get<std::uint8_t>(header, kVersionAt) != kDatagramVersion)
    return std::unexpected(DatagramFault::version);
  if (get<std::uint32_t>(header, kHeaderCrcAt) != wire::crc32c(header.first(kHeaderCrcAt)))
    return std::unexpected(DatagramFault::corrupt_header);
  const auto kind = get<std::uint8_t>(header, kKindAt);
  if (kind < static_cast<std::uint8_t>(DatagramKind::data) ||
      kind > static_cast<std::uint8_t>(DatagramKind::poll)) {
    return std::unexpected(DatagramFault::kind);
  }
  const DatagramHeader decoded{.kind = static_cast<DatagramKind>(kind),
                               .stream = StreamId(get<std::uint64_t>(header, kStreamAt)),
                               .segment = get<std::uint32_t>(header, kSegmentAt),
                               .number = get<std::uint32_t>(header, kNumberAt),
                               .length = get<std::uint16_t>(header, kLengthAt),
                               .payload_crc = get<std::uint32_t>(header, kPayloadCrcAt)};
  if (decoded.length != payload.size() || (decoded.kind == DatagramKind::poll) != payload.empty())
    return std::unexpected(DatagramFault::length);
  if (decoded.payload_crc != wire::crc32c(payload)) return std::unexpected(DatagramFault::corrupt_payload);
  return decoded;
}

DatagramHeader segment_header(const StreamShape& shape, std::span<const std::byte> payload, DatagramKind kind,
                              std::uint32_t segment, std::uint32_t number) {
  const auto bytes = payload.subspan(shape.offset(segment), shape.length(segment));
  return {.kind = kind,
          .stream = shape.stream,
          .segment = segment,
          .number = number,
          .length = static_cast<std::uint16_t>(bytes.size()),
          .payload_crc = wire::crc32c(bytes)};
}

}  // namespace selmcast::mcast
