// `search` against hand-made cases, brute force, Algorithm 1 and the lower bound.
#include "selmcast/plan/unequal_planner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::random_problem;
using testing::worker;
using Violations = std::vector<std::string>;

TEST(UnequalPlanner, ExchangesWhatLargeFirstLeavesUneven) {
  // Deliveries 3, 3, 2, 2, 2 to two downlinks of 1 (the others have 0.01). Large first: 3 | 3, then 2 | 2 (5 | 5) and
  // the last 2 makes 7. Best is 3 + 3 | 2 + 2 + 2: 6 s. From 3+2+2 | 3+2 an exchange of a 2 for the other's 3 makes 8,
  // of the 3 for a 2 makes 6 | 6.
  std::vector<testing::TestWorker> workers{{100, 1, 0, 1}, {100, 1, 0, 1}};
  for (const std::int64_t volume : {3, 3, 2, 2, 2}) workers.push_back({100, 0.01, 1, volume});
  const Problem problem = make_problem(MulticastKind::unicast, workers);
  EXPECT_EQ(completion_time(problem, plan_unequal(problem)), Duration::seconds(6));
}

TEST(UnequalPlanner, LeavesRequiredPairsAlone) {
  // w0's 9 bytes must go to w1 (9 s), whose downlink is then busiest. Only w2's optional byte can be moved off it.
  Problem problem = make_problem(MulticastKind::unicast, {{9, 1, 1, 9}, {9, 1, 0, 1}, {9, 1, 1, 1}});
  problem.required = {pair(0, 1)};
  const Plan plan = plan_unequal(problem);
  EXPECT_TRUE(plan.has(pair(0, 1)));
  EXPECT_EQ(testing::reason(plan, 0, 1), Reason::required);
  EXPECT_TRUE(plan.has(pair(2, 0)));
  EXPECT_EQ(completion_time(problem, plan), Duration::seconds(9));
}

TEST(UnequalPlanner, FillsUpWithSmallVolumesFirstWithinAnAge) {
  // w0 must reach w1: 4 bytes at 1 byte/s, 4 s. w3's downlink takes 4 bytes in that time: w1's 3 or w2's 2 or w0's 4.
  // All of age 0: the smaller volume w2 gets it, and then 2 bytes are left for nobody. Older pairs come before that.
  Problem problem =
      make_problem(MulticastKind::network, {{9, 0.1, 1, 4}, {9, 1, 0, 3}, {9, 0.1, 0, 2}, {9, 1, 0, 9}});
  EXPECT_TRUE(plan_unequal(problem).has(pair(2, 3)));
  EXPECT_FALSE(plan_unequal(problem).has(pair(1, 3)));
  problem.ages = {{pair(1, 3), 1}};
  EXPECT_TRUE(plan_unequal(problem).has(pair(1, 3)));
  EXPECT_FALSE(plan_unequal(problem).has(pair(2, 3)));
}

TEST(UnequalPlanner, IsNeverFasterThanTheOptimumNorSlowerThanAlgorithm1) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem({.equal_volumes = false, .small_whole_rates = seed % 3 == 0}, rng);
    const Plan plan = plan_unequal(problem);
    const Duration time = completion_time(problem, plan);
    EXPECT_EQ(check_plan(problem, plan, time), Violations{});
    EXPECT_GE(time, testing::brute_force(problem).time);
    EXPECT_LE(time, completion_time(problem, plan_by_paper(problem)));
  }
}

TEST(UnequalPlanner, NothingMoreFits) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem({.most_workers = 14, .equal_volumes = false}, rng);
    const Plan plan = plan_unequal(problem);
    const Duration time = completion_time(problem, plan);
    EXPECT_LE(time, completion_time(problem, plan_by_paper(problem)));
    for (std::size_t i = 0; i < problem.size(); ++i) {
      for (std::size_t j = 0; j < problem.size(); ++j) {
        if (i == j || plan.has(pair(i, j))) continue;
        Plan larger = plan;
        auto& row = larger.selections[i];
        row.insert(std::ranges::upper_bound(row, worker(j), {}, &Selection::receiver),
                   {worker(j), Reason::spare});
        ASSERT_GT(completion_time(problem, larger), time) << i << " -> " << j;
      }
    }
  }
}

TEST(UnequalPlanner, NearlyEqualVolumesCostNoMoreThanTheirDifference) {
  // Volumes within 1 % of one another: the exact plan of the largest is at most 1.01 times as slow as that of the
  // smallest, and no plan is faster than that one.
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Problem problem = random_problem({.most_workers = 25}, rng);
    Problem least = problem;
    for (std::size_t i = 0; i < problem.size(); ++i) {
      least.workers[i].volume = Bytes(1'000'000);
      problem.workers[i].volume = Bytes(1'000'000 + static_cast<std::int64_t>(rng.below(10'001)));
    }
    const auto exact = std::get<Planned>(plan_exactly(least)).plan;
    EXPECT_LE(completion_time(problem, plan_unequal(problem)), completion_time(least, exact) * 1.01000001);
  }
}

TEST(UnequalPlanner, IsEmptyIfNobodyNeedsAReceiver) {
  const Problem problem = make_problem(MulticastKind::network, {{1, 1, 0, 1}, {1, 1, 0, 2}});
  EXPECT_EQ(plan_unequal(problem).receiver_count(), 0U);
}

}  // namespace
}  // namespace selmcast::plan
