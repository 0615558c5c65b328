// For tests of links over loopback: a handler that remembers, and a fixture with both ends in one io_context, which
// runs in the test's thread until what is awaited has happened.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/net/link.h"

namespace selmcast::net {

using Buffer = std::vector<std::byte>;

inline Buffer random_bytes(std::size_t size, std::uint64_t seed) {
  Rng rng(seed);
  Buffer bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(rng.next());
  return bytes;
}

// Remembers what it hears; takes chunks into a buffer a link. `on_event` is told everything, and may destroy links.
class Recorder : public LinkHandler {
 public:
  enum class Event { connected, chunk_header, chunk_bytes, frame, stream_sent, closed };
  std::function<void(Event, Link&)> on_event = [](Event, Link&) {};

  void on_connected(Link& link) override { note(Event::connected, link); }
  Result<std::span<std::byte>> on_chunk_header(Link& link, const wire::FrameHeader& header) override {
    auto& buffer = payloads[&link];
    const auto offset = static_cast<std::size_t>(wire::chunk_offset(header.sequence).count());
    if (!refuse_chunks.empty()) return failure(ErrorCode::protocol, refuse_chunks);
    // Big enough from the start, since the place of a chunk must not move while it is read.
    buffer.resize(std::max(buffer.size(), kPayloadBytesMax));
    received_bytes[&link] = std::max(received_bytes[&link], offset + header.length);
    const auto place = std::span(buffer).subspan(offset, header.length);
    note(Event::chunk_header, link);
    return place;
  }
  void on_chunk_bytes(Link& link, const wire::FrameHeader&, Bytes bytes) override {
    chunk_bytes += bytes;
    note(Event::chunk_bytes, link);
  }
  Result<void> on_frame(Link& link, const wire::FrameHeader& header,
                        std::span<const std::byte> payload) override {
    frames.push_back(header);
    bodies.emplace_back(payload.begin(), payload.end());
    if (header.kind == wire::FrameKind::chunk && !wire::verify_payload(header, payload)) ++damaged;
    note(Event::frame, link);
    return {};
  }
  void on_stream_sent(Link& link, TransferId transfer) override {
    sent.push_back(transfer);
    note(Event::stream_sent, link);
  }
  void on_closed(Link& link, const Error& error) override {
    closed.push_back(error);
    note(Event::closed, link);
  }

  Buffer payload_of(Link* link) {
    Buffer bytes = payloads[link];
    bytes.resize(received_bytes[link]);
    return bytes;
  }
  int count(Event event) { return counts[event]; }

  static constexpr std::size_t kPayloadBytesMax = 5 * wire::kChunkBytesMax;
  std::string refuse_chunks;
  std::map<Event, int> counts;
  std::map<Link*, Buffer> payloads;
  std::map<Link*, std::size_t> received_bytes;
  Bytes chunk_bytes;
  std::vector<wire::FrameHeader> frames;
  std::vector<Buffer> bodies;
  int damaged = 0;
  std::vector<TransferId> sent;
  std::vector<Error> closed;

 private:
  void note(Event event, Link& link) {
    ++counts[event];
    on_event(event, link);
  }
};
using Event = Recorder::Event;

class LinkTest : public testing::Test {
 protected:
  void start_listening(LinkOptions options = {}) {
    auto listening = listen(io, "127.0.0.1", 0, std::move(options), receiver,
                            [this](std::unique_ptr<Link> link) { accepted.push_back(std::move(link)); });
    ASSERT_TRUE(listening.has_value()) << listening.error().message;
    acceptor = std::move(*listening);
  }
  std::unique_ptr<Link> dial_receiver(LinkOptions options = {}) {
    return dial(io, "127.0.0.1", acceptor->port(), std::move(options), sender);
  }
  // Generous: only a hang runs into it.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      io.restart();
      io.run_one_for(std::chrono::milliseconds(100));
    }
    return condition();
  }
  // Everything that is ready or follows from it at once.
  void run_what_is_ready() {
    io.restart();
    while (io.poll() > 0) io.restart();
  }

  asio::io_context io{1};
  Recorder sender;
  Recorder receiver;
  std::unique_ptr<Acceptor> acceptor;
  std::vector<std::unique_ptr<Link>> accepted;
};

}  // namespace selmcast::net
