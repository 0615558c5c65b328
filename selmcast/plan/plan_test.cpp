#include "selmcast/plan/plan.h"

#include <gtest/gtest.h>

#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::worker;

// w0 -> {w1, w2}, w1 -> {w2}; volumes 10, 20, 30; uplinks 5, 4, 1; downlinks 1, 2, 6.
Problem three_workers(MulticastKind kind) {
  return make_problem(kind, {{5, 1, 0, 10}, {4, 2, 0, 20}, {1, 6, 0, 30}});
}
Plan chain() {
  return Plan{
      {{{worker(1), Reason::basic}, {worker(2), Reason::spare}}, {{worker(2), Reason::required}}, {}}};
}

TEST(LinkTimes, AreLoadOverBandwidth) {
  // Unicast uplinks: 2 * 10 / 5 = 4, 20 / 4 = 5, 0. Downlinks: 0, 10 / 2 = 5, (10 + 20) / 6 = 5.
  const LinkTimes times = link_times(three_workers(MulticastKind::unicast), chain());
  EXPECT_EQ(times.uplink, (std::vector{Duration::seconds(4), Duration::seconds(5), Duration()}));
  EXPECT_EQ(times.downlink, (std::vector{Duration(), Duration::seconds(5), Duration::seconds(5)}));
}

TEST(LinkTimes, NetworkMulticastUsesTheUplinkOnce) {
  // w0: 10 / 5 = 2 for both receivers together.
  const LinkTimes times = link_times(three_workers(MulticastKind::network), chain());
  EXPECT_EQ(times.uplink, (std::vector{Duration::seconds(2), Duration::seconds(5), Duration()}));
  EXPECT_EQ(times.downlink, (std::vector{Duration(), Duration::seconds(5), Duration::seconds(5)}));
}

TEST(CompletionTime, IsThatOfTheSlowestLink) {
  EXPECT_EQ(completion_time(three_workers(MulticastKind::unicast), chain()), Duration::seconds(5));
  Problem slow = three_workers(MulticastKind::unicast);
  slow.workers[2].downlink = Rate::bits_per_second(8 * 3);  // (10 + 20) / 3
  EXPECT_EQ(completion_time(slow, chain()), Duration::seconds(10));
}

TEST(CompletionTime, OfTheEmptyPlanIsZero) {
  const Problem problem = three_workers(MulticastKind::network);
  EXPECT_EQ(completion_time(problem, Plan{{{}, {}, {}}}), Duration());
  EXPECT_FALSE(find_bottleneck(problem, link_loads(problem, Plan{{{}, {}, {}}})).has_value());
}

TEST(Bottleneck, TiesFallToUplinksThenToTheFirstWorker) {
  // w1's uplink and the downlinks of w1 and w2 are all busy for 5 s.
  const Problem problem = three_workers(MulticastKind::unicast);
  const auto bottleneck = find_bottleneck(problem, link_loads(problem, chain()));
  ASSERT_TRUE(bottleneck.has_value());
  EXPECT_EQ(bottleneck->side, LinkSide::uplink);
  EXPECT_EQ(bottleneck->worker, worker(1));
  EXPECT_EQ(bottleneck->time.load, Bytes(20));
}

TEST(Plan, KnowsItsPairs) {
  const Plan plan = chain();
  EXPECT_EQ(plan.receiver_count(), 3U);
  EXPECT_TRUE(plan.has(pair(0, 1)));
  EXPECT_TRUE(plan.has(pair(1, 2)));
  EXPECT_FALSE(plan.has(pair(1, 0)));
  EXPECT_FALSE(plan.has(pair(2, 0)));
  EXPECT_FALSE(plan.has(pair(7, 0)));
}

}  // namespace
}  // namespace selmcast::plan
