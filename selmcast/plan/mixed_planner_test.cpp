#include "selmcast/plan/mixed_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"
#include "selmcast/plan/reach.h"
#include "selmcast/plan/unequal_planner.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::receivers;

Planned checked(const Problem& problem) {
  const Outcome outcome = plan_exactly(problem);
  const Planned& planned = std::get<Planned>(outcome);
  EXPECT_THAT(check_plan(problem, planned.plan, completion_time(problem, planned.plan)),
              ::testing::IsEmpty());
  return planned;
}

// Two racks, {w0, w1} and {w2, w3}: multicast stays within each.
Problem two_racks(const std::vector<testing::TestWorker>& workers) {
  Problem problem = make_problem(MulticastKind::network, workers);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      if (i / 2 != j / 2) problem.unreached.push_back(pair(i, j));
    }
  }
  return problem;
}

TEST(MixedPlanner, AnUplinkCarriesACopyForThoseWhoHearItAndOneForEachOther) {
  // w0 to all of 6 bytes: one copy for w1, one each for w2 and w3: 18 bytes at 6 take 3 s. Downlinks: 6 bytes at 6.
  const Problem problem = two_racks({{6, 6, 3, 6}, {6, 6, 0, 6}, {6, 6, 0, 6}, {6, 6, 0, 6}});
  const Planned planned = checked(problem);
  EXPECT_EQ(completion_time(problem, planned.plan), Duration::seconds(3));
  EXPECT_EQ(link_loads(problem, planned.plan).uplink[0], Bytes(18));
  EXPECT_EQ(lower_bound(problem).time, Duration::seconds(3));
  EXPECT_EQ(planned.status, Status::optimal);
  // Within 3 s each other one sends as much: all 12 pairs.
  EXPECT_EQ(planned.plan.receiver_count(), 12U);
}

TEST(MixedPlanner, PrefersThoseWhoShareACopy) {
  // Needs one receiver each; 6 bytes at 6 on all links: in 1 s one copy each. Whoever sends to its own rack serves
  // it with one copy, and every downlink takes one: w0 <-> w1, w2 <-> w3.
  const Problem problem = two_racks({{6, 6, 1, 6}, {6, 6, 1, 6}, {6, 6, 1, 6}, {6, 6, 1, 6}});
  const Planned planned = checked(problem);
  EXPECT_EQ(completion_time(problem, planned.plan), Duration::seconds(1));
  EXPECT_EQ(planned.plan.receiver_count(), 4U);
}

TEST(MixedPlanner, GivesUpTheSharedCopyWhereThoseWhoHearAreBusy) {
  // In 1 s w0 has two copies, w1's downlink takes one delivery and it is required of w2 (3 -> 1 would be unreached,
  // too). So w0 serves w2 and w3, each with a copy of its own, and no shared one.
  Problem problem = two_racks({{12, 6, 2, 6}, {6, 6, 0, 6}, {6, 6, 1, 6}, {6, 6, 0, 6}});
  problem.required = {pair(2, 1)};
  const Planned planned = checked(problem);
  EXPECT_EQ(completion_time(problem, planned.plan), Duration::seconds(1));
  EXPECT_EQ(receivers(planned.plan, 0), (std::vector<std::size_t>{2, 3}));
}

TEST(MixedPlanner, IsAsGoodAsTryingEverything) {
  int torn = 0, later_than_network = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem =
        testing::random_problem({.small_whole_rates = seed % 4 != 0, .unreached_of = 1 + seed % 3}, rng);
    if (!is_mixed(problem)) continue;
    const Planned planned = checked(problem);
    const testing::Optimum best = testing::brute_force(problem);
    ASSERT_EQ(completion_time(problem, planned.plan), best.time);
    ASSERT_EQ(planned.plan.receiver_count(), best.receiver_count);
    ASSERT_EQ(planned.status, Status::optimal);
    ASSERT_LE(lower_bound(problem).time, best.time);
    ASSERT_GE(completion_time(problem, plan_by_paper(problem)), best.time);
    Problem reached = problem;
    reached.unreached.clear();
    later_than_network += completion_time(reached, checked(reached).plan) < best.time ? 1 : 0;
    const Reach reach(problem);
    for (std::size_t i = 0; i < problem.size(); ++i) {
      const auto& row = planned.plan.selections[i];
      torn += reach.copies(i, row) == std::ssize(row) && row.size() > 1 ? 1 : 0;
    }
  }
  EXPECT_GT(torn, 20);  // senders that forgo the shared copy
  EXPECT_GT(later_than_network, 20);
}

TEST(MixedPlanner, OfLargeRandomProblemsIsNoWorseThanTheOthersAndSaysWhatIsProven) {
  int proven = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem =
        testing::random_problem({.most_workers = 40, .small_whole_rates = true, .unreached_of = 2}, rng);
    if (!is_mixed(problem)) continue;
    const Planned planned = checked(problem);
    const Duration time = completion_time(problem, planned.plan);
    EXPECT_LE(lower_bound(problem).time, time);
    for (const Plan& other : {plan_by_paper(problem), plan_unequal(problem)}) {
      EXPECT_THAT(check_plan(problem, other, completion_time(problem, other)), ::testing::IsEmpty());
      EXPECT_LE(time, completion_time(problem, other));
    }
    proven += planned.status == Status::optimal ? 1 : 0;
  }
  EXPECT_GE(proven, 50);
}

TEST(MixedPlanner, WithUnequalVolumesSearchIsNoSlowerThanAlgorithm1) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem =
        testing::random_problem({.most_workers = 12, .equal_volumes = false, .unreached_of = 2}, rng);
    const Plan plan = plan_unequal(problem);
    EXPECT_THAT(check_plan(problem, plan, completion_time(problem, plan)), ::testing::IsEmpty());
    EXPECT_LE(completion_time(problem, plan), completion_time(problem, plan_by_paper(problem)));
    EXPECT_GE(completion_time(problem, plan), lower_bound(problem).time);
  }
}

TEST(MixedPlanner, IsDeterministic) {
  Rng rng(7);
  const Problem problem = testing::random_problem({.most_workers = 30, .unreached_of = 2}, rng);
  EXPECT_EQ(checked(problem).plan, checked(problem).plan);
}

}  // namespace
}  // namespace selmcast::plan
