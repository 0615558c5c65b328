#include "bench/rivals/literal_ssp_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/ssp_checker.h"
#include "selmcast/plan/ssp_paper_planner.h"
#include "selmcast/plan/ssp_testing.h"

namespace selmcast::rivals {
namespace {

using ::testing::IsEmpty;

TEST(LiteralSspPlanner, MakesPlansThatTheCheckerTakes) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Rng rng(seed);
    const auto problem =
        plan::testing::random_ssp_problem({.most_workers = 9, .small_whole_rates = seed % 2 == 0}, rng);
    const plan::SspPlan plan = plan_ssp_literally(problem);
    EXPECT_THAT(plan::check_plan(problem, plan, plan::completion_time(problem, plan)), IsEmpty())
        << "seed " << seed;
  }
}

// Small whole rates make ties, equal volumes make more; up to 2 workers is an edge, 40 has many of everything.
TEST(LiteralSspPlanner, AgreesWithTheFastOneInEverything) {
  plan::SspPaperPlanner fast;
  constexpr std::size_t kSizes[] = {2, 4, 9, 17, 40};
  for (std::uint64_t seed = 0; seed < 12'000; ++seed) {
    Rng rng(seed);
    const auto problem = plan::testing::random_ssp_problem({.most_workers = kSizes[seed % 5],
                                                            .equal_volumes = seed % 3 != 0,
                                                            .small_whole_rates = seed % 2 == 0},
                                                           rng);
    const plan::SspTaskTable table(problem);
    const plan::SspPlan plan = table.to_plan(fast.plan(table.tasks()));
    ASSERT_EQ(plan, plan_ssp_literally(problem)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace selmcast::rivals
