// The frames of docs/data_plane.md: known bytes, round trips, and that nothing a hostile peer sends is
// believed.
#include "selmcast/wire/frame.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "selmcast/base/rng.h"

namespace selmcast::wire {
namespace {

using Header = std::array<std::byte, kHeaderBytes>;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Header header_of(const std::vector<std::byte>& frame) {
  Header header;
  std::copy_n(frame.begin(), kHeaderBytes, header.begin());
  return header;
}

std::span<const std::byte> body_of(const std::vector<std::byte>& frame) {
  return std::span(frame).subspan(kHeaderBytes);
}

std::string hex(std::span<const std::byte> bytes) {
  return fmt::format(
      "{:02x}", fmt::join(std::span(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()), ""));
}

// Bitwise CRC32C, reflected polynomial 0x82f63b78: the slow rival.
std::uint32_t slow_crc32c(std::span<const std::byte> bytes) {
  std::uint32_t state = 0xffffffff;
  for (const std::byte byte : bytes) {
    state ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~state;
}

// The header with some bytes replaced and its CRC made right again: what a peer can send on purpose.
Header forged(const FrameHeader& header, std::size_t at, std::initializer_list<int> replacement) {
  Header bytes = encode(header);
  for (const int value : replacement) bytes[at++] = static_cast<std::byte>(value);
  const std::uint32_t crc = slow_crc32c(std::span(bytes).first(28));
  for (std::size_t i = 0; i < 4; ++i) bytes[28 + i] = static_cast<std::byte>(crc >> (8 * i));
  return bytes;
}

const FrameHeader kChunk{.kind = FrameKind::chunk,
                         .transfer = TransferId(0x0102030405060708),
                         .sequence = 7,
                         .length = 1000,
                         .payload_crc = 0xe3069283};

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0x00})), 0x8a9136aa);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62a8ab43);
}

TEST(Crc32c, AgreesWithTheBitwiseOneAtEveryLengthAndAlignment) {
  Rng rng(1);
  std::vector<std::byte> data(600);
  for (auto& byte : data) byte = static_cast<std::byte>(rng.below(256));
  for (std::size_t start = 0; start < 16; ++start) {
    for (std::size_t length = 0; start + length <= data.size(); length += 1 + length / 8) {
      const auto piece = std::span(data).subspan(start, length);
      ASSERT_EQ(crc32c(piece), slow_crc32c(piece)) << "start " << start << " length " << length;
    }
  }
}

TEST(FrameHeader, StandsInTheDocumentedBytes) {
  const Header bytes = encode(kChunk);
  // Little-endian: magic "SMC1", version 2, kind 4, transfer, sequence 7, length 1000 = 0x3e8, payload CRC.
  const std::array<int, 28> expected = {'S', 'M', 'C', '1', 2, 0, 4,    0,    8, 7, 6,    5,    4,    3,
                                        2,   1,   7,   0,   0, 0, 0xe8, 0x03, 0, 0, 0x83, 0x92, 0x06, 0xe3};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(std::to_integer<int>(bytes[i]), expected[i]) << i;
  const std::uint32_t crc = slow_crc32c(std::span(bytes).first(28));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(bytes[28 + i], static_cast<std::byte>(crc >> (8 * i)));
}

TEST(FrameHeader, ComesBackAsItWas) {
  Rng rng(2);
  for (int i = 0; i < 1000; ++i) {
    FrameHeader header;
    header.kind = static_cast<FrameKind>(1 + rng.below(10));
    const bool chunk = carries_payload(header.kind);
    if (header.kind != FrameKind::hello) header.transfer = TransferId(rng.next());
    if (chunk) header.sequence = static_cast<std::uint32_t>(rng.next());
    header.length = static_cast<std::uint32_t>(rng.below((chunk ? kChunkBytesMax : kBodyBytesMax) + 1));
    header.payload_crc = static_cast<std::uint32_t>(rng.next());
    const auto decoded = decode_header(encode(header));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    ASSERT_EQ(*decoded, header);
  }
}

TEST(FrameHeader, EverySingleFlippedBitIsNoticed) {
  const Header good = encode(kChunk);
  ASSERT_TRUE(decode_header(good).has_value());
  for (std::size_t bit = 0; bit < 8 * kHeaderBytes; ++bit) {
    Header bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    const auto decoded = decode_header(bad);
    ASSERT_FALSE(decoded.has_value()) << "bit " << bit;
    // The first 6 bytes are magic and version, which are looked at before the CRC.
    EXPECT_EQ(decoded.error().code, bit / 8 < 6 ? ErrorCode::protocol : ErrorCode::corrupt) << "bit " << bit;
  }
}

TEST(FrameHeader, RandomBytesAreNeverAFrame) {
  Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    Header bytes = encode(kChunk);
    const std::size_t keep = rng.below(28);  // a true beginning, then noise
    for (std::size_t at = keep; at < bytes.size(); ++at) bytes[at] = static_cast<std::byte>(rng.below(256));
    EXPECT_FALSE(decode_header(bytes).has_value());
  }
}

