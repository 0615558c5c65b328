#include "selmcast/plan/sensitivity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::make_problem;
using testing::pair;
using testing::worker;

const Planner& exact() { return *find_planner("exact"); }

Planned planned(const Problem& problem) {
  Rng rng(1);
  return std::get<Planned>(exact().plan(problem, rng));
}

// One byte a second is 8 bit/s.
constexpr SensitivityOptions kOneByteMore{.step = Rate::bits_per_second(8), .seed = 1};

Sensitivity of(const Problem& problem) {
  return sensitivity(problem, planned(problem), exact().plan, kOneByteMore);
}

TEST(Sensitivity, OfAnUplinkThatBinds) {
  // w0 sends 6 bytes to both others over 3 byte/s: 4 s. With 4 byte/s it is 3 s. No other link is near it: in 3 s each
  // downlink (9 byte/s) has room for four deliveries, so all six pairs fit but for the uplinks of w1 and w2, which
  // have 2 byte/s: 6 bytes in 3 s, one delivery each. In 4 s the same.
  const Problem problem = make_problem(MulticastKind::unicast, {{3, 9, 2, 6}, {2, 9, 0, 6}, {2, 9, 0, 6}});
  const Sensitivity result = of(problem);
  ASSERT_EQ(result.gains.size(), 1U);
  EXPECT_EQ(result.gains[0].link, (Link{LinkSide::uplink, worker(0)}));
  EXPECT_EQ(result.gains[0].completion, Duration::seconds(3));
  EXPECT_EQ(result.gains[0].receiver_count, 4U);
  EXPECT_EQ(result.left_out, 0U);
}

TEST(Sensitivity, OfADownlinkWithRequiredSenders) {
  // w2 has to take both others: 2 * 6 / 2 = 6 s; with 3 byte/s 4 s.
  Problem problem = make_problem(MulticastKind::network, {{9, 9, 0, 6}, {9, 9, 0, 6}, {9, 2, 0, 6}});
  problem.required = {pair(0, 2), pair(1, 2)};
  const Sensitivity result = of(problem);
  ASSERT_EQ(result.gains.size(), 1U);
  EXPECT_EQ(result.gains[0].link, (Link{LinkSide::downlink, worker(2)}));
  EXPECT_EQ(result.gains[0].completion, Duration::seconds(4));
}

TEST(Sensitivity, OfTheDownlinksOfACut) {
  // Three senders of 6 bytes, one receiver each; downlinks of 3, 2 and 2 byte/s: 3 s (lower_bound_test.cpp,
  // CountsWholeDeliveries). Before 3 s each takes one delivery at most of the two that could come, so all three bind.
  // w0 with 4 byte/s takes two in 3 s and one in 1.5 s; the third still needs a link of 2 byte/s: 3 s, now with both of
  // w0's, one at w1, one at w2, i.e. 4 receivers. w1 with 3 byte/s: 2 s for one at w0 and w1, and the third at w2
  // 3 s, or both at w0 or w1 in 4 s: 3 s.
  const Problem problem = make_problem(MulticastKind::unicast, {{9, 3, 1, 6}, {9, 2, 1, 6}, {9, 2, 1, 6}});
  ASSERT_EQ(planned(problem).certificate->time_bound, Certificate::TimeBound::cut);
  const Sensitivity result = of(problem);
  ASSERT_EQ(result.gains.size(), 3U);
  for (const Gain& gain : result.gains) EXPECT_EQ(gain.completion, Duration::seconds(3));
  EXPECT_EQ(result.gains[0].link, (Link{LinkSide::downlink, worker(0)}));
  EXPECT_EQ(result.gains[0].receiver_count, 4U);
  EXPECT_EQ(result.gains[1].receiver_count, 3U);
}

TEST(Sensitivity, OfNothingIsEmpty) {
  EXPECT_THAT(of(make_problem(MulticastKind::network, {{1, 1, 0, 1}, {1, 1, 0, 1}})).gains, IsEmpty());
}

TEST(Sensitivity, WithoutAProofTriesWhatIsBusyUntilTheEnd) {
  // w0 to w1: 4 s on the uplink, 4 s on the downlink. The volumes differ, so there is no certificate.
  const Problem problem = make_problem(MulticastKind::network, {{1, 1, 1, 4}, {9, 1, 0, 400}});
  Rng rng(1);
  const auto by_paper = std::get<Planned>(find_planner("paper")->plan(problem, rng));
  EXPECT_THAT(links_that_matter(problem, by_paper),
              ElementsAre(Link{LinkSide::uplink, worker(0)}, Link{LinkSide::downlink, worker(1)}));
}

TEST(Sensitivity, NoLinkThatIsLeftAsideWouldMakeTheTimeLess) {
  // The claim of the header, by trying every link; and what is tried can help in many cases.
  int helped = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    const Problem problem = testing::random_problem({.most_workers = 8, .small_whole_rates = true}, rng);
    const Planned plan = planned(problem);
    const Duration before = completion_time(problem, plan.plan);
    const std::vector<Link> links = links_that_matter(problem, plan);
    for (std::uint32_t i = 0; i < problem.size(); ++i) {
      for (const LinkSide side : {LinkSide::uplink, LinkSide::downlink}) {
        Problem changed = problem;
        WorkerSpec& spec = changed.workers[i];
        (side == LinkSide::uplink ? spec.uplink : spec.downlink) += kOneByteMore.step;
        const Duration after = completion_time(changed, planned(changed).plan);
        EXPECT_LE(after, before) << "seed " << seed;
        if (after == before) continue;
        ++helped;
        EXPECT_EQ(std::ranges::count(links, Link{side, worker(i)}), 1)
            << "seed " << seed << ", " << to_string(side) << " of w" << i;
      }
    }
  }
  EXPECT_GT(helped, 100);
}

TEST(Sensitivity, BoundsItsEffort) {
  // Alike workers: every downlink binds.
  const std::size_t n = 3000;
  ASSERT_EQ(most_links(n), 8U);  // 1 + 2^26 / (9e6 + 1)
  const Problem problem =
      make_problem(MulticastKind::network, std::vector<testing::TestWorker>(n, {9, 1, 1, 1}));
  // A planner that costs nothing: the plan is a ring.
  const PlanFunction ring = [](const Problem& of, Rng&) -> Outcome {
    Plan plan{std::vector<std::vector<Selection>>(of.size())};
    for (std::size_t i = 0; i < of.size(); ++i)
      plan.selections[i].push_back({worker((i + 1) % of.size()), Reason::basic});
    return Planned{std::move(plan), Status::feasible};
  };
  Rng rng(1);
  const auto plan = std::get<Planned>(ring(problem, rng));
  const Sensitivity result = sensitivity(problem, plan, ring, kOneByteMore);
  EXPECT_EQ(result.gains.size(), 8U);
  EXPECT_EQ(result.left_out, n - 8);
}

}  // namespace
}  // namespace selmcast::plan
