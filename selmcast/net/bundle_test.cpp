// A link of several connections over loopback (link_testing.h): what goes over which, and that it is one link.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/ip/tcp.hpp>
#include <functional>
#include <set>

#include "selmcast/net/limits.h"
#include "selmcast/net/link_testing.h"

namespace selmcast::net {
namespace {

using testing::HasSubstr;
using wire::FrameKind;

// Takes the stripes of all links into one place, as a receiver does.
class Gatherer final : public LinkHandler {
 public:
  std::function<void(Link&)> on_stripe = [](Link&) {};

  void on_connected(Link&) override {}
  Result<std::span<std::byte>> on_chunk_header(Link& link, const wire::FrameHeader& header) override {
    const auto offset = static_cast<std::size_t>(wire::stripe_offset(header.sequence).count());
    carriers.insert(&link);
    return std::span(place).subspan(offset, header.length);
  }
  void on_chunk_bytes(Link&, const wire::FrameHeader&, Bytes) override {}
  Result<void> on_frame(Link& link, const wire::FrameHeader& header,
                        std::span<const std::byte> payload) override {
    if (!wire::carries_payload(header.kind)) {
      frames[&link].push_back(header.kind);
      return {};
    }
    kinds.insert(header.kind);
    received += payload.size();
    damaged += wire::verify_payload(header, payload) ? 0 : 1;
    on_stripe(link);
    return {};
  }
  void on_stream_sent(Link&, TransferId) override {}
  void on_closed(Link&, const Error& error) override { closed.push_back(error); }

  Buffer place;
  std::size_t received = 0;
  int damaged = 0;
  std::set<Link*> carriers;
  std::set<FrameKind> kinds;
  std::map<Link*, std::vector<FrameKind>> frames;
  std::vector<Error> closed;
};

struct BundleTest : LinkTest {
  Gatherer gatherer;

