#include "selmcast/mcast/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <asio/steady_timer.hpp>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/mcast/flood_watch.h"
#include "selmcast/mcast/prober.h"

namespace selmcast::mcast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Probe, IsTheseBytes) {
  const auto bytes = encode({ProbeKind::answer, 0x1122334455667788, 5, 8, kCannotSee});
  const std::vector<unsigned> head = {0x53, 0x4d, 0x50, 0x31, 1, 2, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
                                      0x22, 0x11, 5,    0,    0, 0, 8, 0, 0,    0,    0xff, 0xff, 0xff, 0xff};
  for (std::size_t k = 0; k < head.size(); ++k) EXPECT_EQ(std::to_integer<unsigned>(bytes[k]), head[k]) << k;
}

TEST(Probe, ComesBackAndNoFlippedBitDoes) {
  const Probe probe{ProbeKind::probe, 77, 3, 1, 2};
  const auto bytes = encode(probe);
  EXPECT_EQ(decode_probe(bytes), probe);
  for (std::size_t bit = 0; bit < 8 * kProbeBytes; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_EQ(decode_probe(damaged), std::nullopt) << bit;
  }
  EXPECT_EQ(decode_probe(std::span(bytes).first(kProbeBytes - 1)), std::nullopt);
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back({});
  EXPECT_EQ(decode_probe(longer), std::nullopt);
}

TEST(Probe, NoiseIsNone) {
  Rng rng(1);
  for (int k = 0; k < 100'000; ++k) {
    std::array<std::byte, kProbeBytes> noise;
    for (std::byte& byte : noise) byte = static_cast<std::byte>(rng.below(256));
    EXPECT_EQ(decode_probe(noise), std::nullopt);
  }
}

TEST(Probe, CountsByWhoSent) {
  ProbeCount count;
  for (int k = 0; k < 3; ++k) count.came(7);
  count.came(9);
  EXPECT_EQ(count.of(7), 3);
  EXPECT_EQ(count.of(8), 0);
  EXPECT_THAT(count.at_least(1), ElementsAre(7, 9));
  EXPECT_THAT(count.at_least(2), ElementsAre(7));
}

// On loopback, where who has not joined sees all that passes, if it may.
struct Loopback : ::testing::Test {
  static constexpr std::uint32_t kInterface = 0x7f000001;
  asio::io_context io;
  std::vector<std::unique_ptr<Prober>> probers;
  std::vector<ProbeResult> results;
  const std::uint16_t port = static_cast<std::uint16_t>(20'000 + getpid() % 30'000);
  Endpoint even{0xef4d00fb, port}, odd{0xef4d00fc, port};

  void start(std::uint32_t sender, bool is_even, std::uint64_t token = 4711,
             std::uint32_t interface = kInterface) {
    const std::size_t k = results.size();
    results.emplace_back();
    probers.push_back(Prober::start(io,
                                    {is_even ? even : odd, is_even ? odd : even, interface, token, sender},
                                    [this, k](const ProbeResult& result) { results[k] = result; }));
  }
};

TEST_F(Loopback, EachHearsWhoeverSendsToItsGroupAndSeesTheOtherIfItMay) {
  start(10, true);
  start(11, true);
  start(12, false);
  start(10, true, 4712);  // another probing in the same groups
  io.run();               // ends by itself: 3.5 s
  EXPECT_THAT(results[0].heard, ElementsAre(11, 12));
  EXPECT_THAT(results[1].heard, ElementsAre(10, 12));
  EXPECT_THAT(results[2].heard, ElementsAre(10, 11));
  EXPECT_THAT(results[3].heard, IsEmpty());
  for (const ProbeResult& result : results) EXPECT_EQ(result.fault, "");
  const bool may_look = FloodWatch::open(odd, kInterface).has_value();
  EXPECT_EQ(results[0].sees_floods, may_look);
  if (may_look) {
    EXPECT_THAT(results[0].flooded, ElementsAre(11, 12));
    EXPECT_THAT(results[2].flooded, ElementsAre(10, 11));
  } else {
    EXPECT_THAT(results[0].flooded, IsEmpty());
  }
}

// 198.51.100.1 is for documentation: no machine has it.
TEST_F(Loopback, AnAddressThatIsNotOursIsAFaultNotAHang) {
  start(1, true, 4711, 0xc6336401);
  io.run();
  EXPECT_THAT(results[0].fault, HasSubstr("198.51.100.1"));
  EXPECT_THAT(results[0].heard, IsEmpty());
}

TEST_F(Loopback, OneThatIsDestroyedSaysNothing) {
  start(1, true);
  asio::steady_timer soon(io, std::chrono::milliseconds(400));
  soon.async_wait([this](const asio::error_code&) { probers.clear(); });
  io.run();
  EXPECT_FALSE(results[0].sees_floods);  // as it was made
}

}  // namespace
}  // namespace selmcast::mcast
