#include "selmcast/worker/stripe_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "selmcast/base/rng.h"

namespace selmcast::worker {
namespace {

constexpr Bytes kUnit(4096);

// Random stripes, complete in random order, some of them offered twice or overlapping, against a byte a unit. The seed
// is printed on failure.
TEST(StripeMap, AgreesWithAListOfUnits) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const std::int64_t units = 1 + static_cast<std::int64_t>(rng.below(40));
    const Bytes total = units * kUnit - Bytes(static_cast<std::int64_t>(rng.below(4096)));
    const std::int64_t there = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(units)));
    std::vector<int> state(static_cast<std::size_t>(units), 0);  // 1: placed, 2: complete
    std::fill_n(state.begin(), there, 2);
    StripeMap map(there * kUnit, total);
    std::vector<std::pair<std::int64_t, std::int64_t>> reading;  // first unit, units
    const auto contiguous = [&] {
      const auto gap = std::ranges::find_if(state, [](int unit) { return unit != 2; });
      return std::min((gap - state.begin()) * kUnit, total);
    };
    for (int step = 0; step < 4000 && map.contiguous() < total; ++step) {
      if (!reading.empty() && rng.below(2) == 0) {
        const std::size_t pick = rng.below(reading.size());
        const auto [first, count] = reading[pick];
        const Bytes length = std::min(count * kUnit, total - first * kUnit);
        EXPECT_TRUE(map.is_placed(first * kUnit, length));
        map.complete(first * kUnit);
        EXPECT_FALSE(map.is_placed(first * kUnit, length));
        std::fill_n(state.begin() + first, count, 2);
        reading.erase(reading.begin() + static_cast<std::ptrdiff_t>(pick));
      } else {
        const auto first = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(units)));
        const auto count = 1 + static_cast<std::int64_t>(rng.below(4));
        const Bytes length = std::min(count * kUnit, total - first * kUnit);
        const auto units_of_it = std::min(count, units - first);
        const bool free = std::all_of(state.begin() + first, state.begin() + first + units_of_it,
                                      [](int unit) { return unit == 0; });
        EXPECT_EQ(map.place(first * kUnit, length).has_value(), free);
        if (!free) continue;
        std::fill_n(state.begin() + first, units_of_it, 1);
        reading.emplace_back(first, units_of_it);
      }
      ASSERT_EQ(map.contiguous(), contiguous());
    }
    EXPECT_EQ(map.contiguous(), total);
  }
}

TEST(StripeMap, WholeUnitsOnlyButForTheEnd) {
  StripeMap map(Bytes(0), Bytes(10'000));
  EXPECT_FALSE(map.place(Bytes(0), Bytes(100)).has_value());
  EXPECT_FALSE(map.place(Bytes(8192), Bytes(1809)).has_value());  // beyond the end
  EXPECT_FALSE(map.place(Bytes(0), Bytes(0)).has_value());
  EXPECT_TRUE(map.place(Bytes(8192), Bytes(1808)).has_value());
}

TEST(StripeMap, WhereStripesAreChunksNothingElseIsTaken) {
  StripeMap map(Bytes(0), Bytes(20'000), Bytes(8192));
  EXPECT_FALSE(map.place(Bytes(4096), Bytes(8192)).has_value());
  EXPECT_FALSE(map.place(Bytes(8192), Bytes(4096)).has_value());
  EXPECT_TRUE(map.place(Bytes(8192), Bytes(8192)).has_value());
  EXPECT_TRUE(map.place(Bytes(16'384), Bytes(3616)).has_value());
}

TEST(StripeMapDeathTest, WhatWasNotPlacedIsNotComplete) {
  StripeMap map(Bytes(0), Bytes(20'000));
  EXPECT_DEATH(map.complete(Bytes(0)), "placed before it is complete");
}

}  // namespace
}  // namespace selmcast::worker
