#include "selmcast/net/stripes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

namespace selmcast::net {
namespace {

TEST(Stripes, CoverThePayloadInOrderWithoutGapOrOverlap) {
  // 100 MB over 4: 10^8 / 128 = 781,250, in units of 4096: 778,240, so 128 of them and a rest. 1 MB over 8: the least.
  // 1 GB over 2: the most. 5 bytes: all at once.
  for (const auto& [total, connections, stripe] :
       {std::tuple(100'000'000U, 4U, 778'240U), std::tuple(1'000'000U, 8U, 65'536U),
        std::tuple(1'000'000'000U, 2U, 1U << 20), std::tuple(5U, 16U, 65'536U)}) {
    Stripes stripes(total, connections);
    std::size_t covered = 0;
    while (const auto part = stripes.next()) {
      EXPECT_EQ(part->offset, covered);
      EXPECT_EQ(part->length, std::min<std::size_t>(stripe, total - covered));
      EXPECT_EQ(std::size_t{part->sequence} * wire::kStripeUnitBytes, part->offset);
      covered += part->length;
      EXPECT_EQ(stripes.rest(), total - covered);
    }
    EXPECT_EQ(covered, total);
    EXPECT_TRUE(stripes.all_given());
  }
}

// 20,000 bytes in chunks of 8192, from the second one on, of which 16,383 bytes, then one more, then all are there.
TEST(Stripes, AsCutAreGivenOutAsTheyBecomeAvailable) {
  Stripes stripes(20'000, {.chunk = 8192, .first = 1, .available = 16'383});
  EXPECT_FALSE(stripes.next().has_value());
  EXPECT_FALSE(stripes.all_given());
  stripes.extend(16'384);
  stripes.extend(5);  // never less
  const auto second = stripes.next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->sequence, 2u);  // of units of 4096
  EXPECT_EQ(second->offset, 8192u);
  EXPECT_EQ(second->length, 8192u);
  EXPECT_FALSE(stripes.next().has_value());
  stripes.extend(20'000);
  EXPECT_EQ(stripes.next()->length, 20'000u - 16'384u);
  EXPECT_TRUE(stripes.all_given());
  EXPECT_FALSE(stripes.next().has_value());
}

TEST(StripesDeathTest, WhatIsNotMadeOfUnitsIsOurBug) {
  EXPECT_DEATH(Stripes(20'000, {.chunk = 5000, .first = 0, .available = 0}), "made of units");
}

}  // namespace
}  // namespace selmcast::net
