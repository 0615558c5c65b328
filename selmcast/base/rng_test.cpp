#include "selmcast/base/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace selmcast {
namespace {

TEST(Rng, SameSeedSameStream) {
  Rng a(7), b(7), c(8);
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Rng, ForkDoesNotDependOnHowMuchWasDrawn) {
  Rng a(7), b(7);
  b.next();
  EXPECT_EQ(a.fork(3).next(), b.fork(3).next());
  EXPECT_NE(a.fork(3).next(), a.fork(4).next());
}

TEST(Rng, BelowIsInRangeAndEven) {
  Rng rng(1);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60000; ++i) ++counts[rng.below(6)];
  // Expected 10000 each, standard deviation sqrt(60000 * 1/6 * 5/6) = 91: six of them are 550.
  for (int count : counts) EXPECT_NEAR(count, 10000, 550);
}

TEST(Rng, UniformStaysBelowOne) {
  Rng rng(2);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double x = rng.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);  // sd of the mean 0.0029
}

TEST(Rng, ShuffleKeepsTheItems) {
  std::vector<int> items{1, 2, 3, 4, 5};
  Rng(3).shuffle(std::span(items));
  std::vector<int> sorted = items;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, (std::vector<int>{1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace selmcast
