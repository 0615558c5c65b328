#include "selmcast/sync/link_usage.h"

#include <gtest/gtest.h>

#include <vector>

namespace selmcast::sync {
namespace {

Usage usage(double from_ms, double to_ms, double mbps, Rate cap) {
  return {Duration::milliseconds(from_ms), Duration::milliseconds(to_ms), Rate::megabits_per_second(mbps),
          cap};
}
Usage even(double from_ms, double to_ms, double mbps) {
  return usage(from_ms, to_ms, mbps, Rate::megabits_per_second(mbps));
}

double mbps(const std::vector<Usage>& usages) { return sustained_aggregate(usages).value_or(Rate()).mbps(); }

TEST(LinkUsage, EvenDeliveriesAddUpWhereTheyOverlap) {
  // 30 in 0 .. 100 ms and 50 in 50 .. 200 ms: 80 together for 50 ms, but a window must last 100 ms, as long
  // as the shorter delivery. 0 .. 100: (30 * 100 + 50 * 50) / 100 = 55. 50 .. 200: (30 * 50 + 50 * 150) / 150
  // = 60.
  EXPECT_NEAR(mbps({even(0, 100, 30), even(50, 200, 50)}), 60, 1e-9);
}

TEST(LinkUsage, UnevenSharingOfAFullLinkIsSeenThroughWithoutCaps) {
  // A link of 100: the first gets 90 for 100 ms, the second 10 for 100 ms and then 100 for 80 ms. Each 9
  // Mbit. The second's average is 9 / 0.18 = 50; taken as even the first 100 ms would look like 140. Whole
  // deliveries only: 9 / 0.1 = 90 in the first 100 ms, (9 + 9) / 0.18 = 100 in all.
  EXPECT_NEAR(mbps({usage(0, 100, 90, Rate::unlimited()), usage(0, 180, 50, Rate::unlimited())}), 100, 1e-9);
}

TEST(LinkUsage, CapsShowThatALinkWasFullOnlyAtFirst) {
  // A link of 100, both paced at 75. First: 75 for 120 ms (9 Mbit). Second: 25 for 120 ms (3 Mbit), then,
  // alone, 75 for 80 ms (6 Mbit): average 9 / 0.2 = 45. Outside the first 120 ms it moved at most 75 * 0.08 =
  // 6 of its 9, so the link carried at least (9 + 3) / 0.12 = 100 there. Without the caps only (9 + 9) / 0.2
  // = 90 would be certain.
  const Rate cap = Rate::megabits_per_second(75);
  EXPECT_NEAR(mbps({usage(0, 120, 75, cap), usage(0, 200, 45, cap)}), 100, 1e-9);
}

TEST(LinkUsage, NothingIsSaidAboutALinkUsedForLessThanTenMilliseconds) {
  EXPECT_FALSE(sustained_aggregate(std::vector{even(0, 9, 100)}).has_value());
  EXPECT_TRUE(sustained_aggregate(std::vector{even(0, 11, 100)}).has_value());
  EXPECT_FALSE(sustained_aggregate({}).has_value());
}

TEST(LinkUsage, ManyDeliveriesAreSampledWithoutLosingTheFullWindow) {
  // 40 deliveries of 1 Mbit/s start one millisecond apart and last 1 s, and so must a window. From start k to
  // end k, delivery i has |i - k| ms outside: in the middle (k = 19) 19 * 20 / 2 + 20 * 21 / 2 = 400 ms in
  // all, so 40 - 0.4 = 39.6.
  std::vector<Usage> usages;
  for (int i = 0; i < 40; ++i) usages.push_back(even(i, 1000 + i, 1));
  EXPECT_NEAR(mbps(usages), 39.6, 0.02);
}

}  // namespace
}  // namespace selmcast::sync
