#include "selmcast/plan/baseline_planners.h"

#include <gtest/gtest.h>

#include <array>

#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::reason;

TEST(RandomPlanner, TakesRequiredReceiversFirst) {
  Problem problem =
      make_problem(MulticastKind::unicast, {{1, 1, 2, 1}, {1, 1, 1, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}});
  problem.required = {pair(0, 3), pair(1, 0), pair(1, 2)};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    const Plan plan = plan_at_random(problem, rng);
    EXPECT_EQ(plan.selections[0].size(), 2U);
    EXPECT_EQ(reason(plan, 0, 3), Reason::required);
    // More required than min_receivers: exactly the required ones.
    EXPECT_EQ(testing::receivers(plan, 1), (std::vector<std::size_t>{0, 2}));
    EXPECT_TRUE(plan.selections[2].empty());
  }
}

TEST(RandomPlanner, DrawsEveryReceiverEquallyOften) {
  const Problem problem = make_problem(
      MulticastKind::unicast, {{1, 1, 0, 1}, {1, 1, 2, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}});
  Rng rng(5);
  std::array<int, 5> drawn{};
  for (int k = 0; k < 20000; ++k) {
    for (const std::size_t receiver : testing::receivers(plan_at_random(problem, rng), 1)) ++drawn[receiver];
  }
  // Each of the 4 others in half of the plans: 10000, standard deviation sqrt(20000 / 4) = 71; five of them
  // are 354.
  EXPECT_EQ(drawn[1], 0);
  for (const std::size_t receiver : {0, 2, 3, 4}) EXPECT_NEAR(drawn[receiver], 10000, 354);
}

TEST(BroadcastPlanner, ReachesEverybody) {
  Problem problem = make_problem(MulticastKind::network, {{1, 1, 1, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}});
  problem.required = {pair(2, 0)};
  const Plan plan = plan_broadcast(problem);
  EXPECT_EQ(plan.receiver_count(), 6U);
  EXPECT_EQ(reason(plan, 2, 0), Reason::required);
  EXPECT_EQ(reason(plan, 2, 1), Reason::broadcast);
}

}  // namespace
}  // namespace selmcast::plan
