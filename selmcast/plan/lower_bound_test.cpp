#include "selmcast/plan/lower_bound.h"

#include <gtest/gtest.h>

#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::worker;

TEST(LowerBound, OfNoDemandIsZero) {
  const LowerBound bound = lower_bound(make_problem(MulticastKind::unicast, {{1, 1, 0, 1}, {1, 1, 0, 1}}));
  EXPECT_EQ(bound.time, Duration());
  EXPECT_EQ(bound.kind, BoundKind::nothing);
}

TEST(LowerBound, SeesTheUplink) {
  // Unicast: w0 sends 2 * 6 bytes at 3. Network: 6 bytes at 3. Downlinks are fast.
  Problem problem = make_problem(MulticastKind::unicast, {{3, 100, 2, 6}, {9, 100, 0, 6}, {9, 100, 0, 6}});
  LowerBound bound = lower_bound(problem);
  EXPECT_EQ(bound.time, Duration::seconds(4));
  EXPECT_EQ(bound.kind, BoundKind::uplink);
  EXPECT_EQ(bound.worker, worker(0));
  EXPECT_EQ(describe(problem, bound), "the uplink of w0 under its least number of receivers");
  problem.multicast = MulticastKind::network;
  EXPECT_EQ(lower_bound(problem).time, Duration::seconds(2));
  // A third receiver that is required counts as well, min_receivers or not.
  problem.multicast = MulticastKind::unicast;
  problem.workers[0].min_receivers = 0;
  problem.required = {pair(0, 1), pair(0, 2)};
  EXPECT_EQ(lower_bound(problem).time, Duration::seconds(4));
}

TEST(LowerBound, SeesRequiredLoadOnADownlink) {
  // w2 has to take 6 + 4 bytes at 2.
  Problem problem = make_problem(MulticastKind::network, {{9, 9, 0, 6}, {9, 9, 0, 4}, {9, 2, 0, 6}});
  problem.required = {pair(0, 2), pair(1, 2)};
  const LowerBound bound = lower_bound(problem);
  EXPECT_EQ(bound.time, Duration::seconds(5));
  EXPECT_EQ(bound.kind, BoundKind::downlink);
  EXPECT_EQ(bound.worker, worker(2));
}

TEST(LowerBound, CountsWholeDeliveries) {
  // 3 senders, one receiver each: 3 deliveries of 6 bytes; downlinks 3, 2, 2. At 2 s: 1 + 0 + 0; at 3 s: 1 +
  // 1 + 1. (Fluid: 18 / 7 = 2.57 s.)
  const Problem problem = make_problem(MulticastKind::unicast, {{9, 3, 1, 6}, {9, 2, 1, 6}, {9, 2, 1, 6}});
  const LowerBound bound = lower_bound(problem);
  EXPECT_EQ(bound.time, Duration::seconds(3));
  EXPECT_EQ(bound.kind, BoundKind::all_downlinks);
}

TEST(LowerBound, AReceiverTakesEachSenderOnce) {
  // w2 could take everything at once, but takes each sender once: of 2 + 2 deliveries it gets 2, and w0 and
  // w1 take each other's: 6 / 2 = 3 s.
  const Problem problem =
      make_problem(MulticastKind::network, {{99, 2, 2, 6}, {99, 2, 2, 6}, {99, 1000, 0, 6}});
  EXPECT_EQ(lower_bound(problem).time, Duration::seconds(3));
}

TEST(LowerBound, NobodyReceivesFromItself) {
  // w0 could take both deliveries in no time, but one of them is its own: w1 takes that one, 6 / 2 = 3 s.
  const Problem problem = make_problem(MulticastKind::network, {{99, 1000, 1, 6}, {99, 2, 1, 6}});
  EXPECT_EQ(lower_bound(problem).time, Duration::seconds(3));
}

TEST(LowerBound, WeighsUnequalVolumes) {
  // Each of the two sends 2 bytes or 12 bytes to both others. w2 takes at most 14 bytes; the rest, 2 * 14 -
  // 14 = 14, is for w0 (at most 12) and w1 (at most 2) with 2 byte/s each: the last to fill up is w0 at 12/2
  // = 6 s, which is also the optimum. The count with v = 2 sees 1 s, the uplinks 24/99.
  const Problem problem =
      make_problem(MulticastKind::unicast, {{99, 2, 2, 2}, {99, 2, 2, 12}, {99, 1000, 0, 1}});
  const LowerBound bound = lower_bound(problem);
  EXPECT_NEAR(bound.time.in_seconds(), 6, 1e-10);
  EXPECT_LE(bound.time, Duration::seconds(6));
  EXPECT_EQ(bound.kind, BoundKind::all_downlinks);
  EXPECT_EQ(testing::brute_force(problem).time, Duration::seconds(6));
}

TEST(LowerBound, NeverExceedsTheOptimum) {
  int met = 0;
  int equal_cases = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const bool equal_volumes = seed % 2 == 0;
    const Problem problem =
        testing::random_problem({.equal_volumes = equal_volumes, .small_whole_rates = seed % 3 == 0}, rng);
    const Duration optimum = testing::brute_force(problem).time;
    const Duration bound = lower_bound(problem).time;
    EXPECT_LE(bound, optimum) << "seed " << seed;
    if (!equal_volumes) continue;
    ++equal_cases;
    if (bound == optimum) ++met;
  }
  // Not a theorem: it says that the bound is worth having. It is met, to the bit, in most cases with equal
  // volumes.
  EXPECT_GT(met, equal_cases * 2 / 3) << "of " << equal_cases;
}

TEST(LowerBound, MeetsTheOptimumOfEvenWorkers) {
  // All links alike: p deliveries on every link in p v / b, exactly.
  for (const auto kind : {MulticastKind::network, MulticastKind::unicast}) {
    for (int n = 2; n <= 4; ++n) {
      for (int p = 1; p < n; ++p) {
        const Problem problem = make_problem(
            kind, std::vector<testing::TestWorker>(static_cast<std::size_t>(n), {0.7, 0.7, p, 5}));
        const Duration expected = Bytes(5 * p) / Rate::bits_per_second(8 * 0.7);
        EXPECT_EQ(lower_bound(problem).time, expected) << n << " " << p;
        EXPECT_EQ(testing::brute_force(problem).time, expected) << n << " " << p;
      }
    }
  }
}

TEST(LowerBound, HoldsForLargeProblems) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    const Problem problem =
        testing::random_problem({.most_workers = 60, .equal_volumes = seed % 2 == 0}, rng);
    EXPECT_LE(lower_bound(problem).time, completion_time(problem, plan_by_paper(problem))) << "seed " << seed;
  }
}

TEST(LowerBound, SurvivesExtremeRates) {
  // Rates that differ by 21 orders of magnitude must not turn a sum into garbage: w1 has to take both others.
  const Problem problem = make_problem(MulticastKind::unicast,
                                       {{1e17, 1e17, 2, 1000}, {1e17, 1e-3, 2, 2000}, {1e17, 1e17, 2, 3000}});
  // w1's downlink: (1000 + 3000) / 1e-3 = 4e6 s, in every plan, although no pair is required. The rest of the
  // sum, 3000 + 4000 bytes, is known to 1e-12 of 12000 bytes only.
  EXPECT_NEAR(lower_bound(problem).time.in_seconds(), 4e6, 1);
  EXPECT_LE(lower_bound(problem).time, testing::brute_force(Problem(problem)).time);
}

}  // namespace
}  // namespace selmcast::plan
