#include "selmcast/sim/bounds.h"

#include <gtest/gtest.h>

#include <vector>

namespace selmcast::sim {
namespace {

TEST(ScaleBound, IsWhatLinksCarryInACycle) {
  // Four workers, 100 bytes = 800 bits, T = 2 s. Links of 400, 800, 1600 bit/s carry 1, 2, 4 multicasts in T: of 4
  // workers that is 0.25, 0.5 and, as there are 3 others, 0.75. The last one is down. Mean: 1.5 / 4.
  const std::vector<Rate> links{Rate::bits_per_second(400), Rate::bits_per_second(800),
                                Rate::bits_per_second(1600), Rate()};
  EXPECT_DOUBLE_EQ(scale_bound(links, Duration::seconds(2), Bytes(100)), 1.5 / 4);
  EXPECT_DOUBLE_EQ(scale_bound(std::span(links).first(1), Duration::seconds(2), Bytes(100)), 0)
      << "no others";
}

}  // namespace
}  // namespace selmcast::sim
