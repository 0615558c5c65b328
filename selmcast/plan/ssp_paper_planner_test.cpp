#include "selmcast/plan/ssp_paper_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/ssp_checker.h"
#include "selmcast/plan/ssp_testing.h"

namespace selmcast::plan {
namespace {

using testing::dropped;
using ::testing::IsEmpty;
using testing::make_problem;
using testing::pair;
using testing::random_ssp_problem;
using testing::reason;
using testing::receivers;
using testing::running;
using testing::worker;
using List = std::vector<std::size_t>;

SspPlan plan_by_paper(const SspProblem& problem) {
  const SspTaskTable table(problem);
  SspPaperPlanner planner;
  return table.to_plan(planner.plan(table.tasks()));
}

// Everybody sends 10 bytes at 10 byte/s and takes 10 byte/s, needs nobody; w0 is ready.
SspProblem uniform(std::size_t n, MulticastKind kind = MulticastKind::unicast) {
  SspProblem problem;
  problem.base = make_problem(kind, std::vector<testing::TestWorker>(n, {10, 10, 0, 10}));
  problem.ready = worker(0);
  return problem;
}

// Section III-C, keep rule: "remaining less than eta of the volume".
TEST(SspPaperPlanner, KeepsTransfersWithLessThanTheKeepFractionLeft) {
  // eta = 0.5 of 10 bytes: 4 is kept, 5 is not less. w1 waits for nobody and has t = 4/10 s, in which no 5 bytes
  // more fit: 9/10 on its uplink.
  SspProblem problem = uniform(4);
  problem.keep_fraction = 0.5;
  problem.active = {running(1, 0, {{2, 4}, {3, 5}})};
  const SspPlan plan = plan_by_paper(problem);
  EXPECT_EQ(reason(plan, 1, 2), Reason::kept);
  EXPECT_EQ(dropped(plan, 1), List{3});
}

TEST(SspPaperPlanner, NeverDropsARequiredPair) {
  SspProblem problem = uniform(4);
  problem.keep_fraction = 0;
  problem.active = {running(1, 0, {{2, 10}, {3, 10}})};
  problem.base.required = {pair(1, 3)};
  const SspPlan plan = plan_by_paper(problem);
  // t_1 = 10/10 s. w2 would need the uplink of w1 for 20/10 s.
  EXPECT_EQ(reason(plan, 1, 3), Reason::required);
  EXPECT_EQ(dropped(plan, 1), List{2});
}

TEST(SspPaperPlanner, DropsARunningMulticastAltogetherIfItHasDeliveredEnough) {
  SspProblem problem = uniform(4);
  problem.base.workers[1].min_receivers = 1;
  problem.keep_fraction = 0;
  problem.active = {running(1, 0, {{2, 10}}, {3})};
  const SspPlan plan = plan_by_paper(problem);
  EXPECT_EQ(dropped(plan, 1), List{2});
}

TEST(SspPaperPlanner, TakesTheLightestByWhatRemains) {
  // w0 needs one of w2 and w3. w1 keeps 6 bytes to w2 and 1 to w3 (eta 0.75: less than 7.5). So w2 has (6 + 10)/10
  // s, w3 has (1 + 10)/10: w3, although both have one transfer, and although w2 has the smaller index.
  SspProblem problem = uniform(4);
  problem.base.workers[0].min_receivers = 1;
  problem.base.workers[1].downlink = Rate::bits_per_second(8);  // w1: 10/1 s, the heaviest
  problem.active = {running(1, 0, {{2, 6}, {3, 1}})};
  const SspPlan plan = plan_by_paper(problem);
  EXPECT_EQ(receivers(plan, 0), List{3});
  EXPECT_EQ(reason(plan, 0, 3), Reason::basic);
}

// Section III-C says non-increasing tau, the listing non-decreasing: the listing holds.
TEST(SspPaperPlanner, LetsThoseWhoNeedNotWaitPickFirst) {
  // Both running multicasts need one of w3 (20 byte/s) and w4 (10 byte/s), 10 bytes each, nothing is kept. The first to
  // pick finds w3 0.5 s and w4 1 s and takes w3; the second finds w3 20/20 = 1 s and w4 1 s: a tie, w3 again. So
  // let w3 have 15 byte/s: the first 10/15 s, the second 20/15 against 1 s: w4.
  SspProblem problem = uniform(5);
  problem.keep_fraction = 0;
  problem.base.workers[3].downlink = Rate::bits_per_second(8 * 15);
  problem.base.workers[1].min_receivers = problem.base.workers[2].min_receivers = 1;
  problem.active = {running(1, 0.3, {{3, 10}, {4, 10}}), running(2, 0.2, {{3, 10}, {4, 10}})};
  EXPECT_EQ(receivers(plan_by_paper(problem), 2), List{3});
  EXPECT_EQ(receivers(plan_by_paper(problem), 1), List{4});
  // Equal waits: the smaller index.
  problem.active[0].wait = problem.active[1].wait;
  EXPECT_EQ(receivers(plan_by_paper(problem), 1), List{3});
  EXPECT_EQ(receivers(plan_by_paper(problem), 2), List{4});
}

// Line 32 against line 25 of the listing: the deadline counts the new selection, not what is about to be dropped.
TEST(SspPaperPlanner, SetsDeadlinesByTheNewSelection) {
  // w1 must go on to w3 (required, 10 bytes at w3's 10 byte/s, 1 s). w2's 10 bytes to w3 are dropped: nothing keeps
  // them. By the selection before w3 would carry 10 + 10 + 10 (w0 starts with everybody) bytes, t_1 = 3 s, and
  // w1 could go on to w4 as well (uplink 20/10 = 2 s). By the new one t_1 = 1 s: w4 is dropped.
  SspProblem problem = uniform(5);
  problem.keep_fraction = 0;
  problem.active = {running(1, 0, {{3, 10}, {4, 10}}), running(2, 0, {{3, 10}})};
  problem.base.required = {pair(1, 3)};
  const SspPlan plan = plan_by_paper(problem);
  EXPECT_EQ(receivers(plan, 1), List{3});
  EXPECT_EQ(dropped(plan, 1), List{4});
  EXPECT_EQ(dropped(plan, 2), List{3});
}

TEST(SspPaperPlanner, FillsTheTimeThatASenderHasToWaitAnyway) {
  // w0 needs nobody but must wait 2 s: its uplink carries 20 bytes until then, that is two receivers. Ages: w3 3, w2
  // 1, others 0: w3 and w2.
  SspProblem problem = uniform(5);
  problem.ready_wait = Duration::seconds(2);
  problem.base.ages = {{pair(0, 2), 1}, {pair(0, 3), 3}};
  EXPECT_EQ(receivers(plan_by_paper(problem), 0), (List{2, 3}));
  EXPECT_EQ(reason(plan_by_paper(problem), 0, 3), Reason::spare);
  // As network multicast it loads the uplink once: everybody, whose downlinks take 1 s.
  problem.base.multicast = MulticastKind::network;
  EXPECT_EQ(receivers(plan_by_paper(problem), 0), (List{1, 2, 3, 4}));
  // 0.99 s do not do for 10 bytes.
  problem.ready_wait = Duration::seconds(0.99);
  EXPECT_EQ(receivers(plan_by_paper(problem), 0), List{});
}

TEST(SspPaperPlanner, LooksOnlyAtTheAddersOwnDeadline) {
  // Section III-C, step "Pareto": w1 keeps w3 with 5 bytes, alone until 0.5 s. w0 may use 2 s, adds w3 (5 + 10 bytes,
  // 1.5 s) and so delays w1. Kept so: the paper has it so.
  SspProblem problem = uniform(4);
  problem.ready_wait = Duration::seconds(2);
  problem.active = {running(1, 0, {{3, 5}})};
  problem.base.ages = {{pair(0, 3), 1}};
  EXPECT_EQ(reason(plan_by_paper(problem), 0, 3), Reason::spare);
  EXPECT_EQ(reason(plan_by_paper(problem), 1, 3), Reason::kept);
}

TEST(SspPaperPlanner, CountsANetworkMulticastsLargestRemainderOnItsUplink) {
  // w1 keeps w2 (2 bytes) and has t_1 = 0.8 s by its wait. Its other receivers have 8 and 9 left: 0.8 s and 0.9 s on
  // its uplink. eta 0.5 keeps neither.
  SspProblem problem = uniform(5, MulticastKind::network);
  problem.keep_fraction = 0.5;
  problem.active = {running(1, 0.8, {{2, 2}, {3, 8}, {4, 9}})};
  const SspPlan plan = plan_by_paper(problem);
  EXPECT_EQ(reason(plan, 1, 3), Reason::spare);
  EXPECT_EQ(dropped(plan, 1), List{4});
}

TEST(SspPaperPlanner, TakesOlderPairsFirstHoweverOldTheyAre) {
  // Ages beyond one and two bytes, so that the sort needs all its passes. w0's wait gives room for one receiver.
  for (const std::uint32_t oldest : {2U, 300U, 70'000U, 20'000'000U, 4'294'967'295U}) {
    SspProblem problem = uniform(5);
    problem.ready_wait = Duration::seconds(1);
    problem.base.ages = {{pair(0, 1), oldest - 1}, {pair(0, 3), oldest}, {pair(0, 4), oldest - 1}};
    EXPECT_EQ(receivers(plan_by_paper(problem), 0), List{3}) << oldest;
  }
}

TEST(SspPaperPlanner, GoesOnWithAllThatIsLeftIfThatIsTooFew) {
  SspProblem problem = uniform(5);
  problem.keep_fraction = 0;
  problem.base.workers[1].min_receivers = 3;
  problem.active = {running(1, 0, {{2, 10}, {4, 10}})};
  EXPECT_EQ(receivers(plan_by_paper(problem), 1), (List{2, 4}));
}

TEST(SspPaperPlanner, NeverUsesALinkThatIsDown) {
  SspProblem problem = uniform(4);
  problem.ready_wait = Duration::seconds(9);
  problem.base.workers[2].downlink = Rate();
  problem.active = {running(1, 9, {{2, 1}, {3, 1}})};
  EXPECT_EQ(receivers(plan_by_paper(problem), 0), (List{1, 3}));
  EXPECT_EQ(dropped(plan_by_paper(problem), 1), List{2});
  problem.base.workers[1].uplink = Rate();
  EXPECT_EQ(dropped(plan_by_paper(problem), 1), (List{2, 3}));
}

TEST(SspPaperPlanner, RemembersNothingFromOneCallToTheNext) {
  SspPaperPlanner kept;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    const SspProblem problem =
        random_ssp_problem({.most_workers = 12, .small_whole_rates = seed % 2 == 0}, rng);
    const SspTaskTable table(problem);
    const SspPlan plan = table.to_plan(kept.plan(table.tasks()));
    EXPECT_EQ(plan, plan_by_paper(problem)) << "seed " << seed;
    EXPECT_THAT(check_plan(problem, plan, completion_time(problem, plan)), IsEmpty()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace selmcast::plan
