#include "selmcast/sync/outages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/planner.h"
#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

using plan::Pair;
using plan::Selection;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr WorkerIndex i(std::uint32_t id) { return WorkerIndex(id); }
constexpr WorkerPair kPair{WorkerId(0), WorkerId(3)};

TEST(Outages, OneFailureIsNoOutageAndTwoInARowAre) {
  Outages outages;
  outages.failed(kPair, at(10));
  EXPECT_FALSE(outages.rests(kPair, at(10)));
  outages.delivered(kPair);
  outages.failed(kPair, at(11));
  EXPECT_FALSE(outages.rests(kPair, at(11)));
  outages.failed(kPair, at(12));
  EXPECT_TRUE(outages.rests(kPair, at(12)));
  EXPECT_FALSE(outages.rests({kPair.receiver, kPair.sender}, at(12)));  // the other direction
  EXPECT_TRUE(outages.rests(kPair, at(13.9)));
  EXPECT_FALSE(outages.rests(kPair, at(14)));  // 12 + 2: it is tried again
}

TEST(Outages, WhatOneBreakEndsIsOneFailure) {
  Outages outages;
  for (const double now : {10.0, 10.01, 10.09}) outages.failed(kPair, at(now));
  EXPECT_FALSE(outages.rests(kPair, at(10.09)));
  outages.failed(kPair, at(10.11));
  EXPECT_TRUE(outages.rests(kPair, at(10.11)));
}

// 2, 4, 8, 16, 32, 32 s from the second failure on.
TEST(Outages, ARestIsTwiceAsLongAsTheLastAndHasAnEnd) {
  Outages outages;
  double now = 0;
  outages.failed(kPair, at(now));
  for (const double rest : {2, 4, 8, 16, 32, 32}) {
    now += 100;
    outages.failed(kPair, at(now));
    const auto resting = outages.resting(at(now));
    ASSERT_EQ(resting.size(), 1u);
    EXPECT_EQ(resting[0].until, at(now + rest));
  }
  outages.delivered(kPair);
  EXPECT_THAT(outages.resting(at(now)), IsEmpty());
}

TEST(Outages, WhoLeavesIsForgotten) {
  Outages outages;
  for (const double now : {0, 1}) {
    outages.failed(kPair, at(now));
    outages.failed({WorkerId(3), WorkerId(1)}, at(now));
    outages.failed({WorkerId(1), WorkerId(2)}, at(now));
  }
  outages.leave(WorkerId(3));
  ASSERT_EQ(outages.resting(at(1)).size(), 1u);
  EXPECT_EQ(outages.resting(at(1))[0].pair, (WorkerPair{WorkerId(1), WorkerId(2)}));
}

// Downlinks of 10, 20, 30, 40 Mbit/s; each sends 1 MB = 8 Mbit.
plan::Problem problem_of(plan::MulticastKind kind, int min_receivers) {
  plan::Problem problem;
  problem.multicast = kind;
  for (int k = 0; k < 4; ++k) {
    problem.workers.push_back({"w" + std::to_string(k), Rate::megabits_per_second(100),
                               Rate::megabits_per_second(10 * (k + 1)), min_receivers, Bytes(1'000'000)});
  }
  return problem;
}

std::vector<WorkerIndex> receivers(const plan::Plan& planned, std::uint32_t sender) {
  std::vector<WorkerIndex> ids;
  for (const Selection& selection : planned.selections[sender]) ids.push_back(selection.receiver);
  return ids;
}

// w0 -> w3 is out. Without it w2 has one model less to take than w1, (1 + 1) * 8 / 30 s against (0 + 1) * 8 / 20 s:
// w1, at 0.4 s, is lighter than w2 at 0.53 s.
TEST(WithoutOutages, ASenderThatLosesItsReceiverGetsTheLightestThatIsLeft) {
  const plan::Problem problem = problem_of(plan::MulticastKind::unicast, 1);
  plan::Plan planned;
  planned.selections = {{{i(3)}}, {{i(2)}}, {{i(3)}}, {{i(0)}}};
  const plan::Plan left = without_outages(problem, planned, {{i(0), i(3)}});
  EXPECT_THAT(receivers(left, 0), ElementsAre(i(1)));
  EXPECT_THAT(receivers(left, 2), ElementsAre(i(3)));
  EXPECT_THAT(plan::check_plan(problem, left), IsEmpty());
}

