#include "selmcast/cli/reproduce/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

namespace selmcast::reproduce {
namespace {

// One point each: the paper's 1.0, ours `y` with the deviation 0.1 of one trial, over 40 trials.
Panel panel_with(double y, double deviation = 0.1) {
  Panel panel{.name = "p", .curves = {}};
  panel.curves = {
      {"paper", Source::paper, "SelMcast (paper)", {{.x = 50, .y = 1.0}}},
      {"paper", Source::ours, "SelMcast", {{.x = 50, .y = y, .deviation = deviation, .trials = 40}}}};
  return panel;
}

TEST(Judge, AllowsThreeStandardErrorsOfTheDifference) {
  // 0.1 sqrt(1/10 + 1/40) = 0.035355; three of them 0.10607.
  const auto same = judge(panel_with(1.106));
  ASSERT_EQ(same.size(), 1U);
  EXPECT_TRUE(same[0].is_same);
  EXPECT_NEAR(same[0].errors, 0.106 / 0.0353553, 1e-4);
  EXPECT_NEAR(same[0].relative, 0.106, 1e-12);
  EXPECT_FALSE(judge(panel_with(1.107))[0].is_same);
  EXPECT_FALSE(judge(panel_with(0.893))[0].is_same);
}

TEST(Judge, GivesAClosedFormNoErrorOfItsOwn) {
  // 3 x 0.1 sqrt(1/40) = 0.04743.
  Panel panel = panel_with(1.047);
  panel.paper_trials = 0;
  EXPECT_TRUE(judge(panel)[0].is_same);
  panel = panel_with(1.048);
  panel.paper_trials = 0;
  EXPECT_FALSE(judge(panel)[0].is_same);
}

TEST(Judge, AllowsForReadingAPrintedCurveWhereNothingScatters) {
  EXPECT_TRUE(judge(panel_with(1.0049, 0))[0].is_same);
  const auto different = judge(panel_with(1.0051, 0));
  EXPECT_FALSE(different[0].is_same);
  EXPECT_TRUE(std::isinf(different[0].errors));
}

TEST(Judge, ComparesWhereBothHaveAPointAndNamesTheFurthest) {
  Panel panel = panel_with(1.0);
  panel.curves[0].points.push_back({.x = 100, .y = 2.0});
  panel.curves[0].points.push_back({.x = 200, .y = 4.0});
  panel.curves[1].points.push_back({.x = 200, .y = 2.0, .deviation = 0.1, .trials = 40});
  panel.curves[1].points.push_back({.x = 400, .y = 9.0, .deviation = 0.1, .trials = 40});
  const auto verdicts = judge(panel);
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_EQ(verdicts[0].points, 2U);
  EXPECT_EQ(verdicts[0].outside, 1U);
  EXPECT_EQ(verdicts[0].x, 200);
  EXPECT_EQ(verdicts[0].relative, -0.5);
  EXPECT_EQ(verdicts[0].most_relative, 0.5);
}

TEST(Judge, LeavesOutCurvesWithoutAPartner) {
  Panel panel = panel_with(1.0);
  panel.curves[1].planner = "exact";
  EXPECT_TRUE(judge(panel).empty());
}

}  // namespace
}  // namespace selmcast::reproduce
