#include "selmcast/sim/bandwidth.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace selmcast::sim {
namespace {

BandwidthModel model(double gamma) {
  return {.nominal = Rate::bits_per_second(100), .lambda = 0.5, .mu = 2, .gamma = gamma};
}

TEST(Bandwidth, FillsItsRangeAndUplinksAreMuTimesAsWide) {
  // Downlinks in [50, 150], uplinks in [100, 300]; of 2000 draws the ends are missed by less than 1 % of the range.
  const Bandwidth bandwidth(model(0), 2000, Rng(3));
  const auto [down_least, down_most] = std::ranges::minmax(bandwidth.downlink());
  const auto [up_least, up_most] = std::ranges::minmax(bandwidth.uplink());
  EXPECT_GE(down_least.bps(), 50);
  EXPECT_LT(down_least.bps(), 51);
  EXPECT_LE(down_most.bps(), 150);
  EXPECT_GT(down_most.bps(), 149);
  EXPECT_GE(up_least.bps(), 100);
  EXPECT_LT(up_least.bps(), 102);
  EXPECT_LE(up_most.bps(), 300);
  EXPECT_GT(up_most.bps(), 298);
  EXPECT_EQ(bandwidth.next_change(), Instant::never());
}

TEST(Bandwidth, ChangesByGammaAroundItsFirstDraw) {
  Bandwidth bandwidth(model(0.25), 100, Rng(3));
  const std::vector<Rate> first = bandwidth.downlink();
  EXPECT_DOUBLE_EQ(bandwidth.next_change().in_seconds(), 0.1);
  for (int change = 0; change < 20; ++change) {
    const std::vector<Rate> before = bandwidth.downlink();
    bandwidth.change();
    EXPECT_NE(bandwidth.downlink(), before);
    for (std::size_t i = 0; i < first.size(); ++i) {
      // 0.75 of the first draw, and 0.25 of something in [50, 150].
      const double rest = bandwidth.downlink()[i].bps() - 0.75 * first[i].bps();
      ASSERT_GE(rest, 0.25 * 50 - 1e-9);
      ASSERT_LE(rest, 0.25 * 150 + 1e-9);
    }
  }
  EXPECT_NEAR(bandwidth.next_change().in_seconds(), 2.1, 1e-9);
}

}  // namespace
}  // namespace selmcast::sim