TEST(WithoutOutages, WhereNobodyIsLeftNobodyIsAskedFor) {
  plan::Problem problem = problem_of(plan::MulticastKind::unicast, 1);
  problem.required = {{i(0), i(3)}, {i(1), i(2)}};
  plan::Plan planned;
  planned.selections = {{{i(3)}}, {{i(2)}}, {{i(3)}}, {{i(0)}}};
  const plan::Plan left = without_outages(problem, planned, {{i(0), i(1)}, {i(0), i(2)}, {i(0), i(3)}});
  EXPECT_THAT(left.selections[0], IsEmpty());
  const plan::Problem relaxed = relaxed_to(problem, left);
  EXPECT_THAT(relaxed.required, ElementsAre(Pair{i(1), i(2)}));
  EXPECT_EQ(relaxed.workers[0].min_receivers, 0);
  EXPECT_EQ(relaxed.workers[1].min_receivers, 1);
  EXPECT_THAT(plan::check_plan(relaxed, left), IsEmpty());
}

// w0's model goes to w1, from there to w2, from there to w3. The link w1 -> w2 is out: w0 itself sends to w2, which
// sends on to w3 as before. If w0 -> w2 is out too, only w3 is another receiver, but it gets the model by way of w2.
TEST(WithoutOutages, ARelayPlanGoesAnotherWay) {
  const plan::Problem problem = problem_of(plan::MulticastKind::relay, 1);
  plan::Plan planned;
  planned.selections = {{{i(1)}, {i(2)}, {i(3)}}, {{i(2)}}, {{i(3)}}, {{i(0)}}};
  planned.parents = {{i(0), i(1), i(2)}, {i(1)}, {i(2)}, {i(3)}};
  plan::Plan left = without_outages(problem, planned, {{i(1), i(2)}});
  EXPECT_THAT(left.parents[0], ElementsAre(i(0), i(0), i(2)));
  EXPECT_THAT(receivers(left, 1),
              ElementsAre(i(3)));  // its own receiver, too: (1 + 2) * 8 / 40 s, w0 has 1.6 s
  EXPECT_THAT(plan::check_plan(problem, left), IsEmpty());

  left = without_outages(problem, planned, {{i(0), i(2)}, {i(1), i(2)}});
  EXPECT_THAT(receivers(left, 0), ElementsAre(i(1), i(3)));
  EXPECT_THAT(left.parents[0], ElementsAre(i(0), i(0)));  // whom w2 would have sent it on to
  EXPECT_THAT(plan::check_plan(relaxed_to(problem, left), left), IsEmpty());
}

// All planners, all kinds, and any pairs that are out: what is left is a plan of what is then asked for.
TEST(WithoutOutages, WhateverIsOutAPlanIsLeft) {
  for (const auto kind :
       {plan::MulticastKind::unicast, plan::MulticastKind::network, plan::MulticastKind::relay}) {
    const plan::Problem problem = problem_of(kind, 2);
    Rng rng(7);
    const auto outcome = plan::find_planner("paper")->plan(problem, rng);
    const auto* planned = std::get_if<plan::Planned>(&outcome);
    ASSERT_NE(planned, nullptr);
    for (unsigned mask = 0; mask < (1u << 12); ++mask) {  // of the 12 ordered pairs of 4
      std::vector<Pair> out;
      for (std::uint32_t k = 0; k < 12; ++k) {
        if (mask >> k & 1u) out.push_back({i(k / 3), i((k / 3 + 1 + k % 3) % 4)});
      }
      std::ranges::sort(out);
      const plan::Plan left = without_outages(problem, planned->plan, out);
      ASSERT_THAT(plan::check_plan(relaxed_to(problem, left), left), IsEmpty()) << mask;
      for (std::uint32_t sender = 0; sender < 4; ++sender) {
        for (std::size_t k = 0; k < left.selections[sender].size(); ++k) {
          const WorkerIndex from = left.parents.empty() ? i(sender) : left.parents[sender][k];
          ASSERT_FALSE(std::ranges::binary_search(out, Pair{from, left.selections[sender][k].receiver}))
              << mask;
        }
        // No sender is left short that has somebody to send to.
        const auto mine = std::ranges::count(out, i(sender), &Pair::sender);
        ASSERT_GE(std::ssize(left.selections[sender]), std::min<std::ptrdiff_t>(2, 3 - mine)) << mask;
      }
    }
  }
}

}  // namespace
}  // namespace selmcast::sync
