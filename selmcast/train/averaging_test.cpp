#include "selmcast/train/averaging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace selmcast::train {
namespace {

using ::testing::ElementsAre;
using Vector = std::vector<float>;

TEST(Average, IsTheMeanOfEachPosition) {
  Average average;
  average.add(Vector{1, 2});
  average.add(Vector{3, 2});
  average.add(Vector{5, -1});
  // (1 + 3 + 5) / 3 = 3, (2 + 2 - 1) / 3 = 1
  EXPECT_THAT(average.value(), ElementsAre(3.0F, 1.0F));
  EXPECT_EQ(average.count(), 3U);
}

// 2^24 + 1 is no float: a float sum would stay at 2^24 and give 2^24 / 3 instead of (2^24 + 2) / 3.
TEST(Average, AddsInDouble) {
  Average average;
  average.add(Vector{16777216.0F});
  average.add(Vector{1.0F});
  average.add(Vector{1.0F});
  EXPECT_EQ(average.value().front(), static_cast<float>(16777218.0 / 3));
  EXPECT_NE(average.value().front(), 16777216.0F / 3);
}

// average (3, 4) with norm 5; the models are (3 + 3, 4) and (3 - 3, 4), each 3 away from it:
// sqrt((9 + 9) / 2) / 5 = 0.6
TEST(ConsensusDistance, IsRootMeanSquareRelativeToTheAverage) {
  const Vector average{3, 4};
  ConsensusDistance distance(average);
  distance.add(Vector{6, 4});
  distance.add(Vector{0, 4});
  EXPECT_DOUBLE_EQ(distance.value(), 0.6);
}

TEST(ConsensusDistance, IsZeroForEqualModels) {
  const Vector average{0, 0};
  ConsensusDistance distance(average);
  distance.add(average);
  EXPECT_EQ(distance.value(), 0);
}

TEST(ConsensusDistance, IsInfiniteAroundAZeroAverage) {
  const Vector average{0};
  ConsensusDistance distance(average);
  distance.add(Vector{1});
  distance.add(Vector{-1});
  EXPECT_TRUE(std::isinf(distance.value()));
}

}  // namespace
}  // namespace selmcast::train
