#include "selmcast/plan/paper_planner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::random_problem;
using testing::reason;
using testing::receivers;
using testing::worker;
using List = std::vector<std::size_t>;

TEST(PaperPlanner, TakesTheLightestReceivers) {
  // Only w0 sends: 6 bytes to 2 of the others, which would need 6/1, 6/3, 6/2, 6/6 s. Lightest: w4 and w2.
  // t = max(uplink 12/12, 6/3, 6/6) = 2 s. In 2 s w1 takes 2 bytes, w3 takes 4: none fits any more.
  const Problem problem = make_problem(
      MulticastKind::unicast, {{12, 1, 2, 6}, {1, 1, 0, 6}, {1, 3, 0, 6}, {1, 2, 0, 6}, {1, 6, 0, 6}});
  const Plan plan = plan_by_paper(problem);
  EXPECT_EQ(receivers(plan, 0), (List{2, 4}));
  EXPECT_EQ(reason(plan, 0, 4), Reason::basic);
  EXPECT_EQ(completion_time(problem, plan), Duration::seconds(2));
}

TEST(PaperPlanner, CountsWhatReceiversAlreadyHave) {
  // Required w0 -> w3 puts 4 bytes on w3. w0 goes first but has its receiver. Then w1 compares (4 + 0)/2 = 2
  // s for w0 and w2 with (4 + 4)/3 = 2.67 s for w3: takes w0, the smaller index. Then w2: w0 (4 + 4)/2 = 4,
  // w1 4/1 = 4, w3 8/3: takes w3. t = max(8/3, 4/2, uplinks 4/4) = 2.67 s.
  Problem problem =
      make_problem(MulticastKind::unicast, {{4, 2, 1, 4}, {4, 1, 1, 4}, {4, 2, 1, 4}, {4, 3, 0, 4}});
  problem.required = {pair(0, 3)};
  const Plan plan = plan_by_paper(problem);
  EXPECT_EQ(reason(plan, 0, 3), Reason::required);
  EXPECT_EQ(reason(plan, 1, 0), Reason::basic);
  EXPECT_EQ(reason(plan, 2, 3), Reason::basic);
  EXPECT_EQ(completion_time(problem, plan), Bytes(8) / Rate::bits_per_second(24));
  // In 8/3 s an uplink carries 10 bytes (2 deliveries), a downlink of 2 carries 5, of 1 carries 2, of 3
  // carries 8: left is w2's 5 bytes for one delivery, which the pair (w0, w2) gets.
  EXPECT_EQ(receivers(plan, 0), (List{2, 3}));
  EXPECT_EQ(reason(plan, 0, 2), Reason::spare);
  EXPECT_EQ(plan.receiver_count(), 4U);
}

TEST(PaperPlanner, SendersWithMoreSelectedReceiversGoFirst) {
  // w1 has a required receiver (w2), so it picks its second one before w0: w3 at 1/1.5 s, before w0 at 1/0.5
  // s. Then w0 finds w1 at 1/1, w2 at 2/1 and w3 at 2/1.5 s, and takes w1.
  Problem problem =
      make_problem(MulticastKind::unicast, {{9, 0.5, 1, 1}, {9, 1, 2, 1}, {9, 1, 0, 1}, {9, 1.5, 0, 1}});
  problem.required = {pair(1, 2)};
  const Plan plan = plan_by_paper(problem);
  EXPECT_EQ(reason(plan, 1, 3), Reason::basic);
  EXPECT_EQ(reason(plan, 0, 1), Reason::basic);
  // Without the required pair the smaller index goes first: w0 takes w3.
  problem.required.clear();
  problem.workers[1].min_receivers = 1;
  EXPECT_EQ(reason(plan_by_paper(problem), 0, 3), Reason::basic);
}

