#include "selmcast/sim/trials.h"

#include <gtest/gtest.h>

#include <vector>

namespace selmcast::sim {
namespace {

TEST(Trials, DoNotDependOnTheNumberOfThreads) {
  Settings settings;  // the paper's cluster, shorter
  settings.sync = Sync::ssp;
  settings.multicast = plan::MulticastKind::network;
  settings.planner = "paper";
  settings.horizon = Duration::seconds(5);
  std::size_t last = 0;
  const auto one = simulate_trials(settings, {.count = 7, .seed = 9, .threads = 1});
  const auto four = simulate_trials(
      settings,
      {.count = 7, .seed = 9, .threads = 4, .progress = [&](std::size_t finished) { last = finished; }});
  ASSERT_EQ(one.size(), four.size());
  for (std::size_t k = 0; k < one.size(); ++k) {
    EXPECT_EQ(one[k].npu_utilization, four[k].npu_utilization);
    EXPECT_EQ(one[k].events, four[k].events);
  }
  EXPECT_NE(one[0].npu_utilization, one[1].npu_utilization) << "each trial has a seed of its own";
  EXPECT_EQ(last, 7U);
}

TEST(Trials, SpreadIsMeanEndsAndStandardError) {
  // Values 1, 2, 6: mean 3, squares 4 + 1 + 9 = 14, variance 14 / 2 = 7, standard error sqrt(7 / 3).
  const Spread spread = spread_of(std::vector{1.0, 2.0, 6.0});
  EXPECT_DOUBLE_EQ(spread.mean, 3);
  EXPECT_EQ(spread.min, 1);
  EXPECT_EQ(spread.max, 6);
  EXPECT_NEAR(spread.standard_error, 1.5275252, 1e-6);
  EXPECT_EQ(spread_of(std::vector{4.0}).standard_error, 0);
}

}  // namespace
}  // namespace selmcast::sim
