#include "selmcast/sim/bounds.h"

#include <gtest/gtest.h>

#include <vector>

namespace selmcast::sim {
namespace {

TEST(ScaleBound, IsWhatLinksCarryInACycle) {
  // Four workers, 100 bytes = 800 bits, T = 2 s. Links of 400, 800, 1600 bit/s carry 1, 2, 4 multicasts in T: of 4
  // workers that is 0.25, 0.5 and, as there are 3 others, 0.75. The last one is down. Mean: 1.5 / 4.
  const std::vector<Rate> links{Rate::bits_per_second(400), Rate::bits_per_second(800),
                                Rate::bits_per_second(1600), Rate()};
  EXPECT_DOUBLE_EQ(scale_bound(links, Duration::seconds(2), Bytes(100)), 1.5 / 4);
  EXPECT_DOUBLE_EQ(scale_bound(std::span(links).first(1), Duration::seconds(2), Bytes(100)), 0)
      << "no others";
}

// Three workers, 100 bytes, 10 s of computing; uplinks 10, 10, 5 bytes/s, downlinks 10, 2, 10.
const std::vector<Rate> kUplink{Rate::bits_per_second(80), Rate::bits_per_second(80),
                                Rate::bits_per_second(40)};
const std::vector<Rate> kDownlink{Rate::bits_per_second(80), Rate::bits_per_second(16),
                                  Rate::bits_per_second(80)};
Demands demands(std::optional<std::uint32_t> max_age, std::size_t min_receivers = 1) {
  return {Duration::seconds(10), Bytes(100), min_receivers, max_age};
}

TEST(JointBound, LeavesTimeForTheSlowestReceiver) {
  // w0: 10 s alone, 50 s with w1, w2: 20 and 50 s. Once in four rounds: w2 takes 10 + (3 * 20 + 50) / 4 = 37.5 s. w1
  // must receive 2 multicasts of 50 s in four cycles: 25 s.
  EXPECT_DOUBLE_EQ(least_cycle(kUplink, kDownlink, demands(3)).in_seconds(), 37.5);
  EXPECT_DOUBLE_EQ(least_cycle(kUplink, kDownlink, demands(std::nullopt)).in_seconds(), 30);
  // Every round: 10 + 50 s, but w1 needs 2 * 50 s. Two receivers each: 600 bytes over 22 bytes/s are 27.3 s.
  EXPECT_DOUBLE_EQ(least_cycle(kUplink, kDownlink, demands(0)).in_seconds(), 100);
  EXPECT_DOUBLE_EQ(least_cycle(kUplink, kDownlink, demands(std::nullopt, 2)).in_seconds(), 30);
}

TEST(JointBound, CountsWhomASenderCanReachInTime) {
  // A cycle of 30 s leaves 20 s for sending. w0 (t: 50 s to w1, 10 to w2) reaches 1 in 10 s, 2 in 50: at 20 s on
  // average 1 + 10 / 40. w1 (10 s, 20 s): 2. w2 (20 s to w0, 50 to w1): 1. Together 4.25 of 9. Downlinks: w0 and w2
  // carry three in 30 s, but there are 2 others; w1 0.6: 4.6 of 9.
  EXPECT_NEAR(joint_scale_bound(kUplink, kDownlink, Duration::seconds(30), demands(std::nullopt)), 4.25 / 9,
              1e-12);
  EXPECT_EQ(joint_scale_bound(kUplink, kDownlink, Duration::seconds(29.9), demands(std::nullopt)), 0);
  EXPECT_DOUBLE_EQ(joint_scale_bound(kUplink, kDownlink, Duration::seconds(1000), demands(std::nullopt)),
                   2.0 / 3);
}

}  // namespace
}  // namespace selmcast::sim