TEST(FrameHeader, AnotherVersionIsNamedInTheError) {
  const auto decoded = decode_header(forged(kChunk, 4, {3, 0}));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, ErrorCode::protocol);
  EXPECT_THAT(decoded.error().message, testing::HasSubstr("version 3"));
}

TEST(FrameHeader, KindsOutsideTheListAreRejected) {
  for (const int kind : {0, 11, 255}) {
    const auto decoded = decode_header(forged(kChunk, 6, {kind, 0}));
    ASSERT_FALSE(decoded.has_value()) << kind;
    EXPECT_EQ(decoded.error().code, ErrorCode::protocol);
  }
  EXPECT_FALSE(
      decode_header(forged(kChunk, 6, {4, 1})).has_value());  // 260: the low byte alone would be a chunk
}

TEST(FrameHeader, LengthsUpToTheLimitOfTheKindAndNotOneMore) {
  for (const FrameKind kind : {FrameKind::hello, FrameKind::offer, FrameKind::grant, FrameKind::chunk,
                               FrameKind::ack, FrameKind::refuse}) {
    const std::size_t limit = kind == FrameKind::chunk ? 1048576 : 256;
    FrameHeader header{.kind = kind, .length = static_cast<std::uint32_t>(limit)};
    EXPECT_TRUE(decode_header(encode(header)).has_value()) << to_string(kind);
    header.length = static_cast<std::uint32_t>(limit + 1);
    const auto decoded = decode_header(encode(header));
    ASSERT_FALSE(decoded.has_value()) << to_string(kind);
    EXPECT_EQ(decoded.error().code, ErrorCode::protocol);
    header.length = 0xffffffff;
    EXPECT_FALSE(decode_header(encode(header)).has_value()) << to_string(kind);
  }
}

TEST(FrameHeader, FieldsWithoutAMeaningMustBeZero) {
  EXPECT_FALSE(decode_header(encode({.kind = FrameKind::ack, .sequence = 1})).has_value());
  EXPECT_FALSE(decode_header(encode({.kind = FrameKind::hello, .transfer = TransferId(1)})).has_value());
}

