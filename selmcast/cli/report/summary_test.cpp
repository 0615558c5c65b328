#include "selmcast/cli/report/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "selmcast/cli/report/captions.h"
#include "selmcast/cli/report/link_use.h"
#include "selmcast/cli/report/summary_text.h"

namespace selmcast::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Four rounds of run `paper` in tests/data/report/small:
//   round   sync  delivery  predicted  bound  receivers  gap
//     0       1      1          1       0.5       1       1
//     1       2      2          1       0.5       2       2
//     2       3      3          2       1         1       2
//     3      10      8          4       2         2       2
class SmallFolder : public testing::Test {
 protected:
  void SetUp() override {
    auto read = read_run_folder(SELMCAST_REPORT_DATA "/small");
    ASSERT_TRUE(read) << read.error().message;
    folder_ = std::move(*read);
    summary_ = summarise(folder_);
  }
  const std::optional<Spread>& value(std::size_t group, std::string_view key) const {
    return summary_.groups[group].values[metric_index(key)];
  }
  RunFolder folder_;
  Summary summary_;
};

TEST_F(SmallFolder, TimesOfOneRun) {
  const RunSummary& run = summary_.runs[0];
  EXPECT_DOUBLE_EQ(run.sync_mean->in_seconds(), 4);       // (1 + 2 + 3 + 10) / 4
  EXPECT_DOUBLE_EQ(run.sync_median->in_seconds(), 2.5);   // between 2 and 3
  EXPECT_NEAR(run.sync_p95->in_seconds(), 8.95, 1e-12);   // 3 + 0.85 * 7
  EXPECT_DOUBLE_EQ(run.bound_mean->in_seconds(), 1);      // (0.5 + 0.5 + 1 + 2) / 4
  EXPECT_DOUBLE_EQ(run.predicted_mean->in_seconds(), 2);  // (1 + 1 + 2 + 4) / 4
  EXPECT_DOUBLE_EQ(run.delivery_mean->in_seconds(), 3.5);
  EXPECT_DOUBLE_EQ(*run.measured_over_predicted, 1.625);  // (1 + 2 + 1.5 + 2) / 4
  EXPECT_DOUBLE_EQ(*run.receivers_mean, 1.5);
  EXPECT_EQ(run.widest_gap, 2u);
  EXPECT_EQ(run.cancelled, 1u);
}

TEST_F(SmallFolder, TimeToTargetCountsFromTheFirstWorkersFirstComputation) {
  const RunSummary& run = summary_.runs[0];
  // Worker 0 ended round 0 at 2.5 after 1 s blocked and 0.5 s of computing: it began at 1. Worker 1 began
  // at 1.25.
  EXPECT_DOUBLE_EQ(run.start.in_seconds(), 1);
  EXPECT_DOUBLE_EQ(run.time_to_target->in_seconds(), 5);  // accuracy 0.5 at 6
  EXPECT_NEAR(*run.compute_share, 0.75 / 2.75, 1e-12);    // (0.5 + 0.25) of (1.5 + 1.25)
}

TEST_F(SmallFolder, FinalFiguresComeFromTheLastEvaluation) {
  const RunSummary& run = summary_.runs[0];
  EXPECT_DOUBLE_EQ(*run.final_accuracy, 0.6);
  EXPECT_DOUBLE_EQ(*run.consensus_distance, 0.25);
  EXPECT_NEAR(run.worker_accuracy->mean, 0.6, 1e-12);
  EXPECT_NEAR(run.worker_accuracy->deviation, 0.1, 1e-12);  // sqrt((0.01 + 0 + 0.01) / 2)
}

TEST_F(SmallFolder, WhatARunDidNotLeaveIsNothingAndNotZero) {
  const RunSummary& never = summary_.runs[3];
  EXPECT_EQ(never.rounds, 0u);
  EXPECT_FALSE(never.sync_mean.has_value());
  EXPECT_FALSE(never.widest_gap.has_value());
  EXPECT_FALSE(summary_.runs[2].time_to_target.has_value());  // accuracy 0.4 at most
  EXPECT_FALSE(summary_.runs[1].final_accuracy.has_value());
}

TEST_F(SmallFolder, SeedsOfOnePlannerAreDrawnTogetherAndUnpacedRunsApart) {
  std::vector<std::string> names;
  for (const GroupSummary& group : summary_.groups) names.push_back(group.name);
  EXPECT_THAT(names, ElementsAre("paper", "paper-unpaced", "random"));
  EXPECT_THAT(summary_.groups[0].runs, ElementsAre(0, 2));
  // Means 4 and (2 + 4) / 2 = 3: 3.5, and sqrt(0.25 + 0.25) = 0.7071.
  EXPECT_DOUBLE_EQ(value(0, "sync_seconds_mean")->mean, 3.5);
  EXPECT_NEAR(value(0, "sync_seconds_mean")->deviation, 0.70710678, 1e-8);
  EXPECT_EQ(value(0, "time_to_target_seconds")->count, 1u);
}

