#include "selmcast/train/shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "selmcast/train/batch.h"

namespace selmcast::train {
namespace {

std::vector<std::uint8_t> cyclic_labels(std::size_t count) {
  std::vector<std::uint8_t> labels(count);
  for (std::size_t i = 0; i < count; ++i) labels[i] = static_cast<std::uint8_t>(i % kClasses);
  return labels;
}

void expect_partition(const std::vector<Shard>& shards, std::size_t examples) {
  std::set<std::uint32_t> seen;
  for (const Shard& shard : shards) {
    for (const std::uint32_t position : shard) {
      EXPECT_LT(position, examples);
      EXPECT_TRUE(seen.insert(position).second) << position << " is in two shards";
    }
  }
  EXPECT_EQ(seen.size(), examples);
}

// The share of its commonest class, averaged over the shards: 0.1 if all ten classes are equally common.
double mean_skew(const std::vector<Shard>& shards, const std::vector<std::uint8_t>& labels) {
  double sum = 0;
  for (const Shard& shard : shards) {
    std::vector<double> counts(kClasses);
    for (const std::uint32_t position : shard) ++counts[labels[position]];
    sum += *std::ranges::max_element(counts) / static_cast<double>(shard.size());
  }
  return sum / static_cast<double>(shards.size());
}

TEST(Shard, IidShardsPartitionTheDataAndDifferByOneAtMost) {
  const auto labels = cyclic_labels(1003);
  for (const std::size_t workers : {1U, 2U, 8U, 100U}) {
    const auto shards = make_shards(labels, {{}, workers, 5});
    ASSERT_TRUE(shards.has_value()) << shards.error().message;
    ASSERT_EQ(shards->size(), workers);
    expect_partition(*shards, labels.size());
    const auto [smallest, largest] = std::ranges::minmax(*shards, {}, &Shard::size);
    EXPECT_LE(largest.size() - smallest.size(), 1U) << workers << " workers";
  }
}

TEST(Shard, DependsOnTheSeedAlone) {
  const auto labels = cyclic_labels(1000);
  for (const Sharding sharding : {Sharding{}, Sharding{Sharding::Kind::dirichlet, 0.5}}) {
    const auto once = make_shards(labels, {sharding, 4, 5});
    const auto again = make_shards(labels, {sharding, 4, 5});
    const auto other = make_shards(labels, {sharding, 4, 6});
    ASSERT_TRUE(once && again && other);
    EXPECT_EQ(*once, *again);
    EXPECT_NE(*once, *other);
  }
}

TEST(Shard, DirichletShardsPartitionTheDataToo) {
  const auto labels = cyclic_labels(5000);
  for (const double alpha : {0.1, 1.0, 100.0}) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const auto shards = make_shards(labels, {{Sharding::Kind::dirichlet, alpha}, 8, seed});
      ASSERT_TRUE(shards.has_value()) << "seed " << seed << ": " << shards.error().message;
      expect_partition(*shards, labels.size());
      for (const Shard& shard : *shards) EXPECT_GE(shard.size(), kShardMin) << "seed " << seed;
    }
  }
}

// A large alpha gives each worker nearly a tenth of each class; with alpha 0.1 one or two classes make up
// most of it.
TEST(Shard, SmallAlphaSkewsTheLabels) {
  const auto labels = cyclic_labels(20000);
  const auto even = make_shards(labels, {{Sharding::Kind::dirichlet, 1e5}, 8, 3});
  const auto skewed = make_shards(labels, {{Sharding::Kind::dirichlet, 0.1}, 8, 3});
  ASSERT_TRUE(even && skewed);
  EXPECT_LT(mean_skew(*even, labels), 0.11);
  EXPECT_GT(mean_skew(*skewed, labels), 0.3);
}

TEST(Shard, RefusesMoreWorkersThanTheDataCanFeed) {
  const auto labels = cyclic_labels(100);
  EXPECT_TRUE(make_shards(labels, {{}, 10, 1}).has_value());  // 10 each = kShardMin
  const auto refused = make_shards(labels, {{}, 11, 1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
}

// With alpha 0.01 nearly all of each class goes to one worker, so ten classes cannot feed 50 workers.
TEST(Shard, GivesUpOnDrawsThatLeaveWorkersWithoutData) {
  const auto refused = make_shards(cyclic_labels(1000), {{Sharding::Kind::dirichlet, 0.01}, 50, 1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("larger alpha"), std::string::npos);
}

// Gamma(a, 1) has mean a and variance a. The mean of n draws has a standard error of sqrt(a / n); the
// variance's is about a sqrt((2 + 6 / a) / n). Six of them are allowed.
TEST(Shard, GammaDrawsHaveTheRightMeanAndVariance) {
  constexpr int n = 100000;
  for (const double shape : {0.1, 0.5, 1.0, 3.0, 50.0}) {
    Rng rng(11);
    double sum = 0, squares = 0;
    for (int i = 0; i < n; ++i) {
      const double draw = draw_gamma(rng, shape);
      sum += draw;
      squares += draw * draw;
    }
    const double mean = sum / n;
    EXPECT_NEAR(mean, shape, 6 * std::sqrt(shape / n));
    EXPECT_NEAR(squares / n - mean * mean, shape, 6 * shape * std::sqrt((2 + 6 / shape) / n));
  }
}

TEST(Shard, ParsesItsFlag) {
  EXPECT_EQ(parse_sharding("iid"), Sharding{});
  EXPECT_EQ(parse_sharding("dirichlet:0.3"), (Sharding{Sharding::Kind::dirichlet, 0.3}));
  for (const auto* wrong : {"", "IID", "dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1",
                            "dirichlet:0.3x", "dirichlet:nan", "dirichlet:inf"}) {
    EXPECT_FALSE(parse_sharding(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace selmcast::train
