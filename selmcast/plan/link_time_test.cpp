#include "selmcast/plan/link_time.h"

#include <gtest/gtest.h>

#include <cmath>

#include "selmcast/base/rng.h"
#include "selmcast/plan/problem.h"

namespace selmcast::plan {
namespace {

LinkTime time_of(std::int64_t load, double bps) { return {Bytes(load), Rate::bits_per_second(bps)}; }

TEST(LinkTime, ComparesFractions) {
  EXPECT_LT(time_of(1, 3), time_of(1, 2));
  EXPECT_GT(time_of(3, 4), time_of(2, 3));
  EXPECT_EQ(time_of(2, 6), time_of(1, 3));
  EXPECT_EQ(time_of(0, 5), time_of(0, 7));
  EXPECT_LT(time_of(0, 5), time_of(1, 1e18));
}

TEST(LinkTime, TellsApartWhatDoublesCannot) {
  // As doubles both quotients are 2^60: the loads differ by one part in 2^60.
  const std::int64_t large = std::int64_t{1} << 60;
  EXPECT_LT(time_of(large, 1), time_of(large + 1, 1));
  EXPECT_EQ(static_cast<double>(large), static_cast<double>(large + 1));
  // 3 (2^60 + 1) / 3 against 2^60 / 1, and the other way round.
  EXPECT_GT(time_of(3 * (large + 1), 3), time_of(large, 1));
  EXPECT_EQ(time_of(3 * large, 3), time_of(large, 1));
  // The two neighbours of 0.75 as rates.
  EXPECT_LT(time_of(7, std::nextafter(0.75, 1)), time_of(7, 0.75));
  EXPECT_LT(time_of(7, 0.75), time_of(7, std::nextafter(0.75, 0)));
}

TEST(LinkTime, ComparesExactlyAcrossPowersOfTwo) {
  // The same fraction with rates of different exponents; then one byte more on either side.
  for (int shift = 0; shift <= 40; ++shift) {
    const std::int64_t load = std::int64_t{12345} << shift;
    const double rate = std::ldexp(0.7, shift);
    EXPECT_EQ(time_of(load, rate), time_of(12345, 0.7)) << shift;
    if (shift == 0) continue;
    EXPECT_GT(time_of(load + 1, rate), time_of(12345, 0.7)) << shift;
    EXPECT_LT(time_of(12345, 0.7), time_of(load + 1, rate)) << shift;
    EXPECT_LT(time_of(load - 1, rate), time_of(12345, 0.7)) << shift;
    EXPECT_GT(time_of(12345, 0.7), time_of(load - 1, rate)) << shift;
    EXPECT_EQ(time_of(12345, 0.7), time_of(load, rate)) << shift;
  }
}

TEST(CapacityWithin, DoesNotLoseTheLastDelivery) {
  // The trap: floor(t b / v) with t = m v / b in doubles loses m. Here m v must come back, whatever the rate.
  Rng rng(1);
  int lost_in_doubles = 0;
  for (int k = 0; k < 20000; ++k) {
    const Rate rate = Rate::bits_per_second(rng.uniform(1e6, 1e11));
    const Bytes load(static_cast<std::int64_t>(1 + rng.below(200)) *
                     static_cast<std::int64_t>(1 + rng.below(1'000'000'000)));
    ASSERT_EQ(capacity_within(rate, {load, rate}), load) << "seed 1, case " << k;
    if (rate * (load / rate) < load) ++lost_in_doubles;
  }
  EXPECT_GT(lost_in_doubles, 0) << "the cases do not contain the trap";
}

TEST(CapacityWithin, IsTheLargestLoadThatFits) {
  Rng rng(2);
  for (int k = 0; k < 20000; ++k) {
    const Rate rate = Rate::bits_per_second(std::pow(10, rng.uniform(-3, 18)));
    const LinkTime limit{Bytes(static_cast<std::int64_t>(rng.below(std::uint64_t{1} << (1 + rng.below(62))))),
                         Rate::bits_per_second(std::pow(10, rng.uniform(-3, 18)))};
    const Bytes capacity = capacity_within(rate, limit);
    ASSERT_LE((LinkTime{capacity, rate}), limit) << "seed 2, case " << k;
    if (capacity < kMaxLoad) {
      ASSERT_GT((LinkTime{capacity + Bytes(1), rate}), limit) << "seed 2, case " << k;
    }
  }
}

TEST(CapacityWithin, OfNoTimeIsNothing) {
  EXPECT_EQ(capacity_within(kMaxRate, {Bytes(0), kMinRate}), Bytes(0));
}

TEST(CapacityWithin, IsCapped) {
  EXPECT_EQ(capacity_within(kMaxRate, {Bytes(1'000'000), kMinRate}), kMaxLoad);
}

}  // namespace
}  // namespace selmcast::plan
