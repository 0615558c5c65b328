#include "selmcast/plan/delivery_time.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "selmcast/base/rng.h"

namespace selmcast::plan {
namespace {

Rate bytes_per_second(double value) { return Rate::bits_per_second(8 * value); }

TEST(DeliveryTime, IsTheKthEndOfAllDeliveries) {
  // Downlinks 3 and 2, volume 6: ends at 2, 4, 6 ... and 3, 6, 9 ...: 2, 3, 4, 6, 6, 8 ...
  const std::vector<DeliveryRange> receivers{{bytes_per_second(3), 0, 9}, {bytes_per_second(2), 0, 9}};
  const double expected[] = {2, 3, 4, 6, 6, 8};
  for (std::int64_t k = 1; k <= 6; ++k)
    EXPECT_EQ(time_of_deliveries(Bytes(6), receivers, k)->duration(), Duration::seconds(expected[k - 1]))
        << k;
}

TEST(DeliveryTime, CountsOnlyWhatMayCount) {
  // The first receiver's first two ends (2, 4) are spoken for and it counts one more (6); the second counts
  // two (3, 6).
  const std::vector<DeliveryRange> receivers{{bytes_per_second(3), 2, 1}, {bytes_per_second(2), 0, 2}};
  EXPECT_EQ(time_of_deliveries(Bytes(6), receivers, 1)->duration(), Duration::seconds(3));
  EXPECT_EQ(time_of_deliveries(Bytes(6), receivers, 3)->duration(), Duration::seconds(6));
  EXPECT_EQ(time_of_deliveries(Bytes(6), receivers, 4), std::nullopt);
}

TEST(DeliveryTime, OfLinksThatAreDownIsNever) {
  const std::vector<DeliveryRange> receivers{{Rate(), 0, 5}, {bytes_per_second(2), 0, 1}};
  EXPECT_EQ(time_of_deliveries(Bytes(6), receivers, 1)->duration(), Duration::seconds(3));
  EXPECT_EQ(time_of_deliveries(Bytes(6), receivers, 2), std::nullopt);
}

TEST(DeliveryTime, AgreesWithSortingAllOfThem) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Bytes volume(static_cast<std::int64_t>(1 + rng.below(1'000'000)));
    std::vector<DeliveryRange> receivers;
    std::vector<LinkTime> ends;
    for (std::size_t j = 0; j < 1 + rng.below(8); ++j) {
      const double rate =
          seed % 2 == 0 ? static_cast<double>(1 + rng.below(3)) : std::pow(10, rng.uniform(0, 6));
      receivers.push_back({bytes_per_second(rate), static_cast<std::int64_t>(rng.below(4)),
                           static_cast<std::int64_t>(rng.below(9))});
      for (std::int64_t m = 1; m <= receivers.back().most; ++m)
        ends.push_back({(receivers.back().first + m) * volume, receivers.back().downlink});
    }
    std::ranges::sort(ends, [](const LinkTime& a, const LinkTime& b) { return a < b; });
    for (std::size_t k = 1; k <= ends.size(); ++k) {
      const auto time = time_of_deliveries(volume, receivers, static_cast<std::int64_t>(k));
      ASSERT_TRUE(time.has_value());
      EXPECT_TRUE(*time == ends[k - 1]) << k;
    }
    EXPECT_EQ(time_of_deliveries(volume, receivers, std::ssize(ends) + 1), std::nullopt);
  }
}

}  // namespace
}  // namespace selmcast::plan
