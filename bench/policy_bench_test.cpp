#include "bench/policy_bench.h"

#include <gtest/gtest.h>

#include <cmath>

namespace selmcast::bench {
namespace {

TEST(PolicyBench, KnowsTheIntervalOfAMean) {
  // 1, 2, 3: mean 2, deviation 1, standard error 1 / sqrt(3), t of 2 degrees of freedom 4.303.
  const Interval interval = interval_of({1, 2, 3});
  EXPECT_DOUBLE_EQ(interval.mean, 2);
  EXPECT_NEAR(interval.half_width, 4.303 / std::sqrt(3.0), 1e-12);
  EXPECT_FALSE(interval.is_above(0));  // 2 - 2.48
  EXPECT_FALSE(interval_of({1}).is_above(0));
}

TEST(PolicyBench, ComparesTrialByTrial) {
  // The clusters differ by far more than the policies: 0.1 more on each, less 0.01, 0, and more 0.01.
  const PolicyScores good{{0.51, 0.70, 0.89}, {0.3, 0.4, 0.5}};
  const PolicyScores worse{{0.42, 0.60, 0.78}, {0.29, 0.389, 0.491}};
  EXPECT_NEAR(difference(good.npu, worse.npu).mean, 0.1, 1e-12);
  EXPECT_TRUE(dominates(good, worse));
  EXPECT_FALSE(dominates(worse, good));
  // Better in one measure only.
  EXPECT_FALSE(dominates({good.npu, worse.scale}, {worse.npu, good.scale}));
}

TEST(PolicyBench, HasValidCasesOfTheStatedSizes) {
  EXPECT_EQ(policy_floor().size(), 3U);
  EXPECT_EQ(policy_grid().size(), 180U);  // 3 * 4 * 3 * 5
  for (const auto& cases : {policy_floor(), policy_grid()}) {
    for (const PolicyCase& policy_case : cases)
      EXPECT_TRUE(sim::validate(policy_case.settings).has_value()) << policy_case.name;
  }
}

}  // namespace
}  // namespace selmcast::bench
