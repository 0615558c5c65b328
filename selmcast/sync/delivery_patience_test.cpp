#include "selmcast/sync/delivery_patience.h"

#include <gtest/gtest.h>

#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

DeliveryPatience after(int rounds, Duration planned, Duration measured) {
  DeliveryPatience patience({});
  for (int k = 0; k < rounds; ++k) patience.took(planned, measured);
  return patience;
}

TEST(DeliveryPatience, IsWhatTheSettingsSayUntilEnoughWasMeasured) {
  EXPECT_EQ(DeliveryPatience({}).of(s(1)), s(10));
  EXPECT_EQ(DeliveryPatience({}).of(s(4)), s(20));
  EXPECT_EQ(after(15, s(1), s(1)).of(s(1)), s(10));
}

// All as planned: 2 + 2 * 1 = 4 s instead of 10, and for half a minute 62 s instead of 150.
TEST(DeliveryPatience, ShrinksWherePlansAreKept) {
  EXPECT_EQ(after(16, s(1), s(1)).of(s(1)), s(4));
  EXPECT_EQ(after(16, s(1), s(1)).of(s(30)), s(62));
  EXPECT_EQ(after(16, s(1), s(0.5)).of(s(1)), s(4)) << "faster than planned is no promise";
}

// One of sixteen took twice as long: 2 + 2 * 2 = 6 s. It is forgotten after 64 more.
TEST(DeliveryPatience, TheWorstThatWasSeenCounts) {
  DeliveryPatience patience = after(16, s(1), s(1));
  patience.took(s(1), s(2));
  EXPECT_EQ(patience.of(s(1)), s(6));
  for (int k = 0; k < 64; ++k) patience.took(s(1), s(1));
  EXPECT_EQ(patience.of(s(1)), s(4));
}

// Planned for 10 ms, but half a second late: 2 + 2 * (0.01 + 0.49) = 3 s; a long one is not stretched by that.
TEST(DeliveryPatience, ShortOnesTeachALagNotAStretch) {
  const DeliveryPatience patience = after(16, s(0.01), s(0.5));
  EXPECT_NEAR(patience.of(s(0.01)).in_seconds(), 3, 1e-9);
  EXPECT_NEAR(patience.of(s(10)).in_seconds(), 22.98, 1e-9);  // 2 + 2 * (10 + 0.49)
}

// Four times as long as planned, every time: 2 + 2 * 4 * 10 = 82 s, above the settings' 50. Nothing would ever arrive
// where links are so much worse than their plans.
TEST(DeliveryPatience, GrowsAboveTheSettingsWherePlansAreFarOff) {
  EXPECT_EQ(after(16, s(10), s(40)).of(s(10)), s(82));
  EXPECT_EQ(after(16, s(1), s(2.5)).of(s(1)), s(7));
  EXPECT_EQ(after(16, s(0.01), s(9)).of(s(0.01)), s(10)) << "lag alone never passes the settings";
}

}  // namespace
}  // namespace selmcast::sync
