// SendQueue and FrameParser: bytes out of one go into the other, in pieces of every size.
#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/base/rng.h"
#include "selmcast/net/frame_parser.h"
#include "selmcast/net/limits.h"
#include "selmcast/net/send_queue.h"

namespace selmcast::net {
namespace {

using wire::FrameKind;
using Buffer = std::vector<std::byte>;

Buffer random_bytes(std::size_t size, std::uint64_t seed) {
  Rng rng(seed);
  Buffer bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(rng.below(256));
  return bytes;
}

// Takes up to `count` bytes of what the queue would send.
Buffer take(SendQueue& queue, std::size_t count, std::optional<TransferId>* sent = nullptr) {
  const auto segment = queue.next();
  Buffer bytes(segment.head.begin(), segment.head.end());
  bytes.insert(bytes.end(), segment.payload.begin(), segment.payload.end());
  bytes.resize(std::min(bytes.size(), count));
  if (bytes.empty()) return bytes;
  const auto transfer = queue.consume(bytes.size());
  if (sent != nullptr && transfer) *sent = transfer;
  return bytes;
}

FrameKind kind_of(const Buffer& frame) {
  return wire::decode_header(std::span(frame).first<wire::kHeaderBytes>())->kind;
}

TEST(SendQueue, SmallFramesGoAheadOfTheNextChunkButNotIntoTheMiddleOfOne) {
  const Buffer payload(wire::kChunkBytesMax + 10, std::byte{1});  // two chunks
  SendQueue queue;
  queue.start_stream(TransferId(1), payload);
  EXPECT_EQ(kind_of(take(queue, 100)), FrameKind::chunk);
  ASSERT_TRUE(queue.push(wire::ack_frame(TransferId(2))));
  EXPECT_EQ(take(queue, wire::kChunkBytesMax).size(), wire::kHeaderBytes + wire::kChunkBytesMax - 100);
  EXPECT_EQ(kind_of(take(queue, 1000)), FrameKind::ack);
  std::optional<TransferId> sent;
  EXPECT_EQ(kind_of(take(queue, 1000, &sent)), FrameKind::chunk);
  EXPECT_EQ(sent, TransferId(1));
  EXPECT_FALSE(queue.streaming());
  EXPECT_TRUE(queue.next().empty());
}

TEST(SendQueue, PointsIntoThePayloadInsteadOfCopyingIt) {
  const Buffer payload(100, std::byte{1});
  SendQueue queue;
  queue.start_stream(TransferId(1), payload);
  EXPECT_EQ(queue.next().payload.data(), payload.data());
}

TEST(SendQueue, PartsOfAPayloadArePatchesInTheirOrder) {
  const Buffer payload = random_bytes(100, 5);
  SendQueue queue;
  queue.start_stream(TransferId(4), payload, {{7, 70, 10}, {2, 20, 20}});
  std::optional<TransferId> sent;
  for (const auto& [sequence, offset, length] : {PayloadPart{7, 70, 10}, PayloadPart{2, 20, 20}}) {
    EXPECT_FALSE(sent.has_value());
    const Buffer frame = take(queue, 1000, &sent);
    const auto header = *wire::decode_header(std::span(frame).first<wire::kHeaderBytes>());
    EXPECT_EQ(header.kind, FrameKind::patch);
    EXPECT_EQ(header.sequence, sequence);
    EXPECT_TRUE(std::ranges::equal(std::span(frame).subspan(wire::kHeaderBytes),
                                   std::span(payload).subspan(offset, length)));
  }
  EXPECT_EQ(sent, TransferId(4));
  EXPECT_FALSE(queue.streaming());
}

// 100 bytes in chunks of 40, from the second one on, of which 79 bytes, then 80, then all are there.
TEST(SendQueue, ACutStreamSendsWholeChunksAsTheyBecomeAvailable) {
  const Buffer payload = random_bytes(100, 6);
  SendQueue queue;
  queue.start_stream(TransferId(4), payload, StreamCut{.chunk = 40, .first = 1, .available = 79});
  EXPECT_TRUE(queue.next().empty());
  std::optional<TransferId> sent;
  for (const auto& [available, sequence, length] : {std::tuple(80U, 1U, 40U), std::tuple(100U, 2U, 20U)}) {
    EXPECT_TRUE(queue.streaming() && !sent);
    queue.extend(available);
    const Buffer frame = take(queue, 1000, &sent);
    const auto header = *wire::decode_header(std::span(frame).first<wire::kHeaderBytes>());
    EXPECT_EQ(header.kind, FrameKind::chunk);
    EXPECT_EQ(header.sequence, sequence);
    EXPECT_TRUE(std::ranges::equal(std::span(frame).subspan(wire::kHeaderBytes),
                                   std::span(payload).subspan(40 * sequence, length)));
    EXPECT_TRUE(queue.next().empty());
  }
  EXPECT_EQ(sent, TransferId(4));
  EXPECT_FALSE(queue.streaming());
}

TEST(SendQueue, AnEmptyPayloadIsOneEmptyChunk) {
  SendQueue queue;
  queue.start_stream(TransferId(4), {});
  std::optional<TransferId> sent;
  EXPECT_EQ(take(queue, 1000, &sent).size(), wire::kHeaderBytes);
  EXPECT_EQ(sent, TransferId(4));
}

TEST(SendQueue, TakesNoMoreFramesThanItsLimit) {
  SendQueue queue;
  // Grants are 32 bytes: 65,536 / 32 = 2,048 of them.
  for (int i = 0; i < 2048; ++i) ASSERT_TRUE(queue.push(wire::grant_frame(TransferId(1)))) << i;
  EXPECT_FALSE(queue.push(wire::grant_frame(TransferId(1))));
  take(queue, wire::kHeaderBytes);
  EXPECT_TRUE(queue.push(wire::grant_frame(TransferId(1))));
}

TEST(SendQueue, ForgetsEverythingWhenStopped) {
  const Buffer payload(100, std::byte{1});
  SendQueue queue;
  queue.start_stream(TransferId(1), payload);
  take(queue, 50);
  ASSERT_TRUE(queue.push(wire::ack_frame(TransferId(2))));
  queue.stop();
  EXPECT_FALSE(queue.streaming());
  EXPECT_TRUE(queue.next().empty());
}

TEST(FrameParser, PutsTogetherWhatTheQueueSendsInPiecesOfAnySize) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const Buffer payload = random_bytes(rng.below(3 * wire::kChunkBytesMax), seed);
    SendQueue queue;
    ASSERT_TRUE(queue.push(wire::hello_frame({.run_token = seed, .sender = WorkerId(1)})));
    queue.start_stream(TransferId(seed), payload);
    Buffer received(payload.size());
    FrameParser parser;
    std::vector<FrameKind> kinds;
    while (true) {
      const std::size_t piece_max = 1 + rng.below(rng.below(2) == 0 ? 40 : 600'000);
      const Buffer piece = take(queue, piece_max);
      if (piece.empty()) break;
      for (std::span<const std::byte> rest = piece; !rest.empty();) {
        const std::size_t count = std::min(rest.size(), parser.target().size());
        std::copy_n(rest.begin(), count, parser.target().begin());
        rest = rest.subspan(count);
        auto step = parser.advance(count);
        ASSERT_TRUE(step.has_value()) << step.error().message;
        if (*step == FrameParser::Step::header) {
          const auto at = static_cast<std::size_t>(wire::chunk_offset(parser.header().sequence).count());
          *step = parser.header().kind == FrameKind::chunk
                      ? parser.expect_chunk(std::span(received).subspan(at, parser.header().length))
                      : parser.expect_body();
        }
        if (*step != FrameParser::Step::frame) continue;
        EXPECT_TRUE(wire::verify_payload(parser.header(), parser.payload()).has_value());
        kinds.push_back(parser.header().kind);
        parser.next_frame();
      }
    }
    EXPECT_TRUE(parser.between_frames());
    EXPECT_EQ(received, payload);
    const std::size_t chunks = wire::chunk_count(Bytes(static_cast<std::int64_t>(payload.size())));
    ASSERT_EQ(kinds.size(), 1 + chunks);
    EXPECT_EQ(kinds.front(), FrameKind::hello);
  }
}

TEST(FrameParser, PassesOnWhatIsWrongWithAHeader) {
  FrameParser parser;
  const auto target = parser.target();
  std::ranges::fill(target, std::byte{0x5a});
  const auto step = parser.advance(target.size());
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().code, ErrorCode::protocol);
}

}  // namespace
}  // namespace selmcast::net
