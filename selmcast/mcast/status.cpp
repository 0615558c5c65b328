#include "selmcast/mcast/status.h"

#include <algorithm>

#include "selmcast/wire/little_endian.h"

namespace selmcast::mcast {
namespace {

constexpr std::size_t kHeardAt = 0;
constexpr std::size_t kDatagramsAt = 4;
constexpr std::size_t kReceivedAt = 8;
constexpr std::size_t kPrefixAt = 12;
constexpr std::size_t kFirstAt = 16;
constexpr std::size_t kEndAt = 20;

std::size_t bytes_for(std::uint32_t segments) { return (segments + 7) / 8; }

}  // namespace

std::vector<std::byte> encode(const Status& status) {
  std::vector<std::byte> body(kStatusHeaderBytes + status.bits.size());
  wire::put(body, kHeardAt, status.heard);
  wire::put(body, kDatagramsAt, status.datagrams);
  wire::put(body, kReceivedAt, status.received);
  wire::put(body, kPrefixAt, status.prefix);
  wire::put(body, kFirstAt, status.window.first);
  wire::put(body, kEndAt, status.window.end);
  std::ranges::copy(status.bits, body.begin() + kStatusHeaderBytes);
  return body;
}

Result<Status> decode_status(std::span<const std::byte> body) {
  const auto wrong = [](const char* what) {
    return failure(ErrorCode::protocol, std::string("a multicast status ") + what);
  };
  if (body.size() < kStatusHeaderBytes || body.size() > kStatusBytesMax) return wrong("has a wrong size");
  Status status{.heard = wire::get<std::uint32_t>(body, kHeardAt),
                .datagrams = wire::get<std::uint32_t>(body, kDatagramsAt),
                .received = wire::get<std::uint32_t>(body, kReceivedAt),
                .prefix = wire::get<std::uint32_t>(body, kPrefixAt),
                .window = {wire::get<std::uint32_t>(body, kFirstAt), wire::get<std::uint32_t>(body, kEndAt)},
                .bits = {}};
  if (status.window.end < status.window.first) return wrong("ends before it begins");
  if (status.window.first < status.prefix) return wrong("contradicts itself");
  if (status.window.size() > kStatusSegmentsMax) return wrong("speaks of too many segments");
  const auto bits = body.subspan(kStatusHeaderBytes);
  if (bits.size() != bytes_for(status.window.size())) return wrong("has a wrong number of bits");
  status.bits.assign(bits.begin(), bits.end());
  return status;
}

}  // namespace selmcast::mcast
