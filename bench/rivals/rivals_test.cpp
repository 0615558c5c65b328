// The rivals against brute force and against one another: what we measure ourselves against must itself be right.
#include <gtest/gtest.h>

#include "bench/rivals/dinic_planner.h"
#include "bench/rivals/literal_paper_planner.h"
#include "selmcast/mip/cbc_model.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::bench {
namespace {

using plan::MulticastKind;
using plan::Plan;
using plan::Problem;
using plan::testing::make_problem;
using plan::testing::random_problem;
using Violations = std::vector<std::string>;

TEST(DinicPlanner, ServesAllAtTheLeastTimeThenAsManyAsFit) {
  // Unicast, 1 byte each. w0 and w1 need 2 receivers of downlinks 1, 1, 2: 4 deliveries, of which w2 takes 2 in
  // 1 s, w0 and w1 one each. t = 1 s and every downlink is full: 4 receivers.
  const Problem problem = make_problem(MulticastKind::unicast, {{2, 1, 2, 1}, {2, 1, 2, 1}, {2, 2, 0, 1}});
  const Plan plan = plan_by_dinic(problem);
  EXPECT_EQ(plan::completion_time(problem, plan), Duration::seconds(1));
  EXPECT_EQ(plan.receiver_count(), 4U);
}

TEST(DinicPlanner, FindsTheOptimumOfBruteForce) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem({.small_whole_rates = seed % 2 == 0}, rng);
    const auto optimum = plan::testing::brute_force(problem);
    const Plan plan = plan_by_dinic(problem);
    EXPECT_EQ(plan::check_plan(problem, plan, optimum.time), Violations{});
    EXPECT_EQ(plan::completion_time(problem, plan), optimum.time);
    EXPECT_EQ(plan.receiver_count(), optimum.receiver_count);
    EXPECT_TRUE(has_plan_by_dinic(problem));
  }
}

TEST(DinicPlanner, AgreesWithCbc) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem({.most_workers = 9, .small_whole_rates = seed % 2 == 0}, rng);
    const Plan plan = plan_by_dinic(problem);
    const Duration time = plan::completion_time(problem, plan);
    EXPECT_EQ(plan::check_plan(problem, plan, time), Violations{});
    const mip::CbcResult cbc = mip::solve_with_cbc(problem, {});
    ASSERT_EQ(cbc.time_status, mip::StageStatus::optimal);
    ASSERT_EQ(cbc.count_status, mip::StageStatus::optimal);
    EXPECT_EQ(plan::completion_time(problem, *cbc.plan), time);
    EXPECT_EQ(cbc.plan->receiver_count(), plan.receiver_count());
  }
}

TEST(DinicPlanner, KnowsThatThereIsNoPlan) {
  // w0 needs two receivers; the second's downlink, or its own uplink, is down.
  for (const auto kind : {MulticastKind::network, MulticastKind::unicast}) {
    EXPECT_FALSE(has_plan_by_dinic(make_problem(kind, {{1, 1, 2, 1}, {1, 1, 0, 1}, {1, 0, 0, 1}})));
    EXPECT_FALSE(has_plan_by_dinic(make_problem(kind, {{0, 1, 2, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}})));
    EXPECT_TRUE(has_plan_by_dinic(make_problem(kind, {{1, 0, 2, 1}, {0, 1, 0, 1}, {0, 1, 0, 1}})));
  }
  // All links are down, but nobody needs anything.
  EXPECT_TRUE(has_plan_by_dinic(make_problem(MulticastKind::unicast, {{0, 0, 0, 1}, {0, 0, 0, 1}})));
}

TEST(LiteralPaperPlanner, GivesThePlanOfThePlannerPaper) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem(
        {.most_workers = 20, .equal_volumes = seed % 2 == 0, .small_whole_rates = seed % 3 == 0}, rng);
    EXPECT_EQ(plan_by_literal_paper(problem), plan::plan_by_paper(problem));
  }
}

TEST(LiteralPaperPlanner, IsNeverBetterThanDinic) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem({.most_workers = 12, .small_whole_rates = seed % 2 == 0}, rng);
    const Plan literal = plan_by_literal_paper(problem), best = plan_by_dinic(problem);
    const Duration time = plan::completion_time(problem, literal),
                   least = plan::completion_time(problem, best);
    EXPECT_GE(time, least);
    if (time == least) {
      EXPECT_LE(literal.receiver_count(), best.receiver_count());
    }
  }
}

}  // namespace
}  // namespace selmcast::bench
