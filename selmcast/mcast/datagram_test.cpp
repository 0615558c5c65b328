#include "selmcast/mcast/datagram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/mcast/receiver.h"
#include "selmcast/mcast/segment_set.h"
#include "selmcast/mcast/sender.h"
#include "selmcast/mcast/status.h"
#include "selmcast/wire/frame.h"
#include "selmcast/wire/little_endian.h"

namespace selmcast::mcast {
namespace {

std::vector<std::byte> datagram(const DatagramHeader& header, std::span<const std::byte> payload = {}) {
  const auto encoded = encode(header);
  std::vector<std::byte> bytes(encoded.size() + payload.size());
  std::ranges::copy(payload, std::ranges::copy(encoded, bytes.begin()).out);
  return bytes;
}

// Byte by byte as in docs/multicast.md.
TEST(Datagram, Layout) {
  std::vector<std::byte> payload(9);
  for (std::size_t i = 0; i < 9; ++i) payload[i] = static_cast<std::byte>("123456789"[i]);
  const StreamShape shape{StreamId(0x1122334455667788), Bytes(9), 1440};
  const auto bytes = datagram(segment_header(shape, payload, DatagramKind::data, 0, 0x0a0b0c0d), payload);
  const unsigned char head[28] = {
      'S',  'M', 'M', '1', 1, 1,    9,    0,    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22,
      0x11, 0,   0,   0,   0, 0x0d, 0x0c, 0x0b, 0x0a, 0x83, 0x92, 0x06, 0xe3};  // crc32c("123456789") = 0xe3069283
  for (std::size_t i = 0; i < 28; ++i) EXPECT_EQ(std::to_integer<unsigned>(bytes[i]), head[i]) << i;
  EXPECT_EQ(wire::get<std::uint32_t>(bytes, 28), wire::crc32c(std::span(bytes).first(28)));
  const auto decoded = decode_datagram(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->stream, shape.stream);
  EXPECT_EQ(decoded->number, 0x0a0b0c0du);
}

TEST(Datagram, EveryFaultHasItsName) {
  const std::vector<std::byte> payload(100, std::byte{7});
  const StreamShape shape{StreamId(1), Bytes(100), 100};
  const DatagramHeader good = segment_header(shape, payload, DatagramKind::data, 0, 1);
  const auto fault = [](const std::vector<std::byte>& bytes) { return decode_datagram(bytes).error(); };
  const auto reseal = [](std::vector<std::byte> bytes) {
    wire::put(bytes, 28, wire::crc32c(std::span(bytes).first(28)));
    return bytes;
  };
  auto bytes = datagram(good, payload);
  EXPECT_EQ(fault({bytes.begin(), bytes.begin() + 31}), DatagramFault::truncated);
  EXPECT_EQ(fault({}), DatagramFault::truncated);
  bytes[0] = {};
  EXPECT_EQ(fault(bytes), DatagramFault::magic);
  bytes = datagram(good, payload);
  bytes[4] = std::byte{2};
  EXPECT_EQ(fault(bytes), DatagramFault::version);
  bytes = datagram(good, payload);
  bytes[16] = std::byte{1};
  EXPECT_EQ(fault(bytes), DatagramFault::corrupt_header);
  for (const int kind : {0, 4}) {
    bytes = datagram(good, payload);
    bytes[5] = static_cast<std::byte>(kind);
    EXPECT_EQ(fault(reseal(bytes)), DatagramFault::kind);
  }
  bytes = datagram(good, payload);
  bytes.push_back({});
  EXPECT_EQ(fault(bytes), DatagramFault::length);
  bytes.resize(bytes.size() - 2);
  EXPECT_EQ(fault(bytes), DatagramFault::length);
  EXPECT_EQ(fault(datagram({.kind = DatagramKind::data, .stream = StreamId(1)})), DatagramFault::length);
  bytes = datagram(good, payload);
  bytes[5] = std::byte{3};  // a poll has no payload
  EXPECT_EQ(fault(reseal(bytes)), DatagramFault::length);
  bytes = datagram(good, payload);
  bytes[131] = {};
  EXPECT_EQ(fault(bytes), DatagramFault::corrupt_payload);
}

TEST(Datagram, NoSingleBitGoesUnnoticed) {
  const std::vector<std::byte> payload(40, std::byte{0x5a});
  const StreamShape shape{StreamId(99), Bytes(40), 40};
  const auto bytes = datagram(segment_header(shape, payload, DatagramKind::repair, 0, 5), payload);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(decode_datagram(damaged).has_value()) << bit;
  }
}

TEST(StreamShape, CutsWithoutARest) {
  const StreamShape shape{StreamId(1), Bytes(2881), 1440};
  EXPECT_EQ(shape.segments(), 3u);
  EXPECT_EQ(shape.length(1), 1440u);
  EXPECT_EQ(shape.length(2), 1u);
  EXPECT_FALSE(validate({StreamId(1), Bytes(0), 1440}).has_value());
  EXPECT_FALSE(validate({StreamId(1), Bytes(-1), 1440}).has_value());
  EXPECT_FALSE(validate({StreamId(1), Bytes(10), 15}).has_value());
  EXPECT_FALSE(validate({StreamId(1), Bytes(10), 65'001}).has_value());
  // 2^31 segments of 16 bytes and one byte more.
  EXPECT_TRUE(validate({StreamId(1), Bytes(std::int64_t{1} << 35), 16}).has_value());
  EXPECT_FALSE(validate({StreamId(1), Bytes((std::int64_t{1} << 35) + 1), 16}).has_value());
}

TEST(StreamShape, PartsCoverTheRangesAndFitAFrame) {
  // 728 segments of 1440 bytes are 1,048,320 bytes, one more would be over 1,048,576.
  const StreamShape shape{StreamId(1), Bytes(1440 * 2000 - 1), 1440};
  const SegmentRange ranges[] = {{0, 1}, {100, 900}, {1999, 2000}};
  const auto parts = parts_of(shape, ranges);
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[1].length, 728u * 1440);
  EXPECT_EQ(parts[2].first, 828u);
  EXPECT_EQ(parts[2].length, 72u * 1440);
  EXPECT_EQ(parts[3].length, 1439u);
}

TEST(SegmentSet, AgainstAPlainList) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    const auto size = static_cast<std::uint32_t>(1 + rng.below(300));
    SegmentSet set(size), copy(size);
    std::vector<bool> plain(size);
    for (int step = 0; step < 400; ++step) {
      const auto s = static_cast<std::uint32_t>(rng.below(size));
      EXPECT_EQ(set.insert(s), !plain[s]);
      plain[s] = true;
      const auto first =
          static_cast<std::uint32_t>(std::find(plain.begin(), plain.end(), false) - plain.begin());
      ASSERT_EQ(set.first_missing(), first) << "seed " << seed;
      ASSERT_EQ(set.count(), std::count(plain.begin(), plain.end(), true));
      const auto a = static_cast<std::uint32_t>(rng.below(size + 1)),
                 b = static_cast<std::uint32_t>(rng.below(size + 1));
      const SegmentRange range{std::min(a, b), std::max(a, b)};
      copy.insert_bits(range, set.bits(range));
      for (std::uint32_t k = range.first; k < range.end; ++k) ASSERT_EQ(copy.contains(k), plain[k]);
      std::vector<bool> from_ranges(size, true);
      for (const SegmentRange& gap : set.missing(size, size)) {
        for (std::uint32_t k = gap.first; k < gap.end; ++k) from_ranges[k] = false;
      }
      ASSERT_EQ(from_ranges, plain);
    }
  }
}

TEST(Status, ThereAndBackAndNothingElse) {
  const Status status{5, 6, 7, 3, {10, 23}, {std::byte{0xff}, std::byte{0x1f}}};
  const auto body = encode(status);
  EXPECT_EQ(body.size(), 26u);
  ASSERT_TRUE(decode_status(body).has_value());
  EXPECT_EQ(*decode_status(body), status);
  auto wrong = body;
  wrong.pop_back();
  EXPECT_FALSE(decode_status(wrong).has_value());
  EXPECT_FALSE(decode_status(std::span(body).first(23)).has_value());
  wrong = body;
  wire::put(std::span(wrong), 16, std::uint32_t{24});
  EXPECT_EQ(decode_status(wrong).error().message, "a multicast status ends before it begins");
  wrong = body;
  wire::put(std::span(wrong), 20, std::uint32_t{0xffffffff});
  EXPECT_EQ(decode_status(wrong).error().message, "a multicast status speaks of too many segments");
  wrong = body;
  wire::put(std::span(wrong), 12, std::uint32_t{11});
  EXPECT_EQ(decode_status(wrong).error().message, "a multicast status contradicts itself");
}

TEST(Receiver, MisfitsAndForeignPatchesWriteNothing) {
  const StreamShape shape{StreamId(1), Bytes(250), 100};
  std::vector<std::byte> place(250);
  Receiver receiver(shape, place, Instant());
  const std::vector<std::byte> bytes(100, std::byte{1});
  receiver.datagram({.segment = 3, .number = 1, .length = 100}, bytes, Instant());
  receiver.datagram({.segment = 2, .number = 1, .length = 100}, bytes, Instant());  // the last has 50
  receiver.datagram({.kind = DatagramKind::poll, .segment = 4, .number = 1}, {}, Instant());
  EXPECT_EQ(receiver.counts().misfits, 3u);
  EXPECT_FALSE(receiver.patch(3, bytes, Instant()).has_value());
  EXPECT_FALSE(receiver.patch(2, bytes, Instant()).has_value());
  EXPECT_FALSE(receiver.patch(0, std::span(bytes).first(99), Instant()).has_value());
  EXPECT_FALSE(receiver.patch(0, {}, Instant()).has_value());
  EXPECT_EQ(place, std::vector<std::byte>(250));
  ASSERT_TRUE(receiver.patch(2, std::span(bytes).first(50), Instant()).has_value());
  EXPECT_EQ(place[200], std::byte{1});
}

TEST(Sender, AStatusOfWhatWasNeverSentIsAMistakeOfThePeer) {
  const TransferId peer(4);
  Sender sender({StreamId(1), Bytes(10'000), 100}, std::span(&peer, 1), Rate::megabits_per_second(8));
  sender.joined(peer, Instant());
  Transmission sent[3];
  ASSERT_EQ(sender.due(Instant::at_seconds(0.0002), sent), 3u);
  const auto says = [&](const Status& status) {
    return sender.status(peer, status, Instant::at_seconds(0.001));
  };
  EXPECT_TRUE(says({3, 3, 3, 3, {3, 3}, {}}).has_value());
  EXPECT_FALSE(says({4, 3, 3, 3, {3, 3}, {}}).has_value());
  EXPECT_FALSE(says({3, 3, 4, 3, {3, 3}, {}}).has_value());
  EXPECT_FALSE(says({3, 3, 3, 3, {3, 4}, {std::byte{1}}}).has_value());
}

}  // namespace
}  // namespace selmcast::mcast
