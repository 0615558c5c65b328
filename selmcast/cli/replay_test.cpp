#include "selmcast/cli/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "selmcast/cli/report/report_testing.h"

namespace selmcast::cli {
namespace {

using ::testing::HasSubstr;

// Two workers that send 1,000,000 bytes over links of 8 Mbit/s, 1 s; they computed 1 and 2 s, then 2 and 1 s.
constexpr const char* kScenario = R"({
  "schema": "selmcast.demo_scenario/1", "seed": 1, "rounds": 2, "min_receivers": 1, "max_age": 7, "staleness": 1,
  "model": "mlp", "model_bytes": 1000000, "multicast": "unicast", "target_accuracy": 0.85,
  "workers": [{"id": "w0", "uplink_bps": 8e6, "downlink_bps": 8e6,
               "declared_uplink_bps": 1e6, "declared_downlink_bps": 1e6},
              {"id": "w1", "uplink_bps": 8e6, "downlink_bps": 8e6,
               "declared_uplink_bps": 1e6, "declared_downlink_bps": 1e6}],
  "runs": [{"name": "random", "planner": "random", "paced": true, "seed": 1},
           {"name": "asp-random", "planner": "random", "paced": true, "seed": 1, "sync": "asp"}]})";

struct ReplayTest : testing::Test {
  report::TemporaryFolder folder;

  void SetUp() override {
    folder.write("demo.json", kScenario);
    for (const std::string run : {"random/", "asp-random/"}) {
      // Measured: both were blocked for a little longer than the model says.
      folder.write(run + "worker-0.jsonl",
                   R"({"round": 0, "at_seconds": 13.1, "loss": 1, "compute_seconds": 1, "sync_seconds": 2.1})"
                   "\n"
                   R"({"round": 1, "at_seconds": 16.2, "loss": 1, "compute_seconds": 2, "sync_seconds": 1.1})"
                   "\n");
      folder.write(run + "worker-1.jsonl",
                   R"({"round": 0, "at_seconds": 13.1, "loss": 1, "compute_seconds": 2, "sync_seconds": 1.1})"
                   "\n"
                   R"({"round": 1, "at_seconds": 16.2, "loss": 1, "compute_seconds": 1, "sync_seconds": 2.1})"
                   "\n");
    }
  }
  std::string error_of(const std::string& run) {
    const auto replayed = replay({.run = folder.path() / run});
    if (replayed) return "";
    EXPECT_EQ(replayed.error().code, ErrorCode::invalid_input);
    return replayed.error().message;
  }
};

TEST_F(ReplayTest, PredictsWhatThePencilSays) {
  const auto replayed = replay({.run = folder.path() / "random", .trials = 2});
  ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
  const TrainingFigures& predicted = replayed->predicted;
  EXPECT_NEAR(predicted.npu_utilization, 0.5, 1e-9);       // 6 s of computing in twice 6 s
  EXPECT_NEAR(predicted.total.in_seconds(), 6, 1e-9);      // 2 + 1 s, twice
  EXPECT_NEAR(predicted.blocked.in_seconds(), 1.5, 1e-9);  // (2 + 1 + 1 + 2) / 4
  EXPECT_NEAR(predicted.completion.value().in_seconds(), 1, 1e-9);
  const TrainingFigures& measured = replayed->measured;
  EXPECT_NEAR(measured.npu_utilization, 6 / 12.4, 1e-9);  // 6 + 2.1 + 1.1 + 1.1 + 2.1
  EXPECT_NEAR(measured.total.in_seconds(), 6.2, 1e-9);    // 10 to 16.2
  EXPECT_NEAR(measured.blocked.in_seconds(), 1.6, 1e-9);
  EXPECT_FALSE(measured.completion.has_value());                 // there is no journal
  EXPECT_THAT(replay_as_table(*replayed), HasSubstr("+3.3 %"));  // 0.5 / (6 / 12.4) - 1
}

TEST_F(ReplayTest, TheRunSaysHowItsWorkersWaitForOneAnother) {
  const auto replayed = replay({.run = folder.path() / "asp-random", .trials = 1});
  ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
  EXPECT_NEAR(replayed->predicted.total.in_seconds(), 5, 1e-9);  // simulation_test.cpp: nobody waits
  EXPECT_NEAR(replayed->predicted.npu_utilization, 0.6, 1e-9);
}

TEST_F(ReplayTest, LearntLinksAreThoseOfTheLastEstimateOrTheDeclaration) {
  const auto replayed = replay({.run = folder.path() / "random", .learnt_links = true, .trials = 1});
  ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
  EXPECT_NEAR(replayed->predicted.completion.value().in_seconds(), 8, 1e-9);  // 8 Mbit at 1 Mbit/s
}

TEST_F(ReplayTest, AnotherPlannerMayBeAskedAbout) {
  const auto replayed = replay({.run = folder.path() / "random", .planner = "exact", .trials = 1});
  ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
  EXPECT_EQ(replayed->settings.planner, "exact");
}

TEST_F(ReplayTest, JsonHoldsMeasuredPredictedAndError) {
  const auto replayed = replay({.run = folder.path() / "random", .trials = 1});
  ASSERT_TRUE(replayed.has_value());
  const auto json = nlohmann::json::parse(replay_as_json(*replayed));
  EXPECT_EQ(json["schema"], "selmcast.replay/1");
  EXPECT_NEAR(json["total_seconds"]["relative_error"].get<double>(), 6 / 6.2 - 1, 1e-9);
  EXPECT_TRUE(json["completion_seconds"]["measured"].is_null());
  EXPECT_EQ(json["worker_npu_utilization"].size(), 2U);
}

TEST_F(ReplayTest, WhatCannotBeReplayedIsSaid) {
  EXPECT_THAT(error_of("paper"), HasSubstr("is no run of this demo; its runs: random, asp-random"));
  EXPECT_THAT(error_of("random/worker-0.jsonl"), HasSubstr("--replay wants DIR/RUN"));
  folder.write("random/worker-1.jsonl", "");
  EXPECT_THAT(error_of("random"), HasSubstr("worker w1 finished no round"));
}

}  // namespace
}  // namespace selmcast::cli