TEST_F(SmallFolder, TableShowsSpreadMissingValuesAndHowManyRunsHaveOne) {
  const auto rows = table_rows(summary_);
  const auto row = [&](std::string_view key) { return rows[metric_index(key)]; };
  EXPECT_THAT(row("sync_seconds_mean").cells, ElementsAre("3.500 ± 0.707", "3.000", "-"));
  EXPECT_THAT(row("time_to_target_seconds").cells, ElementsAre("5.000 (1 of 2)", "-", "-"));
  EXPECT_EQ(row("time_to_target_seconds").label, "until the average reaches 50 % (s)");
  EXPECT_EQ(row("widest_meeting_gap_rounds").label, "widest gap between two meetings (rounds, at most 2)");
  EXPECT_THAT(row("final_accuracy").cells,
              ElementsAre("50.0 ± 14.1", "-", "-"));  // 60 and 40 %: sqrt(200) = 14.14
}

TEST_F(SmallFolder, ColumnsThatDoNotFitContinueBelow) {
  const std::string wide = table_text(summary_, 200);
  const std::string narrow = table_text(summary_, 60);
  EXPECT_EQ(wide.find("rounds, at most"), wide.rfind("rounds, at most"));
  EXPECT_NE(narrow.find("rounds, at most"), narrow.rfind("rounds, at most"));
  for (const GroupSummary& group : summary_.groups) EXPECT_THAT(narrow, HasSubstr(group.name));
}

TEST_F(SmallFolder, JsonCarriesTheSameNumbersUnderTheSameKeys) {
  const auto json = nlohmann::json::parse(summary_json(summary_));
  EXPECT_EQ(json["schema"], "selmcast.demo/1");
  EXPECT_EQ(json["groups"][0]["seeds"], nlohmann::json({1, 2}));
  EXPECT_DOUBLE_EQ(json["groups"][0]["sync_seconds_mean"]["mean"], 3.5);
  EXPECT_TRUE(json["groups"][2]["sync_seconds_mean"].is_null());
  EXPECT_DOUBLE_EQ(json["runs"][0]["measured_over_predicted"], 1.625);
  for (const Metric& metric : metrics())
    EXPECT_TRUE(json["runs"][0].contains(std::string(metric.key))) << metric.key;
}

TEST_F(SmallFolder, LinkUseCountsCommittedBytesAgainstTrueBandwidth) {
  const LinkUse use = link_use(folder_.scenario, folder_.runs[0]);
  // 16 s of synchronisation. To b: 2 MB = 16 Mbit over 16 Mbit/s: 1 s. From a: 3 MB = 24 Mbit over 80 Mbit/s:
  // 0.3 s. To a: its only delivery was cancelled.
  EXPECT_NEAR(use.downlink[1], 1.0 / 16, 1e-12);
  EXPECT_NEAR(use.uplink[0], 0.3 / 16, 1e-12);
  EXPECT_DOUBLE_EQ(use.downlink[0], 0);
}

TEST_F(SmallFolder, WithNetworkMulticastASenderPassesItsUplinkOnceARound) {
  Scenario scenario = folder_.scenario;
  scenario.multicast = plan::MulticastKind::network;
  // From a: 1 MB in each of rounds 0 and 1: 16 Mbit over 80 Mbit/s: 0.2 s.
  EXPECT_NEAR(link_use(scenario, folder_.runs[0]).uplink[0], 0.2 / 16, 1e-12);
}

TEST_F(SmallFolder, CaptionsSayWhatIsSeen) {
  EXPECT_EQ(accuracy_caption(summary_),
            "The average of all models reaches 50 % after 5 s with paper (1 of 2 runs).");
  EXPECT_EQ(synchronisation_caption(summary_),
            "A synchronisation takes 3.500 s in the mean with paper and 3.000 s with paper-unpaced (0.86 "
            "times that).");
}

TEST(SummaryText, ShowsQuantitiesWithThreeDigits) {
  EXPECT_EQ(show_rate(Rate::bits_per_second(20e6)), "20 Mbit/s");
  EXPECT_EQ(show_rate(Rate::bits_per_second(2.512e9)), "2.51 Gbit/s");
  EXPECT_EQ(show_rate(Rate::bits_per_second(1500)), "1.5 kbit/s");
  EXPECT_EQ(show_bytes(Bytes(1'100'000)), "1.1 MB");
  EXPECT_EQ(show_bytes(Bytes(0)), "0 bytes");
  EXPECT_EQ(show_seconds(Duration::seconds(0.1234)), "0.123 s");
}

TEST(SummaryText, AFolderWithoutRunsSaysSo) { EXPECT_EQ(table_text(summarise(RunFolder{})), "no runs\n"); }

}  // namespace
}  // namespace selmcast::report
