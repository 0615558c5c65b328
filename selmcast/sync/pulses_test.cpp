#include "selmcast/sync/pulses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "selmcast/plan/plan_testing.h"
#include "selmcast/sync/rate_allocator.h"

namespace selmcast::sync {
namespace {

// Three workers, each to both others: uplinks 100, 200 and 200 Mbit/s, downlinks 400. Two models of 25 MB leave by the
// slow uplink: 400 Mbit / 100 = 4 s, at 50 Mbit/s each on average.
struct Pulses : ::testing::Test {
  plan::Problem problem;
  plan::Plan plan;
  std::vector<WorkerId> ids;
  BandwidthEstimator estimator;

  void SetUp() override { make(Bytes(25'000'000)); }
  void make(Bytes volume) {
    problem = {};
    plan = {};
    for (std::uint32_t i = 0; i < 3; ++i) {
      const Rate up = Rate::megabits_per_second(i == 0 ? 100 : 200), down = Rate::megabits_per_second(400);
      problem.workers.push_back({to_string(WorkerId(i)), up, down, 2, volume});
      plan.selections.emplace_back();
      for (std::uint32_t j = 0; j < 3; ++j)
        if (j != i) plan.selections.back().push_back({WorkerIndex(j)});
      if (ids.size() == 3) continue;
      ids.push_back(WorkerId(i));
      estimator.join(ids[i], up, down);
    }
  }
  std::vector<PaceSteps> pulses(std::uint64_t round) const {
    return plan_pulses(problem, allocate_rates(problem, plan), estimator, {ids, Round(round)});
  }
  static Rate at(const PaceSteps& steps, Duration when) {
    const auto later = std::ranges::upper_bound(steps, when, {}, &PaceStep::after);
    return std::prev(later)->rate;
  }
  // What they come to where both are raised, as in the window of the uplink that they share.
  static Rate both(const PaceSteps& a, const PaceSteps& b, Duration when) {
    return std::min(at(a, when), at(b, when)) * 2;
  }
};

TEST_F(Pulses, EachDeliveryIsThroughWithinTheCompletionTime) {
  for (std::uint64_t round = 0; round < 12; ++round) {
    for (const PaceSteps& steps : pulses(round)) {
      ASSERT_FALSE(steps.empty());
      EXPECT_EQ(steps.front().after, Duration());
      EXPECT_LE(steps.size(), kPaceStepsMost);
      for (std::size_t k = 1; k < steps.size(); ++k) EXPECT_LT(steps[k - 1].after, steps[k].after);
      for (const PaceStep& step : steps) EXPECT_TRUE(step.rate.is_positive_finite());
      // 200 Mbit in 0.95 of 4 s.
      EXPECT_NEAR(mean_rate(steps, Bytes(25'000'000)).mbps(), 200 / (0.95 * 4), 0.5);
    }
  }
}

// Twelve windows of 0.95 * 4 / 12 = 0.317 s, six of them for links. In one of these both deliveries of w0 come to more
// than its uplink is thought to carry: to twice as much, as it never was full, in every second round.
TEST_F(Pulses, EveryLinkHasAWindowOfItsOwn) {
  for (std::uint64_t round = 0; round < 6; ++round) {
    const auto all = pulses(round);
    double most = 0;
    for (double t = 0.15; t < 3.8; t += 0.3167)
      most = std::max(most, both(all[0], all[1], Duration::seconds(t)).mbps());
    EXPECT_NEAR(most, round % 2 == 0 ? 200 : 120, 1e-6) << round;
  }
}

// 0.8 s has room for two windows of 0.3 s only; 1.28 s for four, which links take by turns.
TEST_F(Pulses, ShortRoundsHaveNone) {
  make(Bytes(5'000'000));  // 0.8 s
  for (const PaceSteps& steps : pulses(0)) EXPECT_TRUE(steps.empty());
  make(Bytes(8'000'000));  // 1.28 s
  std::vector<int> pulsed(12);
  for (std::uint64_t round = 0; round < 12; ++round) {
    for (const PaceSteps& steps : pulses(round)) pulsed[round] += static_cast<int>(steps.size());
    EXPECT_GT(pulsed[round], 0);
  }
}

// Four windows for six links. Those of w0 and w2 are looked for in even rounds, as they never were full: four, and each
// has its window. w0's delivery to w2 has two of them, in which 0.6 of it may go: 0.6 * 4 / 2 = 1.2 times 50 Mbit/s.
TEST_F(Pulses, LinksWhoseEndIsNotKnownComeFirst) {
  make(Bytes(8'000'000));  // 1.28 s: 0.304 s a window
  for (std::uint64_t round = 0; round < 12; round += 2) {
    const auto all = pulses(round);
    double most = 0;
    for (double t = 0.15; t < 1.216; t += 0.304)
      most = std::max(most, both(all[0], all[1], Duration::seconds(t)).mbps());
    EXPECT_NEAR(most, 120, 1e-6) << round;
  }
}

// w1 sends at 100 of its 200 Mbit/s on average, and above them in its window, though
// the downlinks' pulses need their part of each delivery.
TEST_F(Pulses, LinksThatDoNotBindArePulsedToo) {
  const auto all = pulses(0);
  double most = 0;
  for (double t = 0.15; t < 3.8; t += 0.3167)
    most = std::max(most, both(all[2], all[3], Duration::seconds(t)).mbps());
  EXPECT_GT(most, 220);
}

TEST(MeanRate, CountsWhatIsNeededOfTheLastStep) {
  // 8 Mbit: 4 in the first second, 4 more in two at 2 Mbit/s.
  const PaceSteps steps = {{Duration(), Rate::megabits_per_second(4)},
                           {Duration::seconds(1), Rate::megabits_per_second(2)}};
  EXPECT_NEAR(mean_rate(steps, Bytes(1'000'000)).mbps(), 8.0 / 3, 1e-9);
}

}  // namespace
}  // namespace selmcast::sync