  std::unique_ptr<Link> dial_bundle(int streams) {
    auto listening = listen(io, "127.0.0.1", 0, {}, gatherer,
                            [this](std::unique_ptr<Link> link) { accepted.push_back(std::move(link)); });
    EXPECT_TRUE(listening.has_value());
    acceptor = std::move(*listening);
    auto link = dial(io, "127.0.0.1", acceptor->port(), {.streams = streams}, sender);
    EXPECT_TRUE(run_until([&] { return sender.count(Event::connected) == 1; }));
    return link;
  }
  std::size_t frames_of(FrameKind kind) const {
    std::size_t count = 0;
    for (const auto& [link, kinds] : gatherer.frames) count += std::ranges::count(kinds, kind);
    return count;
  }
};

TEST_F(BundleTest, HelloGoesOverEachConnectionAndWhatFollowsOverOne) {
  const auto link = dial_bundle(3);
  link->send(wire::hello_frame({.run_token = 1, .sender = WorkerId(1)}));
  for (int k = 0; k < 5; ++k)
    link->send(wire::offer_frame(TransferId(1), {.version = {1, 1}, .total = Bytes(5)}));
  ASSERT_TRUE(
      run_until([&] { return frames_of(FrameKind::offer) == 5 && frames_of(FrameKind::hello) == 3; }));
  EXPECT_EQ(accepted.size(), 3u);
  std::set<std::size_t> each;
  for (const auto& [from, kinds] : gatherer.frames) {
    EXPECT_EQ(kinds.front(), FrameKind::hello);
    each.insert(kinds.size());
  }
  EXPECT_THAT(each, testing::ElementsAre(1, 6));  // hello alone, or with all five offers
  EXPECT_EQ(sender.count(Event::connected), 1);
}

TEST_F(BundleTest, APayloadArrivesIntactOverAllConnectionsAgainAndAgain) {
  const auto link = dial_bundle(4);
  for (const std::size_t size : {std::size_t{5'000'003}, std::size_t{2'000'000}, std::size_t{7}}) {
    const Buffer payload = random_bytes(size, size);
    gatherer.place.assign(size, {});
    gatherer.received = 0;
    gatherer.carriers.clear();
    sender.sent.clear();
    // Slow enough that every connection gets a share, though they are ready one after the other.
    link->stream(TransferId(size), payload, Rate::megabits_per_second(400));
    ASSERT_TRUE(run_until([&] { return gatherer.received == size && !sender.sent.empty(); }));
    EXPECT_EQ(gatherer.place, payload);
    EXPECT_EQ(sender.sent, std::vector{TransferId(size)});
    EXPECT_EQ(gatherer.carriers.size(), size > 1'000'000 ? 4u : 1u) << size;
  }
  EXPECT_EQ(gatherer.damaged, 0);
  EXPECT_THAT(gatherer.kinds, testing::ElementsAre(FrameKind::stripe));
}

// One connection is never read from. Kernels take less than 1 MB of it (64 KiB to be received, 128 KiB not sent yet,
// one stripe), the others the rest.
TEST_F(BundleTest, AConnectionThatStandsStillDoesNotHoldUpTheRest) {
  using asio::ip::tcp;
  tcp::acceptor peer(io, {asio::ip::address_v4::loopback(), 0});
  peer.set_option(tcp::acceptor::receive_buffer_size(64 * 1024));
  const auto link = dial(io, "127.0.0.1", peer.local_endpoint().port(), {.streams = 3}, sender);
  std::vector<tcp::socket> sockets;
  for (int k = 0; k < 3; ++k) sockets.push_back(peer.accept());
  ASSERT_TRUE(run_until([&] { return sender.count(Event::connected) == 1; }));
  const Buffer payload = random_bytes(30'000'000, 3);
  link->stream(TransferId(1), payload, Rate::unlimited());
  std::size_t read = 0;
  Buffer scratch(1 << 20);
  ASSERT_TRUE(run_until([&] {
    for (tcp::socket& socket : {std::ref(sockets[0]), std::ref(sockets[2])}) {
      asio::error_code nothing;
      socket.non_blocking(true);
      read += socket.read_some(asio::buffer(scratch), nothing);
    }
    return read > payload.size() - 1'000'000;
  }));
  EXPECT_TRUE(sender.sent.empty());
}

TEST_F(BundleTest, ACutStreamWaitsForWhatIsNotThereYet) {
  const auto link = dial_bundle(3);
  const Buffer payload = random_bytes(500'000, 9);
  gatherer.place.resize(payload.size());
  // From the second chunk of 65,536 on; then 3 chunks are there, then all.
  link->stream_cut(TransferId(1), payload, {.chunk = 65'536, .first = 1, .available = 65'536},
                   Rate::unlimited());
  link->extend(3 * 65'536);
  ASSERT_TRUE(run_until([&] { return gatherer.received == 2 * 65'536; }));
  run_what_is_ready();
  EXPECT_EQ(gatherer.received, 2u * 65'536u);
  EXPECT_TRUE(sender.sent.empty());
  link->extend(payload.size());
  ASSERT_TRUE(run_until([&] { return !sender.sent.empty() && gatherer.received == 500'000 - 65'536; }));
  EXPECT_TRUE(
      std::ranges::equal(std::span(gatherer.place).subspan(65'536), std::span(payload).subspan(65'536)));
}

TEST_F(BundleTest, PatchesGoOverOneConnection) {
  const auto link = dial_bundle(3);
  const Buffer payload = random_bytes(100'000, 4);
  gatherer.place.resize(1 << 20);
  link->stream_parts(TransferId(1), payload, {{0, 0, 50'000}, {20, 50'000, 50'000}}, Rate::unlimited());
  ASSERT_TRUE(run_until([&] { return gatherer.received == payload.size() && !sender.sent.empty(); }));
  EXPECT_EQ(gatherer.carriers.size(), 1u);
  EXPECT_THAT(gatherer.kinds, testing::ElementsAre(FrameKind::patch));
}

TEST_F(BundleTest, ANewRateTakesEffectInTheMiddleOfAStream) {
  const auto link = dial_bundle(4);
  const Buffer payload = random_bytes(4'000'000, 4);
  gatherer.place.resize(payload.size());
  link->stream(TransferId(1), payload, Rate::megabits_per_second(0.1));  // 320 s, beyond the watchdog
  ASSERT_TRUE(run_until([&] { return !gatherer.carriers.empty(); }));
  link->set_rate(Rate::megabits_per_second(800));
  ASSERT_TRUE(run_until([&] { return gatherer.received == payload.size(); }));
  EXPECT_EQ(gatherer.place, payload);
}

TEST_F(BundleTest, WhenOneConnectionEndsAllDoAndTheHandlerHearsItOnce) {
  const auto link = dial_bundle(4);
  const Buffer payload = random_bytes(4'000'000, 4);
  gatherer.place.resize(payload.size());
  link->stream(TransferId(1), payload, Rate::megabits_per_second(1));  // 32 s: certainly in the middle
  ASSERT_TRUE(run_until([&] { return gatherer.received > 0; }));
  accepted[2].reset();
  ASSERT_TRUE(run_until([&] { return !sender.closed.empty() && gatherer.closed.size() == 3; }));
  run_what_is_ready();
  EXPECT_EQ(sender.closed.size(), 1u);
  EXPECT_EQ(sender.closed[0].code, ErrorCode::unavailable);
  EXPECT_THAT(sender.closed[0].message, HasSubstr(" of 4: 127.0.0.1:"));
  EXPECT_TRUE(sender.sent.empty());
  link->send(wire::grant_frame(TransferId(1)));  // further calls do nothing
  link->stream(TransferId(2), payload, Rate::unlimited());
  link->set_rate(Rate::unlimited());
  link->extend(5);
  run_what_is_ready();
}

TEST_F(BundleTest, DiallingAClosedPortIsToldOnce) {
  start_listening();
  const std::uint16_t port = acceptor->port();
  acceptor.reset();
  const auto link = dial(io, "127.0.0.1", port, {.streams = kStreamsMax}, sender);
  ASSERT_TRUE(run_until([&] { return !sender.closed.empty(); }));
  run_what_is_ready();
  EXPECT_EQ(sender.closed.size(), 1u);
  EXPECT_EQ(sender.count(Event::connected), 0);
}

TEST_F(BundleTest, MayBeDestroyedFromWithinAnyHandler) {
  const Buffer payload = random_bytes(300'000, 4);
  for (const Event when : {Event::connected, Event::frame, Event::stream_sent, Event::closed}) {
    SCOPED_TRACE(static_cast<int>(when));
    Recorder own;
    accepted.clear();
    gatherer.place.resize(payload.size());
    auto listening = listen(io, "127.0.0.1", 0, {}, gatherer,
                            [this](std::unique_ptr<Link> link) { accepted.push_back(std::move(link)); });
    ASSERT_TRUE(listening.has_value());
    std::unique_ptr<Link> link;
    own.on_event = [&](Event event, Link&) {
      if (event == when) link.reset();
    };
    gatherer.on_stripe = [&](Link& from) {
      if (when == Event::frame) from.send(wire::ack_frame(TransferId(1)));
      if (when == Event::closed) from.abort();
    };
    link = dial(io, "127.0.0.1", (*listening)->port(), {.streams = 3}, own);
    link->stream(TransferId(1), payload, Rate::megabits_per_second(100));
    ASSERT_TRUE(run_until([&] { return link == nullptr; }));
    run_what_is_ready();
    EXPECT_EQ(own.count(when), 1);
  }
}

}  // namespace
}  // namespace selmcast::net
