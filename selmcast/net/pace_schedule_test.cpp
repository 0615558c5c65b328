#include "selmcast/net/pace_schedule.h"

#include <gtest/gtest.h>

namespace selmcast::net {
namespace {

constexpr Rate kRate = Rate::bits_per_second(8e6);  // a megabyte a second
Instant at(double seconds) { return Instant::at_seconds(seconds); }

TEST(PaceSchedule, OnTimeItIsTheRate) {
  const PaceSchedule schedule(Bytes(10'000'000), kRate, at(5));
  EXPECT_EQ(schedule.pace(Bytes(0), at(5)), kRate);
  EXPECT_EQ(schedule.pace(Bytes(1'000'000), at(6)), kRate);
  EXPECT_EQ(schedule.pace(Bytes(950'000), at(6)), kRate);    // 50 ms behind
  EXPECT_EQ(schedule.pace(Bytes(2'000'000), at(6)), kRate);  // ahead
}

TEST(PaceSchedule, BehindItHurriesButNotBeyondItsBound) {
  const PaceSchedule schedule(Bytes(10'000'000), kRate, at(0));
  // 0.1 MB behind, to be made up in half a second: 1 + 0.1 / 0.5.
  EXPECT_DOUBLE_EQ(schedule.pace(Bytes(900'000), at(1)) / kRate, 1.2);
  EXPECT_DOUBLE_EQ(schedule.pace(Bytes(0), at(1)) / kRate, PaceSchedule::kHasteMost);
}

TEST(PaceSchedule, WhenAllShouldHaveArrivedThereIsNoLimit) {
  const PaceSchedule schedule(Bytes(1'000'000), kRate, at(0));
  EXPECT_FALSE(schedule.pace(Bytes(950'000), at(1.05)).is_unlimited());
  EXPECT_TRUE(schedule.pace(Bytes(950'000), at(1.07)).is_unlimited());
}

TEST(PaceSchedule, ANewRateHoldsFromThenOnAndWhatWasDueStaysDue) {
  PaceSchedule schedule(Bytes(10'000'000), kRate, at(0));
  schedule.set_rate(kRate * 0.5, at(2));
  // Due at 4 s: 2 + 2 * 0.5 = 3 MB.
  EXPECT_EQ(schedule.pace(Bytes(3'000'000), at(4)), kRate * 0.5);
  EXPECT_GT(schedule.pace(Bytes(2'500'000), at(4)), kRate * 0.5);
}

// 1 MB/s, from 2 s on 3 MB/s, from 3 s on 0.5 MB/s.
TEST(PaceSchedule, StepsFollowOneAnother) {
  PaceSchedule schedule(Bytes(10'000'000), kRate, at(10));
  schedule.follow(
      {{Duration(), kRate}, {Duration::seconds(2), kRate * 3}, {Duration::seconds(3), kRate * 0.5}});
  EXPECT_EQ(schedule.pace(Bytes(1'000'000), at(11)), kRate);
  EXPECT_EQ(schedule.pace(Bytes(2'000'000), at(12)), kRate * 3);
  EXPECT_EQ(schedule.pace(Bytes(5'000'000), at(13)), kRate * 0.5);
  EXPECT_EQ(schedule.pace(Bytes(5'500'000), at(14)), kRate * 0.5);  // 2 + 3 + 0.5
  EXPECT_GT(schedule.pace(Bytes(5'400'000), at(14)), kRate * 0.5);
  EXPECT_EQ(schedule.next_step(at(10)), at(12));
  EXPECT_EQ(schedule.next_step(at(12.5)), at(13));
  EXPECT_EQ(schedule.next_step(at(13)), Instant::never());
  EXPECT_TRUE(schedule.pace(Bytes(9'000'000), at(24)).is_unlimited());  // all was due at 13 + 5 / 0.5 = 23
}

TEST(PaceSchedule, ANewRateEndsTheSteps) {
  PaceSchedule schedule(Bytes(10'000'000), kRate, at(0));
  schedule.follow({{Duration(), kRate}, {Duration::seconds(2), kRate * 3}});
  schedule.set_rate(kRate * 0.5, at(1));
  EXPECT_EQ(schedule.pace(Bytes(2'000'000), at(3)), kRate * 0.5);  // 1 + 2 * 0.5
  EXPECT_EQ(schedule.next_step(at(1)), Instant::never());
}

TEST(PaceSchedule, UnlimitedHasNoSchedule) {
  PaceSchedule schedule(Bytes(1'000'000), Rate::unlimited(), at(0));
  EXPECT_TRUE(schedule.pace(Bytes(0), at(100)).is_unlimited());
  schedule.set_rate(kRate, at(100));
  EXPECT_EQ(schedule.pace(Bytes(0), at(100)), kRate);
}

TEST(BurstBytes, LastAMillisecondInWholeSegmentsAndTwoAtLeast) {
  EXPECT_EQ(burst_bytes(Rate::megabits_per_second(100), 1448), 8 * 1448u);  // 12,500 bytes
  EXPECT_EQ(burst_bytes(Rate::megabits_per_second(20), 1448), 2 * 1448u);   // 2500
  EXPECT_EQ(burst_bytes(Rate::megabits_per_second(20), 8948), 2 * 8948u);   // jumbo frames
  EXPECT_EQ(burst_bytes(Rate::megabits_per_second(600), 1448),
            std::nullopt);  // 75,000: more than the kernel sends at once
  EXPECT_EQ(burst_bytes(Rate::unlimited(), 1448), std::nullopt);
}

}  // namespace
}  // namespace selmcast::net
