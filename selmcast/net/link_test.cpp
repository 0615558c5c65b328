// Links over loopback (link_testing.h): order, damage, ends, rates, and who may destroy what when.
#include "selmcast/net/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include "selmcast/net/limits.h"
#include "selmcast/net/link_testing.h"

namespace selmcast::net {
namespace {

using testing::HasSubstr;
using wire::FrameKind;

TEST_F(LinkTest, FramesGoThroughInOrderInBothDirections) {
  start_listening();
  const auto link = dial_receiver();
  for (std::uint64_t i = 0; i < 300; ++i)
    link->send(wire::offer_frame(TransferId(i), {.version = {1, i}, .total = Bytes(5)}));
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 300; }));
  for (std::uint64_t i = 0; i < 300; ++i) {
    ASSERT_EQ(receiver.frames[i].transfer, TransferId(i));
    ASSERT_EQ(wire::decode_offer(receiver.bodies[i])->version.number, i);
  }
  for (std::uint64_t i = 0; i < 300; ++i) accepted[0]->send(wire::grant_frame(TransferId(i)));
  ASSERT_TRUE(run_until([&] { return sender.frames.size() == 300; }));
  for (std::uint64_t i = 0; i < 300; ++i) ASSERT_EQ(sender.frames[i].transfer, TransferId(i));
  EXPECT_EQ(sender.count(Event::connected), 1);
  EXPECT_EQ(receiver.count(Event::connected), 0);  // accepted links are not announced twice
  EXPECT_TRUE(sender.closed.empty());
}

TEST_F(LinkTest, APayloadOfSeveralChunksArrivesIntact) {
  start_listening();
  const Buffer payload = random_bytes(3 * wire::kChunkBytesMax + 12'345, 1);  // four chunks
  const auto link = dial_receiver();
  link->stream(TransferId(8), payload, Rate::unlimited());
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 4 && !sender.sent.empty(); }));
  EXPECT_EQ(receiver.payload_of(accepted[0].get()), payload);
  EXPECT_EQ(receiver.damaged, 0);
  EXPECT_EQ(receiver.chunk_bytes, Bytes(static_cast<std::int64_t>(payload.size())));
  EXPECT_EQ(sender.sent, std::vector{TransferId(8)});
}

// A kernel answers two segments with one acknowledgement, or more segments: something between nothing and the 63 bytes
// that an acknowledgement fills for each 1448.
TEST_F(LinkTest, TheKernelTellsWhatItsAcknowledgementsFill) {
  start_listening();
  const Buffer payload = random_bytes(3 * wire::kChunkBytesMax, 1);
  const auto link = dial_receiver();
  link->stream(TransferId(8), payload, Rate::unlimited());
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 3; }));
  EXPECT_GT(accepted[0]->ack_load(), 0);
  EXPECT_LT(accepted[0]->ack_load(), 63.2 / 1448);
}

TEST_F(LinkTest, TheNextStreamMayBeginWhenTheLastOneIsSent) {
  start_listening();
  const Buffer first = random_bytes(1000, 1);
  const Buffer second = random_bytes(wire::kChunkBytesMax + 1, 2);
  const auto link = dial_receiver();
  sender.on_event = [&](Event event, Link& to) {
    if (event == Event::stream_sent && sender.sent.size() == 1)
      to.stream(TransferId(2), second, Rate::unlimited());
  };
  link->stream(TransferId(1), first, Rate::unlimited());
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 3; }));  // one chunk and two
  EXPECT_EQ(receiver.payload_of(accepted[0].get()), second);
  EXPECT_EQ(sender.sent, (std::vector{TransferId(1), TransferId(2)}));
}

TEST_F(LinkTest, AnEmptyPayloadIsDeliveredAsOneEmptyChunk) {
  start_listening();
  const auto link = dial_receiver();
  link->stream(TransferId(1), {}, Rate::unlimited());
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 1; }));
  EXPECT_EQ(receiver.frames[0].kind, FrameKind::chunk);
  EXPECT_EQ(receiver.frames[0].length, 0u);
}

TEST_F(LinkTest, ADamagedHeaderClosesTheLinkAndSaysSo) {
  start_listening();
  const auto link = dial_receiver();
  auto frame = wire::grant_frame(TransferId(1));
  frame[9] ^= std::byte{4};
  link->send(frame);
  ASSERT_TRUE(run_until([&] { return !receiver.closed.empty() && !sender.closed.empty(); }));
  EXPECT_EQ(receiver.closed[0].code, ErrorCode::corrupt);
  EXPECT_THAT(receiver.closed[0].message, HasSubstr("127.0.0.1:"));
  EXPECT_THAT(receiver.closed[0].message, HasSubstr("header damaged"));
  EXPECT_EQ(sender.closed[0].code, ErrorCode::unavailable);
  EXPECT_TRUE(receiver.frames.empty());
}

