// The sending end of the benches of links: streams one payload as soon as it is connected, and expects nothing back.
// Thread rule: its link's loop.
#pragma once

#include <cstddef>
#include <span>

#include "selmcast/net/link.h"

namespace selmcast::net {

class Sender final : public LinkHandler {
 public:
  Sender(std::span<const std::byte> payload, Rate rate) : payload_(payload), rate_(rate) {}
  void on_connected(Link& link) override { link.stream(TransferId(1), payload_, rate_); }
  Result<std::span<std::byte>> on_chunk_header(Link&, const wire::FrameHeader&) override {
    return failure(ErrorCode::protocol, "a sender gets no chunks");
  }
  void on_chunk_bytes(Link&, const wire::FrameHeader&, Bytes) override {}
  Result<void> on_frame(Link&, const wire::FrameHeader&, std::span<const std::byte>) override { return {}; }
  void on_stream_sent(Link&, TransferId) override {}
  void on_closed(Link&, const Error&) override {}

 private:
  std::span<const std::byte> payload_;
  Rate rate_;
};

}  // namespace selmcast::net
