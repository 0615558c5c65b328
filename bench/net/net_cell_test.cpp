#include "bench/net/net_cell.h"

#include <gtest/gtest.h>

#include "bench/net/net_setups.h"

namespace selmcast::bench {
namespace {

TEST(NetCell, ARepeatTakesFromTheLastToBeginToTheLastToEnd) {
  const auto a =
      parse_host_repeat(R"({"round": 0, "started": 10, "ended": 12, "cpu_seconds": 0.5, "reached": 1})");
  const auto b =
      parse_host_repeat(R"({"round": 0, "started": 11, "ended": 13, "cpu_seconds": 0.3, "reached": 2})");
  ASSERT_TRUE(a && b);
  NetCell cell;
  ASSERT_TRUE(add_repeats({{*a}, {*b}}, Bytes(2'000'000'000), cell).has_value());
  EXPECT_EQ(cell.seconds, (std::vector<Duration>{Duration::seconds(2)}));  // 13 - 11
  EXPECT_DOUBLE_EQ(cell.reached_mean, 1.5);
  EXPECT_DOUBLE_EQ(cell.cpu_seconds_per_gb, 0.4);  // 0.8 s for 2 GB
  EXPECT_FALSE(add_repeats({{*a}, {}}, Bytes(1), cell).has_value());
  EXPECT_FALSE(add_repeats({{}, {}}, Bytes(1), cell).has_value());
  EXPECT_FALSE(parse_host_repeat("{}").has_value());
  EXPECT_FALSE(parse_host_repeat("Traceback").has_value());
}

TEST(NetCell, FiguresAreOfAbsoluteErrors) {
  NetCell cell;
  cell.seconds = {Duration::seconds(2), Duration::seconds(4), Duration::seconds(3)};
  cell.bounds = {Duration::seconds(1.5)};
  cell.prediction_errors = {-0.2, 0.1, 0.05};
  const NetFigures figures = figures_of(cell);
  EXPECT_DOUBLE_EQ(figures.median_seconds, 3);
  EXPECT_DOUBLE_EQ(figures.bound_share, 0.5);
  EXPECT_DOUBLE_EQ(*figures.error_median, 0.1);
  EXPECT_NEAR(*figures.error_p95, 0.19, 1e-12);  // between 0.1 and 0.2, at 0.9
}

TEST(NetCell, IsReadBackFromItsLine) {
  const NetCell cell{.setup = "even",
                     .contender = "exact p=2",
                     .ours = true,
                     .seconds = {Duration::seconds(2), Duration::seconds(4)},
                     .bounds = {Duration::seconds(1.5)},
                     .prediction_errors = {-0.25},
                     .reached_mean = 2.5,
                     .cpu_seconds_per_gb = 7};
  const auto read = parse_net_cell(net_json(cell));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(net_json(*read), net_json(cell));
  EXPECT_EQ(net_table({*read}), net_table({cell}));
  for (const char* other :
       {"", "{}", R"({"schema": "selmcast.bench_net/1"})", R"({"schema": "another"})", "[1]"})
    EXPECT_FALSE(parse_net_cell(other).has_value()) << other;
}

TEST(NetSetups, RingsEndWithTheSlowestLink) {
  const NetSetup uneven = net_setups()[0];
  EXPECT_EQ(uneven.workers(), 6U);
  // 2 * 5 / 6 of 25 MB at 50 Mbit/s * 1448 / 1514.
  EXPECT_NEAR(rival_bound(uneven, "gloo-allreduce").in_seconds(), 2 * 5 / 6.0 * 4 * 1514 / 1448, 1e-9);
  EXPECT_NEAR(rival_bound(uneven, "gloo-allgather").in_seconds(), 5 * 4.0 * 1514 / 1448, 1e-9);
  EXPECT_EQ(rival_payload(uneven, "gloo-allgather"), Bytes(30 * 25'000'000LL));
}

}  // namespace
}  // namespace selmcast::bench