TEST_F(LinkTest, ADamagedBodyClosesTheLinkWithoutBeingPassedOn) {
  start_listening();
  const auto link = dial_receiver();
  auto frame = wire::hello_frame({.run_token = 1, .sender = WorkerId(1)});
  frame.back() ^= std::byte{1};
  link->send(frame);
  ASSERT_TRUE(run_until([&] { return !receiver.closed.empty(); }));
  EXPECT_EQ(receiver.closed[0].code, ErrorCode::corrupt);
  EXPECT_TRUE(receiver.frames.empty());
}

TEST_F(LinkTest, ADamagedChunkIsLeftToTheHandler) {
  start_listening();
  asio::ip::tcp::socket raw(io);
  raw.connect({asio::ip::address_v4::loopback(), acceptor->port()});
  Buffer chunk(100, std::byte{1});
  const auto header = wire::encode(wire::chunk_header(TransferId(1), 0, chunk));
  chunk[50] = std::byte{2};
  asio::write(raw, asio::buffer(header));
  asio::write(raw, asio::buffer(chunk));
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 1; }));
  EXPECT_EQ(receiver.damaged, 1);
  EXPECT_TRUE(receiver.closed.empty());
}

TEST_F(LinkTest, AnErrorOfTheHandlerClosesTheLink) {
  start_listening();
  receiver.refuse_chunks = "no such transfer";
  const Buffer payload(1000);
  const auto link = dial_receiver();
  link->stream(TransferId(1), payload, Rate::unlimited());
  ASSERT_TRUE(run_until([&] { return !receiver.closed.empty() && !sender.closed.empty(); }));
  EXPECT_THAT(receiver.closed[0].message, HasSubstr("no such transfer"));
  EXPECT_EQ(sender.closed[0].code, ErrorCode::unavailable);
}

TEST_F(LinkTest, DiallingAClosedPortEndsUnavailable) {
  start_listening();
  const std::uint16_t port = acceptor->port();
  acceptor.reset();
  const auto link = dial(io, "127.0.0.1", port, {}, sender);
  EXPECT_TRUE(sender.closed.empty());  // not from inside dial()
  ASSERT_TRUE(run_until([&] { return !sender.closed.empty(); }));
  EXPECT_EQ(sender.closed[0].code, ErrorCode::unavailable);
  EXPECT_THAT(sender.closed[0].message, HasSubstr("127.0.0.1:" + std::to_string(port)));
  EXPECT_EQ(sender.count(Event::connected), 0);
}

TEST_F(LinkTest, DialsANameToo) {
  start_listening();
  const auto link = dial(io, "localhost", acceptor->port(), {}, sender);
  link->send(wire::grant_frame(TransferId(1)));
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 1; }));
}

TEST_F(LinkTest, AbortInTheMiddleOfAStreamIsSeenByThePeerAsClosed) {
  start_listening();
  const Buffer payload = random_bytes(4 * wire::kChunkBytesMax, 3);
  auto link = dial_receiver();
  link->stream(TransferId(1), payload, Rate::megabits_per_second(1));  // 32 s: certainly in the middle
  ASSERT_TRUE(run_until([&] { return receiver.chunk_bytes > Bytes(0); }));
  link->abort();
  link->abort();  // further calls do nothing
  link->send(wire::grant_frame(TransferId(1)));
  link->set_rate(Rate::unlimited());
  ASSERT_TRUE(run_until([&] { return !receiver.closed.empty(); }));
  EXPECT_EQ(receiver.closed[0].code, ErrorCode::unavailable);
  EXPECT_TRUE(sender.closed.empty());
  EXPECT_TRUE(sender.sent.empty());
  EXPECT_LT(receiver.chunk_bytes, Bytes(static_cast<std::int64_t>(payload.size())));
}

TEST_F(LinkTest, ThePeersEndInTheMiddleOfAFrameIsToldFromOneBetweenFrames) {
  start_listening();
  for (const std::size_t cut : {std::size_t{0}, std::size_t{10}}) {
    asio::ip::tcp::socket raw(io);
    raw.connect({asio::ip::address_v4::loopback(), acceptor->port()});
    const auto frame = wire::grant_frame(TransferId(1));
    asio::write(raw, asio::buffer(frame.data(), frame.size()));
    asio::write(raw, asio::buffer(frame.data(), cut));
  }
  ASSERT_TRUE(run_until([&] { return receiver.closed.size() == 2; }));
  EXPECT_EQ(std::ranges::count_if(receiver.closed,
                                  [](const Error& error) {
                                    return error.message.find("in the middle of a frame") !=
                                           std::string::npos;
                                  }),
            1);
  EXPECT_EQ(receiver.frames.size(), 2u);
}

