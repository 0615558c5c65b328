// CBC against hand-made cases and brute force; what it does with incumbents and limits; that it is silent.
#include "selmcast/mip/cbc_model.h"

#include <gtest/gtest.h>

#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::mip {
namespace {

using plan::MulticastKind;
using plan::Plan;
using plan::Problem;
using plan::testing::make_problem;
using plan::testing::random_problem;
using Violations = std::vector<std::string>;

// CBC's tolerances, with room for what they add up to.
constexpr double kTolerance = 1e-7;

void expect_proven(const CbcResult& result) {
  EXPECT_EQ(result.time_status, StageStatus::optimal);
  EXPECT_EQ(result.count_status, StageStatus::optimal);
  ASSERT_TRUE(result.plan.has_value());
  EXPECT_EQ(result.count_bound, result.plan->receiver_count());
}

TEST(CbcModel, SplitsUnequalVolumesLikePartition) {
  // Volumes 3, 1, 1, 2, 3, 2, 2 (sum 14) go to one of two workers each with downlink 1: best 7 and 7, so 7 s.
  // Nobody else can receive in time (downlink 0.01), the two themselves need nobody. Then no byte is free on
  // the two downlinks, so no more than the seven receivers.
  std::vector<plan::testing::TestWorker> workers{{100, 1, 0, 1}, {100, 1, 0, 1}};
  for (const std::int64_t volume : {3, 1, 1, 2, 3, 2, 2}) workers.push_back({100, 0.01, 1, volume});
  const Problem problem = make_problem(MulticastKind::network, workers);
  const CbcResult result = solve_with_cbc(problem, {});
  expect_proven(result);
  EXPECT_EQ(plan::completion_time(problem, *result.plan), Duration::seconds(7));
  EXPECT_EQ(result.time_bound, Duration::seconds(7));
  EXPECT_EQ(result.plan->receiver_count(), 7U);
}

TEST(CbcModel, FindsTheOptimumOfBruteForce) {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem =
        random_problem({.equal_volumes = seed % 2 == 0, .small_whole_rates = seed % 3 == 0}, rng);
    const auto optimum = plan::testing::brute_force(problem);
    const CbcResult result = solve_with_cbc(problem, {});
    expect_proven(result);
    const Duration time = plan::completion_time(problem, *result.plan);
    EXPECT_EQ(plan::check_plan(problem, *result.plan, time), Violations{});
    EXPECT_NEAR(time.in_seconds(), optimum.time.in_seconds(), kTolerance * optimum.time.in_seconds());
    EXPECT_EQ(result.plan->receiver_count(), optimum.receiver_count);
  }
}

TEST(CbcModel, IsNeverWorseThanItsIncumbentAndBoundsIt) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem({.most_workers = 9, .equal_volumes = false}, rng);
    const Plan incumbent = plan::plan_by_paper(problem);
    const Duration before = plan::completion_time(problem, incumbent);
    const auto bound = plan::lower_bound(problem);
    // No time at all: the incumbent must survive. A second: mostly enough.
    for (const Duration limit : {Duration(), Duration::seconds(1)}) {
      const CbcResult result =
          solve_with_cbc(problem, {.stage_limit = limit, .incumbent = &incumbent, .known_bound = bound.time});
      ASSERT_TRUE(result.plan.has_value());
      const Duration time = plan::completion_time(problem, *result.plan);
      EXPECT_EQ(plan::check_plan(problem, *result.plan, time), Violations{});
      EXPECT_LE(time, before);
      EXPECT_GE(time, result.time_bound);
      EXPECT_GE(result.time_bound, bound.time);
      EXPECT_LE(result.plan->receiver_count(), result.count_bound);
      if (time == before) {
        EXPECT_GE(result.plan->receiver_count(), incumbent.receiver_count());
      }
    }
  }
}

TEST(CbcModel, StopsAtTheGapAndThenClaimsNoOptimum) {
  Rng rng(7);
  const Problem problem = random_problem({.most_workers = 9, .equal_volumes = false}, rng);
  const Duration least = plan::completion_time(problem, *solve_with_cbc(problem, {}).plan);
  const CbcResult result = solve_with_cbc(problem, {.relative_gap = 0.5});
  ASSERT_TRUE(result.plan.has_value());
  EXPECT_EQ(result.time_status, StageStatus::limit);
  EXPECT_LE(result.time_bound, least);
  EXPECT_LE(plan::completion_time(problem, *result.plan) * 0.5, least);
}

TEST(CbcModel, NobodyInNeedGivesTheEmptyPlan) {
  const Problem problem = make_problem(MulticastKind::unicast, {{1, 1, 0, 1}, {1, 1, 0, 2}});
  const CbcResult result = solve_with_cbc(problem, {});
  expect_proven(result);
  EXPECT_EQ(result.plan->receiver_count(), 0U);
  EXPECT_EQ(result.time_bound, Duration());
}

TEST(CbcModel, ProvesThatThereIsNoPlan) {
  // w0 needs two receivers, but w2's downlink is down.
  for (const auto kind : {MulticastKind::network, MulticastKind::unicast}) {
    const Problem problem = make_problem(kind, {{1, 1, 2, 1}, {1, 1, 0, 1}, {1, 0, 0, 1}});
    const CbcResult result = solve_with_cbc(problem, {});
    EXPECT_EQ(result.time_status, StageStatus::infeasible);
    EXPECT_EQ(result.count_status, StageStatus::not_run);
    EXPECT_FALSE(result.plan.has_value());
  }
}

TEST(CbcModel, PrintsNothing) {
  Rng rng(5);
  const Problem problem = random_problem({.most_workers = 9, .equal_volumes = false}, rng);
  const Plan incumbent = plan::plan_by_paper(problem);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  (void)solve_with_cbc(problem, {});
  (void)solve_with_cbc(problem, {.stage_limit = Duration(), .incumbent = &incumbent});
  std::fflush(stdout);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace selmcast::mip