TEST(Payload, AnyFlippedBitOrMissingByteIsNoticed) {
  std::vector<std::byte> payload(40, std::byte{0x5a});
  const FrameHeader header = chunk_header(TransferId(9), 3, payload);
  EXPECT_TRUE(verify_payload(header, payload).has_value());
  for (std::size_t bit = 0; bit < 8 * payload.size(); ++bit) {
    payload[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    EXPECT_FALSE(verify_payload(header, payload).has_value()) << "bit " << bit;
    payload[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
  const auto truncated = verify_payload(header, std::span(payload).first(39));
  ASSERT_FALSE(truncated.has_value());
  EXPECT_EQ(truncated.error().code, ErrorCode::corrupt);
  EXPECT_THAT(truncated.error().message, testing::HasSubstr("chunk 3 of transfer 9"));
}

TEST(SmallFrames, AreHeaderAndBodyWithMatchingCrc) {
  const TransferId transfer(77);
  const std::vector<std::pair<FrameKind, std::vector<std::byte>>> frames = {
      {FrameKind::hello, hello_frame({.run_token = 1, .sender = WorkerId(2)})},
      {FrameKind::offer, offer_frame(transfer, {.version = {1, 2}, .total = Bytes(3)})},
      {FrameKind::grant, grant_frame(transfer)},
      {FrameKind::ack, ack_frame(transfer)},
      {FrameKind::refuse, refuse_frame(transfer, "no buffer")},
      {FrameKind::joined, joined_frame(transfer, {.address = 0x0a4d0001, .port = 4711})},
      {FrameKind::status, status_frame(transfer, std::vector<std::byte>(kStatusBytesMax))}};
  for (const auto& [kind, frame] : frames) {
    const auto header = decode_header(header_of(frame));
    ASSERT_TRUE(header.has_value()) << header.error().message;
    EXPECT_EQ(header->kind, kind);
    EXPECT_EQ(header->transfer, kind == FrameKind::hello ? TransferId(0) : transfer);
    EXPECT_EQ(frame.size(), kHeaderBytes + header->length);
    EXPECT_TRUE(verify_payload(*header, body_of(frame)).has_value());
  }
}

TEST(SmallFrames, AreTheExamplesOfTheSpecification) {
  EXPECT_EQ(hex(grant_frame(TransferId(5))),
            "534d4331020003000500000000000000"
            "000000000000000000000000ba3bf546");
  EXPECT_EQ(hex(hello_frame({.run_token = 0x1122334455667788, .sender = WorkerId(3)})),
            "534d4331020001000000000000000000"
            "000000000c00000054ebdea786ea6688"
            "887766554433221103000000");
}

TEST(SmallFrames, JoinedComesBackAsItWas) {
  const JoinedBody joined{.address = 0x0a4d0001, .port = 4711};
  EXPECT_EQ(decode_joined(body_of(joined_frame(TransferId(1), joined))), joined);
  EXPECT_FALSE(decode_joined(body_of(grant_frame(TransferId(1)))).has_value());
}

TEST(SmallFrames, HelloAndOfferComeBackAsTheyWere) {
  const HelloBody hello{.run_token = 0xfedcba9876543210, .sender = WorkerId(0x89abcdef)};
  EXPECT_EQ(decode_hello(body_of(hello_frame(hello))), hello);
  const OfferBody offer{.version = {.epoch = 3, .number = 0xffffffffffffffff},
                        .total = kPayloadBytesMax,
                        .mix = {.round = Round(0xfffffffffffffff0), .weight = kMixWeightMax}};
  EXPECT_EQ(decode_offer(body_of(offer_frame(TransferId(1), offer))), offer);
}

TEST(SmallFrames, BodiesOfAnyOtherLengthAreRejected) {
  const std::vector<std::byte> bytes(kBodyBytesMax);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const auto body = std::span(bytes).first(length);
    EXPECT_EQ(decode_hello(body).has_value(), length == 12) << length;
    EXPECT_EQ(decode_offer(body).has_value(), length == 40) << length;
  }
}

TEST(SmallFrames, AnOfferThatWeighsTooMuchIsRejected) {
  const OfferBody offer{
      .version = {1, 1}, .total = Bytes(4), .mix = {.round = {}, .weight = kMixWeightMax + 1}};
  EXPECT_FALSE(decode_offer(body_of(offer_frame(TransferId(1), offer))).has_value());
}

TEST(SmallFrames, AnOfferOverTheLimitIsRejected) {
  auto frame = offer_frame(TransferId(1), {.version = {1, 1}, .total = kPayloadBytesMax});
  frame[kHeaderBytes + 16] = std::byte{1};  // one byte more
  EXPECT_FALSE(decode_offer(body_of(frame)).has_value());
  std::fill_n(frame.begin() + kHeaderBytes + 16, 8, std::byte{0xff});  // -1 as a signed number
  const auto decoded = decode_offer(body_of(frame));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, ErrorCode::protocol);
}

TEST(SmallFrames, ARefusalIsCutToItsLimitAndShownWithoutControlCharacters) {
  const std::string reason(1000, 'x');
  EXPECT_EQ(decode_refuse(body_of(refuse_frame(TransferId(1), reason))), std::string(256, 'x'));
  EXPECT_EQ(decode_refuse(bytes_of("a\x1b[31m\n\x7f\xff")), "a?[31m???");
  EXPECT_EQ(decode_refuse({}), "");
}

TEST(Chunks, CoverThePayloadWithoutGapOrOverlap) {
  const std::int64_t mib = 1 << 20;
  struct Case {
    std::int64_t total;
    std::uint32_t chunks;
  };
  // 1.1e6 bytes = 1 MiB + 51,424.
  for (const auto& [total, chunks] :
       {Case{0, 1}, Case{1, 1}, Case{mib - 1, 1}, Case{mib, 1}, Case{mib + 1, 2}, Case{1'100'000, 2},
        Case{3 * mib, 3}, Case{10 * mib + 5, 11}}) {
    ASSERT_EQ(chunk_count(Bytes(total)), chunks) << total;
    Bytes next(0);
    for (std::uint32_t sequence = 0; sequence < chunks; ++sequence) {
      EXPECT_EQ(chunk_offset(sequence), next);
      const Bytes length = chunk_length(Bytes(total), sequence);
      if (sequence + 1 < chunks) {
        EXPECT_EQ(length, Bytes(mib));
      }
      next += length;
    }
    EXPECT_EQ(next, Bytes(total));
  }
  EXPECT_EQ(chunk_length(Bytes(1'100'000), 1), Bytes(51'424));
  EXPECT_EQ(chunk_count(kPayloadBytesMax), 1u << 24);  // 2^44 / 2^20
}

TEST(Stripes, AreNumberedByTheUnitsBeforeThem) {
  EXPECT_EQ(stripe_sequence(Bytes(0)), 0u);
  EXPECT_EQ(stripe_sequence(Bytes(3 * 4096)), 3u);
  EXPECT_EQ(stripe_offset(3), Bytes(12'288));
  const Bytes last = kPayloadBytesMax - Bytes(4096);
  EXPECT_EQ(stripe_sequence(last), 0xffffffffu);  // 2^44 / 2^12 of them
  EXPECT_EQ(stripe_offset(0xffffffffu), last);
}

TEST(ChunksDeathTest, AChunkBeyondThePayloadIsOurBug) {
  EXPECT_DEATH(static_cast<void>(chunk_length(Bytes(10), 1)), "one of the payload's");
}

}  // namespace
}  // namespace selmcast::wire
