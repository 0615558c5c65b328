// The datagrams of a reliable multicast. Byte by byte in docs/multicast.md.
//
// A header of 32 bytes, little-endian, then `length` bytes of payload and nothing more:
//
//     0 magic "SMM1"  4 version  5 kind  6 length  8 stream  16 segment  20 number  24 payload CRC  28 header CRC
//
//     data    to the group: payload of one segment, for the first time or again
//     repair  to one receiver: likewise; `number` is that of the last datagram to the group
//     poll    to the group: no payload; all segments below `segment` were sent, answer with a status
//
// `number` counts what was sent to the group, from 1, a repetition included: so a receiver that says up to which number
// it has heard says which transmissions are lost and which are still under way (sender.h).
// CRCs are CRC32C. Pure: bytes in, values out, no memory taken. Nothing here trusts the network. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "selmcast/mcast/stream_shape.h"

namespace selmcast::mcast {

inline constexpr std::uint32_t kDatagramMagic = 0x314d4d53;  // "SMM1"
inline constexpr std::uint8_t kDatagramVersion = 1;
inline constexpr std::size_t kDatagramHeaderBytes = 32;

enum class DatagramKind : std::uint8_t { data = 1, repair = 2, poll = 3 };

struct DatagramHeader {
  DatagramKind kind = DatagramKind::data;
  StreamId stream = {};
  std::uint32_t segment = 0;
  std::uint32_t number = 0;
  std::uint16_t length = 0;
  std::uint32_t payload_crc = 0;
  bool operator==(const DatagramHeader&) const = default;
};

// Why a datagram is thrown away. They are counted, not told one by one: anybody may send to a group.
enum class DatagramFault { truncated, magic, version, corrupt_header, kind, length, corrupt_payload };
std::string_view to_string(DatagramFault fault);

std::array<std::byte, kDatagramHeaderBytes> encode(const DatagramHeader& header);
// Checks all that can be checked without knowing the stream, the payload's CRC included. Faults in the order above.
std::expected<DatagramHeader, DatagramFault> decode_datagram(std::span<const std::byte> datagram);

// The header of a segment of `payload`, the whole of the stream.
DatagramHeader segment_header(const StreamShape& shape, std::span<const std::byte> payload, DatagramKind kind,
                              std::uint32_t segment, std::uint32_t number);

}  // namespace selmcast::mcast
