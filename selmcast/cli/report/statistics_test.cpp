#include "selmcast/cli/report/statistics.h"

#include <gtest/gtest.h>

#include <vector>

namespace selmcast::report {
namespace {

TEST(Statistics, MeanOfNothingIsNothing) {
  EXPECT_FALSE(mean({}).has_value());
  EXPECT_FALSE(quantile({}, 0.5).has_value());
  EXPECT_FALSE(spread({}).has_value());
}

TEST(Statistics, QuantileInterpolatesBetweenNeighbours) {
  const std::vector<double> values = {10, 1, 3, 2};   // sorted: 1 2 3 10
  EXPECT_DOUBLE_EQ(*quantile(values, 0.5), 2.5);      // place 0.5 * 3 = 1.5: halfway from 2 to 3
  EXPECT_NEAR(*quantile(values, 0.95), 8.95, 1e-12);  // place 2.85: 3 + 0.85 * 7
  EXPECT_DOUBLE_EQ(*quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(*quantile(values, 1), 10);
}

TEST(Statistics, QuantileOfOneValueIsThatValue) {
  const std::vector<double> one = {7};
  EXPECT_DOUBLE_EQ(*quantile(one, 0.95), 7);
}

TEST(Statistics, SpreadDividesByOneLessThanTheCount) {
  const std::vector<double> values = {0.5, 0.6, 0.7};  // squares 0.01 + 0 + 0.01, over 2: 0.01
  EXPECT_NEAR(spread(values)->mean, 0.6, 1e-12);
  EXPECT_NEAR(spread(values)->deviation, 0.1, 1e-12);
  EXPECT_EQ(spread(values)->count, 3u);
}

TEST(Statistics, OneValueHasNoSpread) {
  const std::vector<double> one = {7};
  EXPECT_DOUBLE_EQ(spread(one)->deviation, 0);
}

}  // namespace
}  // namespace selmcast::report