TEST_F(LinkTest, ANewRateTakesEffectInTheMiddleOfAStream) {
  start_listening();
  const Buffer payload = random_bytes(4 * wire::kChunkBytesMax, 4);
  const auto link = dial_receiver();
  // At 0.1 Mbit/s the payload would take 336 s, far beyond the watchdog.
  link->stream(TransferId(1), payload, Rate::megabits_per_second(0.1));
  ASSERT_TRUE(run_until([&] { return receiver.chunk_bytes > Bytes(0); }));
  link->set_rate(Rate::megabits_per_second(800));
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 4; }));
  EXPECT_EQ(receiver.payload_of(accepted[0].get()), payload);
}

TEST_F(LinkTest, PayloadsArriveIntactThroughEmulatedLinksSharedByAll) {
  const Rate rate = Rate::megabits_per_second(800);
  start_listening({.downlink = make_budget(io, rate)});
  const auto uplink = make_budget(io, rate);
  std::vector<Buffer> payloads;
  std::vector<std::unique_ptr<Link>> links;
  for (std::uint64_t i = 0; i < 5; ++i) {
    payloads.push_back(random_bytes(wire::kChunkBytesMax + 1000 * i, i));
    links.push_back(dial_receiver({.uplink = uplink}));
    links[i]->stream(TransferId(i), payloads[i], Rate::unlimited());
  }
  // 4 payloads of two chunks, and the first, of exactly one.
  ASSERT_TRUE(run_until([&] { return receiver.frames.size() == 9; }));
  std::vector<Buffer> arrived;
  for (const auto& link : accepted) arrived.push_back(receiver.payload_of(link.get()));
  EXPECT_THAT(arrived, testing::UnorderedElementsAreArray(payloads));
  EXPECT_EQ(receiver.damaged, 0);
  EXPECT_EQ(accepted[0]->ack_load(), 0);  // only payload counts there
}

TEST_F(LinkTest, AnAbortedLinkNoLongerStandsInTheQueueOfItsBudget) {
  // One quantum takes 16 s: behind nine abandoned requests the last link would wait for 144 s, beyond the
  // watchdog. Its one byte takes a millisecond.
  const auto uplink = make_budget(io, Rate::bits_per_second(8 * 1024));
  start_listening();
  const Buffer payload(10 * static_cast<std::size_t>(kBudgetQuantum.count()));
  std::vector<std::unique_ptr<Link>> links;
  for (int i = 0; i < 10; ++i) {
    links.push_back(dial_receiver({.uplink = uplink}));
    links.back()->stream(TransferId(1), payload, Rate::unlimited());
  }
  ASSERT_TRUE(run_until([&] { return receiver.chunk_bytes == kBudgetQuantum; }));  // the burst
  links.clear();
  const auto link = dial_receiver({.uplink = uplink});
  link->stream(TransferId(2), std::span(payload).first(1), Rate::unlimited());
  EXPECT_TRUE(run_until(
      [&] { return std::ranges::count(receiver.frames, TransferId(2), &wire::FrameHeader::transfer) == 1; }));
}

TEST_F(LinkTest, APeerThatNeverReadsIsCutOff) {
  asio::ip::tcp::acceptor deaf(io, {asio::ip::address_v4::loopback(), 0});
  // The user timeout would end it as well, but later or, on a slow machine, sooner.
  const auto link =
      dial(io, "127.0.0.1", deaf.local_endpoint().port(), {.user_timeout = Duration::seconds(1000)}, sender);
  ASSERT_TRUE(run_until([&] { return sender.count(Event::connected) == 1; }));
  const auto frame = wire::refuse_frame(TransferId(1), std::string(256, 'x'));
  // The kernel takes some MB, then the queue fills up: 64 KiB / 288 bytes = 227 frames.
  for (int i = 0; i < 1'000'000 && sender.closed.empty(); ++i) {
    link->send(frame);
    run_what_is_ready();
  }
  ASSERT_FALSE(sender.closed.empty());
  EXPECT_EQ(sender.closed[0].code, ErrorCode::protocol);
  EXPECT_THAT(sender.closed[0].message, HasSubstr("does not read"));
}

