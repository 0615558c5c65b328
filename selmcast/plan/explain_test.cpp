#include "selmcast/plan/explain.h"

#include <gtest/gtest.h>

#include "selmcast/plan/baseline_planners.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::worker;

TEST(Explain, SaysWhichLinkIsInTheWay) {
  // w0 -> w1 takes 1 s on w0's uplink (4/4) and 1 s on w1's downlink (4/4).
  Problem problem =
      make_problem(MulticastKind::unicast, {{4, 9, 0, 4}, {1, 4, 0, 4}, {9, 1, 0, 4}, {9, 9, 0, 4}});
  problem.required = {pair(0, 1)};
  problem.ages = {{pair(0, 1), 5}};
  const Explanation why = explain(problem, Plan{{{{worker(1), Reason::required}}, {}, {}, {}}});
  ASSERT_TRUE(why.bottleneck.has_value());
  EXPECT_EQ(why.bottleneck->side, LinkSide::uplink);
  EXPECT_EQ(why.bottleneck->worker, worker(0));
  EXPECT_EQ(why.loads.downlink[1], Bytes(4));
  EXPECT_EQ(why.times.downlink[1], Duration::seconds(1));

  ASSERT_EQ(why.senders[0].selected.size(), 1U);
  EXPECT_EQ(why.senders[0].selected[0].age, 5U);
  EXPECT_EQ(why.senders[0].selected[0].reason, Reason::required);
  // w0 -> w2: uplink 8/4 = 2 s, downlink 4/1 = 4 s. w0 -> w3: uplink 2 s, downlink 4/9.
  ASSERT_EQ(why.senders[0].refused.size(), 2U);
  EXPECT_EQ(why.senders[0].refused[0].refusal, Refusal::both);
  EXPECT_EQ(why.senders[0].refused[0].uplink_time, Duration::seconds(2));
  EXPECT_EQ(why.senders[0].refused[0].downlink_time, Duration::seconds(4));
  EXPECT_EQ(why.senders[0].refused[1].receiver, worker(3));
  EXPECT_EQ(why.senders[0].refused[1].refusal, Refusal::uplink);
  // w2 -> w0 would fit (4/9 and 4/9); w2 -> w1 would put 8 bytes on w1: 2 s.
  EXPECT_EQ(why.senders[2].refused[0].refusal, Refusal::not_chosen);
  EXPECT_EQ(why.senders[2].refused[1].refusal, Refusal::downlink);
}

TEST(Explain, OfTheEmptyPlanHasNoBottleneck) {
  const Problem problem = make_problem(MulticastKind::network, {{1, 1, 0, 1}, {1, 1, 0, 1}});
  const Explanation why = explain(problem, Plan{{{}, {}}});
  EXPECT_FALSE(why.bottleneck.has_value());
  EXPECT_EQ(why.senders[0].refused[0].refusal, Refusal::both);  // anything takes longer than no time
}

TEST(Explain, SaysWhatBinds) {
  // w0 -> w1: 4 s on the uplink, which no plan can avoid.
  Problem problem = make_problem(MulticastKind::unicast, {{1, 9, 1, 4}, {9, 9, 0, 9}});
  EXPECT_EQ(what_binds(problem, {Plan{{{{worker(1)}}, {}}}}),
            "the uplink of w0 under its least number of receivers");
  // To w2 over 1/8 byte/s it takes 32 s, and nothing proves that w0 had to take just him.
  problem.workers.push_back({"w2", Rate::bits_per_second(8), Rate::bits_per_second(1), 0, Bytes(4)});
  EXPECT_EQ(what_binds(problem, {Plan{{{{worker(2)}}, {}, {}}}}),
            "the downlink of w2, busy until the end (no proof that it must be)");
  problem.workers[0].min_receivers = 0;
  EXPECT_EQ(what_binds(problem, {Plan{{{}, {}, {}}}}), "nothing: nobody needs a receiver");
}

TEST(Explain, AccountsForEveryPairOnce) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    const Problem problem = testing::random_problem({.most_workers = 15, .small_whole_rates = true}, rng);
    for (const Plan& plan : {plan_by_paper(problem), plan_at_random(problem, rng)}) {
      const Explanation why = explain(problem, plan);
      for (std::size_t i = 0; i < problem.size(); ++i) {
        ASSERT_EQ(why.senders[i].selected.size(), plan.selections[i].size());
        ASSERT_EQ(why.senders[i].selected.size() + why.senders[i].refused.size(), problem.size() - 1);
        for (const ExplainedRefusal& refused : why.senders[i].refused) ASSERT_NE(refused.receiver, worker(i));
      }
    }
  }
}

TEST(Explain, ThePaperNeverLeavesARoomForAPair) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    const Problem problem = testing::random_problem({.most_workers = 15, .small_whole_rates = true}, rng);
    for (const SenderExplanation& sender : explain(problem, plan_by_paper(problem)).senders) {
      for (const ExplainedRefusal& refused : sender.refused)
        EXPECT_NE(refused.refusal, Refusal::not_chosen) << seed;
    }
  }
}

}  // namespace
}  // namespace selmcast::plan