TEST(PaperPlanner, OldPairsGetSpareBandwidthFirst) {
  // w0 must reach one: 1 byte, all downlinks 1: takes w1, t = 1 s. Spare: one byte on every other downlink.
  // Uplinks carry w0 2, w1 1, w2 1 byte in 1 s. Without ages the pairs (w0, w2) and (w1, w0) come first by
  // index.
  Problem problem = make_problem(MulticastKind::unicast, {{2, 1, 1, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}});
  EXPECT_EQ(receivers(plan_by_paper(problem), 0), (List{1, 2}));
  EXPECT_EQ(receivers(plan_by_paper(problem), 1), (List{0}));
  // With age 2 for (w1, w2) and 1 for (w2, w0) these two take the room.
  problem.ages = {{pair(2, 0), 1}, {pair(1, 2), 2}};
  const Plan plan = plan_by_paper(problem);
  EXPECT_EQ(receivers(plan, 0), (List{1}));
  EXPECT_EQ(receivers(plan, 1), (List{2}));
  EXPECT_EQ(receivers(plan, 2), (List{0}));
  EXPECT_EQ(reason(plan, 1, 2), Reason::spare);
  // w1's uplink carries one delivery in 1 s: the older of its pairs gets it, not the one with the smaller
  // index.
  problem.ages = {{pair(1, 0), 2}, {pair(1, 2), 3}};
  EXPECT_EQ(receivers(plan_by_paper(problem), 1), (List{2}));
}

TEST(PaperPlanner, NetworkMulticastReachesAllWhoHaveTheDownlink) {
  // w0 sends 4 bytes once (4/4 = 1 s). Lightest is w3 (4/8), so t = 1 s: w1 (4/4) still fits, w2 (4/2 = 2 s)
  // does not. w1's uplink would need 4/2 = 2 s for any receiver: it stays silent. w2 and w3 (uplink 4) may
  // send: w0's downlink carries 4 bytes in 1 s, so w2 gets it; w3's carries 8: one more from w2. w3 finds w0,
  // w1 full and w2 too slow.
  const Problem problem =
      make_problem(MulticastKind::network, {{4, 4, 1, 4}, {2, 4, 0, 4}, {4, 2, 0, 4}, {4, 8, 0, 4}});
  const Plan plan = plan_by_paper(problem);
  EXPECT_EQ(receivers(plan, 0), (List{1, 3}));
  EXPECT_EQ(receivers(plan, 1), (List{}));
  EXPECT_EQ(receivers(plan, 2), (List{0, 3}));
  EXPECT_EQ(receivers(plan, 3), (List{}));
  EXPECT_EQ(completion_time(problem, plan), Duration::seconds(1));
}

TEST(PaperPlanner, IsEmptyIfNobodyNeedsAReceiver) {
  const Problem problem = make_problem(MulticastKind::unicast, {{1, 1, 0, 1}, {1, 1, 0, 1}});
  EXPECT_EQ(plan_by_paper(problem).receiver_count(), 0U);
  EXPECT_EQ(plan_by_paper(make_problem(MulticastKind::network, {{1, 1, 0, 1}})).receiver_count(), 0U);
}

TEST(PaperPlanner, IsNeverFasterThanTheOptimum) {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem =
        random_problem({.equal_volumes = seed % 2 == 0, .small_whole_rates = seed % 3 == 0}, rng);
    const testing::Optimum optimum = testing::brute_force(problem);
    const Plan plan = plan_by_paper(problem);
    const Duration time = completion_time(problem, plan);
    EXPECT_EQ(check_plan(problem, plan, time), std::vector<std::string>{});
    EXPECT_GE(time, optimum.time);
    if (time == optimum.time) {
      EXPECT_LE(plan.receiver_count(), optimum.receiver_count);
    }
  }
}

// Only the pairs selected before the Pareto improvement.
Plan without_spare(Plan plan) {
  for (auto& row : plan.selections)
    std::erase_if(row, [](const Selection& s) { return s.reason == Reason::spare; });
  return plan;
}

TEST(PaperPlanner, SpareReceiversNeverDelayAndNothingMoreFits) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem(
        {.most_workers = 20, .equal_volumes = seed % 2 == 0, .small_whole_rates = seed % 3 == 0}, rng);
    const Plan plan = plan_by_paper(problem);
    const Duration time = completion_time(problem, plan);
    EXPECT_EQ(completion_time(problem, without_spare(plan)), time);
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

}  // namespace
}  // namespace selmcast::plan
