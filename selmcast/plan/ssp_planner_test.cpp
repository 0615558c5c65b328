#include "selmcast/plan/ssp_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/ssp_checker.h"
#include "selmcast/plan/ssp_lower_bound.h"
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

SspPlan plan_with(std::string_view name, const SspProblem& problem, std::uint64_t seed = 1) {
  Rng rng(seed);
  return std::get<SspPlanned>(find_ssp_planner(name)->plan(problem, rng)).plan;
}

// w0 is ready and needs two receivers, w3 is required; w1 still sends to w2 and w3.
SspProblem problem() {
  SspProblem result;
  result.base =
      make_problem(MulticastKind::unicast, {{2, 1, 2, 10}, {1, 1, 0, 10}, {1, 2, 0, 10}, {1, 4, 0, 10}});
  result.ready = worker(0);
  result.active = {running(1, 0, {{3, 10}, {2, 6}})};
  result.base.required = {pair(0, 3)};
  return result;
}

TEST(SspPlanners, AreFoundByName) {
  EXPECT_EQ(find_ssp_planner("auto"), find_ssp_planner("paper"));
  EXPECT_EQ(find_ssp_planner("exact"), nullptr);
  for (const SspPlanner& planner : ssp_planners()) EXPECT_EQ(find_ssp_planner(planner.name), &planner);
}

TEST(SspPlanners, OnlyThePaperCutsOff) {
  for (const auto* name : {"random", "broadcast"}) {
    const SspPlan plan = plan_with(name, problem());
    EXPECT_EQ(receivers(plan, 1), (List{2, 3})) << name;
    EXPECT_EQ(reason(plan, 1, 2), Reason::kept) << name;
    EXPECT_THAT(dropped(plan, 1), IsEmpty()) << name;
  }
  EXPECT_EQ(receivers(plan_with("broadcast", problem()), 0), (List{1, 2, 3}));
}

TEST(SspPlanners, RandomDrawsWhatIsMissing) {
  // w3 is required, so one of w1 and w2 is drawn: in 40 seeds each comes up about 20 times.
  int first = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const SspPlan plan = plan_with("random", problem(), seed);
    ASSERT_EQ(receivers(plan, 0).size(), 2U) << "seed " << seed;
    EXPECT_EQ(reason(plan, 0, 3), Reason::required) << "seed " << seed;
    if (reason(plan, 0, 1) == Reason::random) ++first;
  }
  EXPECT_GT(first, 5);
  EXPECT_LT(first, 35);
}

TEST(SspPlanners, KeepTheirPromisesOnRandomProblems) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng(seed);
    SspProblem random = random_ssp_problem({.most_workers = 12, .small_whole_rates = seed % 2 == 0}, rng);
    for (const SspPlanner& planner : ssp_planners()) {
      const SspPlan plan = plan_with(planner.name, random, seed);
      const Duration completion = completion_time(random, plan);
      EXPECT_THAT(check_plan(random, plan, completion), IsEmpty()) << planner.name << ", seed " << seed;
      EXPECT_LE(lower_bound(random).time, completion) << planner.name << ", seed " << seed;
    }
  }
}

TEST(SspLowerBound, NamesWhatNoPlanCanAvoid) {
  // w0 sends 10 bytes to w3 and at least one more: 20 bytes at 2 byte/s, 10 s. w1 needs nobody. w3 gets 10 at 4.
  // All downlinks: 20 bytes at 1 + 1 + 2 + 4 byte/s.
  LowerBound bound = lower_bound(problem());
  EXPECT_EQ(bound.time, Duration::seconds(10));
  EXPECT_EQ(bound.kind, BoundKind::uplink);
  EXPECT_EQ(bound.worker, worker(0));
  // A network multicast's uplink carries 10 bytes, 5 s. w1 -> w2 required: 6 bytes at w1's 1 byte/s, 6 s.
  SspProblem network = problem();
  network.base.multicast = MulticastKind::network;
  EXPECT_EQ(lower_bound(network).time, Duration::seconds(5));
  network.base.required.push_back(pair(1, 2));
  EXPECT_EQ(lower_bound(network).time, Duration::seconds(6));
  EXPECT_EQ(lower_bound(network).worker, worker(1));
  // And with w2's downlink at 0.5 byte/s: 12 s there.
  network.base.workers[2].downlink = Rate::bits_per_second(4);
  bound = lower_bound(network);
  EXPECT_EQ(bound.time, Duration::seconds(12));
  EXPECT_EQ(bound.kind, BoundKind::downlink);
}

TEST(SspLowerBound, CountsDeliveredReceiversAndAllDownlinks) {
  // w1 needs two of its three, of which one is delivered: the lightest left has 6 bytes.
  SspProblem needy;
  needy.base =
      make_problem(MulticastKind::network, {{100, 1, 3, 10}, {1, 1, 2, 10}, {1, 1, 0, 10}, {1, 1, 0, 10}});
  needy.ready = worker(0);
  needy.active = {running(1, 0, {{3, 10}, {2, 6}}, {0})};
  // 3 x 10 + 6 = 36 bytes at 4 byte/s: 9 s, less a trace for safety. No single link needs more than 6 s.
  const LowerBound bound = lower_bound(needy);
  EXPECT_EQ(bound.kind, BoundKind::all_downlinks);
  EXPECT_NEAR(bound.time.in_seconds(), 9, 1e-10);
  EXPECT_LT(bound.time, Duration::seconds(9));
}

TEST(SspLowerBound, IsNothingIfNobodyNeedsAnything) {
  SspProblem idle = problem();
  idle.base.required.clear();
  idle.base.workers[0].min_receivers = 0;
  EXPECT_EQ(lower_bound(idle).kind, BoundKind::nothing);
  EXPECT_EQ(lower_bound(idle).time, Duration());
}

}  // namespace
}  // namespace selmcast::plan
