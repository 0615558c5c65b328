#include "selmcast/mcast/probe.h"

#include "selmcast/wire/frame.h"
#include "selmcast/wire/little_endian.h"

namespace selmcast::mcast {
namespace {

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kKindAt = 5;
constexpr std::size_t kZeroAt = 6;
constexpr std::size_t kTokenAt = 8;
constexpr std::size_t kSenderAt = 16;
constexpr std::size_t kHeardAt = 20;
constexpr std::size_t kFloodedAt = 24;
constexpr std::size_t kCrcAt = 28;

using wire::get;
using wire::put;

}  // namespace

std::array<std::byte, kProbeBytes> encode(const Probe& probe) {
  std::array<std::byte, kProbeBytes> bytes;
  put(bytes, kMagicAt, kProbeMagic);
  put(bytes, kVersionAt, kProbeVersion);
  put(bytes, kKindAt, static_cast<std::uint8_t>(probe.kind));
  put(bytes, kZeroAt, std::uint16_t{0});
  put(bytes, kTokenAt, probe.token);
  put(bytes, kSenderAt, probe.sender);
  put(bytes, kHeardAt, probe.heard);
  put(bytes, kFloodedAt, probe.flooded);
  put(bytes, kCrcAt, wire::crc32c(std::span(bytes).first(kCrcAt)));
  return bytes;
}

std::optional<Probe> decode_probe(std::span<const std::byte> datagram) {
  if (datagram.size() != kProbeBytes || get<std::uint32_t>(datagram, kMagicAt) != kProbeMagic ||
      get<std::uint8_t>(datagram, kVersionAt) != kProbeVersion)
    return std::nullopt;
  if (get<std::uint32_t>(datagram, kCrcAt) != wire::crc32c(datagram.first(kCrcAt))) return std::nullopt;
  const auto kind = get<std::uint8_t>(datagram, kKindAt);
  const bool is_known = kind == static_cast<std::uint8_t>(ProbeKind::probe) ||
                        kind == static_cast<std::uint8_t>(ProbeKind::answer);
  if (!is_known || get<std::uint16_t>(datagram, kZeroAt) != 0) return std::nullopt;
  return Probe{static_cast<ProbeKind>(kind), get<std::uint64_t>(datagram, kTokenAt),
               get<std::uint32_t>(datagram, kSenderAt), get<std::uint32_t>(datagram, kHeardAt),
               get<std::uint32_t>(datagram, kFloodedAt)};
}

}  // namespace selmcast::mcast
