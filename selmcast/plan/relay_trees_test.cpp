#include "selmcast/plan/relay_trees.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"
#include "selmcast/plan/relay_testing.h"

namespace selmcast::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::make_problem;
using testing::worker;

Plan everybody(std::size_t n) { return testing::plan_of_bits(n, (1U << (n * (n - 1))) - 1); }

// Copies 2, 0, 1, 0 of the receivers and 1 of the root: root -> w1 (2 copies first) -> w3 (1 copy) and w2 -> w4 last.
TEST(TreeOfCopies, HangsThoseWithMoreCopiesFirst) {
  const std::vector<Selection> receivers{{worker(1)}, {worker(2)}, {worker(3)}, {worker(4)}};
  const std::vector<std::uint32_t> copies{2, 0, 1, 0};
  EXPECT_THAT(tree_of_copies(worker(0), 1, copies, receivers),
              ElementsAre(worker(0), worker(1), worker(1), worker(3)));
}

TEST(TreeOfCopies, OfNobodyIsEmpty) { EXPECT_THAT(tree_of_copies(worker(0), 0, {}, {}), IsEmpty()); }

// w0 -> w3 -> w1 -> w2: the way of w2 passes two others, whatever the order of the list.
TEST(Depths, CountEdgesFromTheSender) {
  Plan plan{{{{worker(1)}, {worker(2)}, {worker(3)}}, {}, {}, {}},
            {{worker(3), worker(1), worker(0)}, {}, {}, {}}};
  EXPECT_THAT(depths(plan, worker(0)), ElementsAre(2, 3, 1));
  EXPECT_EQ(tree_depth(plan), 3U);
}

// w0 sends one copy in 1 s; w1, ten times as fast, the other two in 0.2 s. Plain unicast would take w0 3 s.
TEST(GrowTrees, LetsTheFastReceiverForward) {
  const Problem problem =
      make_problem(MulticastKind::relay, {{1, 9, 3, 1}, {10, 9, 0, 1}, {1, 9, 0, 1}, {1, 9, 0, 1}});
  Plan plan{{{{worker(1)}, {worker(2)}, {worker(3)}}, {}, {}, {}}};
  grow_trees(problem, plan);
  EXPECT_THAT(plan.parents[0], ElementsAre(worker(0), worker(1), worker(1)));
  EXPECT_THAT(check_plan(problem, plan, Duration::seconds(1)), IsEmpty());
}

// w2's uplink is down: it receives and never forwards. w0 and w1 take the 4 copies that w0 and w1 need.
TEST(GrowTrees, NeverUsesAnUplinkThatIsDown) {
  const Problem problem = make_problem(MulticastKind::relay, {{1, 1, 2, 1}, {1, 1, 2, 1}, {0, 1, 0, 1}});
  Plan plan = everybody(3);
  plan.selections[2].clear();
  grow_trees(problem, plan);
  EXPECT_THAT(check_plan(problem, plan, Duration::seconds(2)), IsEmpty());
}

TEST(GrowTrees, IsOptimalForEqualVolumesAndCloseForOthers) {
  int optimal = 0, unequal = 0;
  double worst = 1;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Problem problem = testing::random_problem(
        {.most_workers = 4, .equal_volumes = seed % 3 != 0, .small_whole_rates = seed % 2 == 0}, rng);
    problem.multicast = MulticastKind::relay;
    problem.required.clear();
    const std::size_t n = problem.size();
    for (WorkerSpec& spec : problem.workers) spec.min_receivers = 0;
    Plan plan = testing::plan_of_bits(n, static_cast<std::uint32_t>(rng.below(1U << (n * (n - 1)))));
    const Duration best =
        plan.receiver_count() == 0 ? Duration() : testing::least_time_by_force(problem, plan);
    grow_trees(problem, plan);
    const Duration time = completion_time(problem, plan);
    ASSERT_THAT(check_plan(problem, plan, time), IsEmpty());
    if (seed % 3 != 0) {
      ASSERT_EQ(time, best);
      continue;
    }
    ++unequal;
    ASSERT_GE(time, best);
    optimal += time == best ? 1 : 0;
    if (best > Duration()) worst = std::max(worst, time / best);
  }
  RecordProperty("unequal_optimal", optimal);
  EXPECT_GE(optimal, unequal * 9 / 10);
  EXPECT_LE(worst, 1.5);
}

}  // namespace
}  // namespace selmcast::plan