TEST_F(LinkTest, APortInUseIsAnErrorThatNamesIt) {
  start_listening();
  const auto second = listen(io, "127.0.0.1", acceptor->port(), {}, receiver, [](std::unique_ptr<Link>) {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::io);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(acceptor->port())));
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
}

TEST_F(LinkTest, AnAddressOfAnotherMachineIsAnErrorThatNamesIt) {
  const auto listening = listen(io, "192.0.2.1", 0, {}, receiver, [](std::unique_ptr<Link>) {});
  ASSERT_FALSE(listening.has_value());
  EXPECT_THAT(listening.error().message, HasSubstr("192.0.2.1:0"));
}

TEST_F(LinkTest, AnAcceptorMayBeDestroyedWhileItAccepts) {
  auto listening = listen(io, "127.0.0.1", 0, {}, receiver, [this](std::unique_ptr<Link> link) {
    accepted.push_back(std::move(link));
    acceptor.reset();
  });
  ASSERT_TRUE(listening.has_value());
  acceptor = std::move(*listening);
  const auto link = dial_receiver();
  link->send(wire::grant_frame(TransferId(1)));
  EXPECT_TRUE(run_until([&] { return receiver.frames.size() == 1; }));  // the accepted link lives on
}

TEST_F(LinkTest, AnAcceptedLinkMayBeTurnedAwayAtOnce) {
  auto listening = listen(io, "127.0.0.1", 0, {}, receiver, [](std::unique_ptr<Link>) {});
  ASSERT_TRUE(listening.has_value());
  acceptor = std::move(*listening);
  const auto link = dial_receiver();
  ASSERT_TRUE(run_until([&] { return !sender.closed.empty(); }));
  EXPECT_EQ(sender.closed[0].code, ErrorCode::unavailable);
  EXPECT_TRUE(receiver.closed.empty());
}

// A link is destroyed from within each of its callbacks, with and without emulated links. The sanitizers
// watch.
class DestroyInCallbackTest : public LinkTest, public testing::WithParamInterface<std::tuple<Event, bool>> {};

TEST_P(DestroyInCallbackTest, NothingIsCalledAnyMore) {
  const auto [fatal, emulated] = GetParam();
  const auto budget = [&] { return emulated ? make_budget(io, Rate::megabits_per_second(800)) : nullptr; };
  start_listening({.downlink = budget()});
  const Buffer payload = random_bytes(2 * wire::kChunkBytesMax, 5);
  auto link = dial_receiver({.uplink = budget()});
  const bool at_sender = fatal == Event::connected || fatal == Event::stream_sent || fatal == Event::closed;
  Recorder& victim = at_sender ? sender : receiver;
  Recorder& witness = at_sender ? receiver : sender;
  int calls_after = 0;
  bool destroyed = false;
  victim.on_event = [&](Event event, Link&) {
    if (destroyed) ++calls_after;
    if (event != fatal) return;
    destroyed = true;
    if (at_sender) {
      link.reset();
    } else {
      accepted.clear();
    }
  };
  if (fatal == Event::closed) {
    ASSERT_TRUE(run_until([&] { return !accepted.empty(); }));
    accepted[0]->abort();
  } else {
    link->stream(TransferId(1), payload, Rate::unlimited());
  }
  ASSERT_TRUE(run_until([&] { return destroyed; }));
  ASSERT_TRUE(fatal == Event::closed || run_until([&] { return !witness.closed.empty(); }));
  run_what_is_ready();
  EXPECT_EQ(calls_after, 0);
}

INSTANTIATE_TEST_SUITE_P(EveryCallback, DestroyInCallbackTest,
                         testing::Combine(testing::Values(Event::connected, Event::chunk_header,
                                                          Event::chunk_bytes, Event::frame,
                                                          Event::stream_sent, Event::closed),
                                          testing::Bool()));

TEST_F(LinkTest, PendingOperationsDoNotOutliveTheirContext) {
  // A stream that waits for its budget, a dial in progress: the leak checker watches what happens to them.
  start_listening({.downlink = make_budget(io, Rate::bits_per_second(8 * 1024))});
  const Buffer payload(wire::kChunkBytesMax);
  const auto link = dial_receiver({.uplink = make_budget(io, Rate::bits_per_second(8 * 1024))});
  link->stream(TransferId(1), payload, Rate::unlimited());
  EXPECT_TRUE(run_until([&] { return receiver.chunk_bytes > Bytes(0); }));
  const auto late = dial_receiver();
}

}  // namespace
}  // namespace selmcast::net
