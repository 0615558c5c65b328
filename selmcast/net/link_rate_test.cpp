#include "selmcast/net/link_rate.h"

#include <gtest/gtest.h>

namespace selmcast::net {
namespace {

TEST(LinkRate, PayloadIsWhatFullFramesCarry) {
  // 1448 / 1514 of 100 Mbit/s.
  EXPECT_NEAR(LinkRate::megabits_per_second(100).payload().mbps(), 95.6407, 1e-4);
}

TEST(LinkRate, ThereAndBackIsTheSame) {
  const Rate payload = Rate::megabits_per_second(37.5);
  EXPECT_NEAR(LinkRate::carrying(payload).payload().mbps(), 37.5, 1e-12);
  EXPECT_NEAR(LinkRate::carrying(payload).mbps(), 37.5 * 1514 / 1448, 1e-9);
}

TEST(LinkRate, UnlimitedStaysUnlimited) {
  EXPECT_TRUE(LinkRate::unlimited().payload().is_unlimited());
  EXPECT_TRUE(LinkRate::carrying(Rate::unlimited()).is_unlimited());
}

}  // namespace
}  // namespace selmcast::net
