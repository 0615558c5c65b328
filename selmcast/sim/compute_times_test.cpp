#include "selmcast/sim/compute_times.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace selmcast::sim {
namespace {

TEST(ComputeTimes, OfThePaperHaveAMeanOfOneSecond) {
  for (const char* name : {"lstm", "transformer", "resnet50"}) {
    const auto times = ComputeTimes::named(name);
    ASSERT_TRUE(times) << name;
    EXPECT_NEAR(times->mean().in_seconds(), 1, 1e-3) << name;
  }
  EXPECT_FALSE(ComputeTimes::named("alexnet"));
}

TEST(ComputeTimes, DrawEachBarAsOftenAsItsProportionSays) {
  // Bars [0, 1), [2, 4) and [9, 9] with odds 1 : 2 : 1. Mean (0.5 + 2 * 3 + 9) / 4 = 3.875 s.
  const auto s = [](double value) { return Duration::seconds(value); };
  const ComputeTimes times({{s(0), s(1), 0.1}, {s(2), s(4), 0.2}, {s(9), s(9), 0.1}});
  EXPECT_NEAR(times.mean().in_seconds(), 3.875, 1e-12);
  Rng rng(5);
  std::array<int, 3> drawn{};
  double sum = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double time = times.draw(rng).in_seconds();
    sum += time;
    if (time < 1) {
      ++drawn[0];
    } else if (time < 9) {
      ASSERT_TRUE(time >= 2 && time < 4) << time;
      ++drawn[1];
    } else {
      ASSERT_EQ(time, 9);
      ++drawn[2];
    }
  }
  // Standard deviation of a count: sqrt(100000 * 0.25 * 0.75) = 137 at most 158; five of them.
  EXPECT_NEAR(drawn[0], 25000, 800);
  EXPECT_NEAR(drawn[1], 50000, 800);
  EXPECT_NEAR(drawn[2], 25000, 800);
  EXPECT_NEAR(sum / kDraws, 3.875, 0.06);
}

TEST(ComputeTimes, OfATraceAreItsValues) {
  const std::array trace{Duration::seconds(1), Duration::seconds(2)};
  const ComputeTimes times = ComputeTimes::of_trace(trace);
  EXPECT_NEAR(times.mean().in_seconds(), 1.5, 1e-12);
  Rng rng(1);
  bool seen[2] = {false, false};
  for (int i = 0; i < 64; ++i) {
    const Duration time = times.draw(rng);
    ASSERT_TRUE(time == trace[0] || time == trace[1]);
    seen[time == trace[1] ? 1 : 0] = true;
  }
  EXPECT_TRUE(seen[0] && seen[1]);
}

}  // namespace
}  // namespace selmcast::sim
