#include "selmcast/base/units.h"

#include <gtest/gtest.h>

namespace selmcast {
namespace {

TEST(Units, VolumeOverRateIsTimeInSeconds) {
  // 1 MB = 8 Mbit; at 20 Mbit/s that takes 0.4 s.
  EXPECT_DOUBLE_EQ((Bytes(1'000'000) / Rate::megabits_per_second(20)).in_seconds(), 0.4);
}

TEST(Units, RateTimesTimeRoundsDownToWholeBytes) {
  // 10 bit/s for 1 s = 1.25 bytes -> 1.
  EXPECT_EQ(Rate::bits_per_second(10) * Duration::seconds(1), Bytes(1));
}

TEST(Units, UnlimitedRateTakesNoTime) {
  EXPECT_EQ((Bytes(5) / Rate::unlimited()).in_seconds(), 0.0);
  EXPECT_FALSE(Rate::unlimited().is_positive_finite());
}

TEST(Units, InstantsDifferByDurations) {
  const Instant start = Instant::at_seconds(2);
  EXPECT_EQ((start + Duration::milliseconds(500)) - start, Duration::seconds(0.5));
  EXPECT_LT(start, Instant::never());
}

}  // namespace
}  // namespace selmcast
