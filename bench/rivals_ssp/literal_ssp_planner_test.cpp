#include "bench/rivals_ssp/literal_ssp_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/ssp_checker.h"
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

}  // namespace
}  // namespace selmcast::rivals
