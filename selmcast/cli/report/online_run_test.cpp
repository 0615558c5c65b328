// A run without rounds in common, from its journal to the page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/plots.h"
#include "selmcast/cli/report/report.h"
#include "selmcast/cli/report/report_testing.h"
#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/report/summary.h"
#include "selmcast/cli/report/summary_text.h"

namespace selmcast::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kScenario = R"({
  "schema": "selmcast.demo_scenario/1", "seed": 1, "rounds": 2, "min_receivers": 1, "max_age": 7, "staleness": 1,
  "keep_fraction": 0.75, "model": "mlp", "model_bytes": 1000000, "multicast": "unicast", "target_accuracy": 0.85,
  "workers": [{"id": "w0", "uplink_bps": 8e6, "downlink_bps": 8e6, "slow_factor": 3,
               "declared_uplink_bps": 1e6, "declared_downlink_bps": 1e6},
              {"id": "w1", "uplink_bps": 8e6, "downlink_bps": 8e6,
               "declared_uplink_bps": 1e6, "declared_downlink_bps": 1e6}],
  "runs": [{"name": "ssp-paper", "planner": "paper", "paced": true, "seed": 1, "sync": "ssp"}]})";

std::string multicast(const char* worker, int round, double issued, double sending,
                      const std::string& delivery) {
  return R"({"event": "multicast", "complete": true, "worker": ")" + std::string(worker) + R"(", "round": )" +
         std::to_string(round) + R"(, "issued_seconds": )" + std::to_string(issued) +
         R"(, "computing_seconds": 1, "sending_seconds": )" + std::to_string(sending) +
         R"(, "predicted_seconds": 1, "widest_meeting_gap": 2, "widest_lead": )" + std::to_string(round) +
         R"(, "at_seconds": 9, "deliveries": [)" + delivery + "]}\n";
}
std::string delivery(const char* from, const char* to, const std::string& state, double settled) {
  return R"({"transfer": 1, "sender": ")" + std::string(from) + R"(", "receiver": ")" + to +
         R"(", "reason": "kept", "bytes": 1000000, "rate_bps": 0, "paced_bps": null, "state": ")" + state +
         R"(", "settled_seconds": )" + std::to_string(settled) + "}";
}

struct OnlineRun : testing::Test {
  TemporaryFolder folder;
  void SetUp() override {
    folder.write("demo.json", kScenario);
    // w1: rounds of 1 s and multicasts of 1 and 2 s; w0 computes 3 s, its first multicast is dropped after 0.5 s.
    folder.write(
        "ssp-paper/journal.jsonl",
        multicast("w1", 0, 1, 1, delivery("w1", "w0", "committed", 2)) +
            multicast("w0", 0, 3, 0.5, delivery("w0", "w1", "dropped", 3.5)) +
            R"({"event": "estimates", "at_seconds": 3.5, "estimates": [{"worker": "w0", "uplink_bps": 7e6, )"
            R"("downlink_bps": 6e6}]})"
            "\n" +
            multicast("w1", 1, 3, 2, delivery("w1", "w0", "committed", 4.5)) +
            multicast("w0", 1, 6.5, 0.5, delivery("w0", "w1", "cancelled", 7)));
    folder.write("ssp-paper/worker-0.jsonl",
                 R"({"round": 0, "at_seconds": 3.5, "loss": 1, "compute_seconds": 3, "sync_seconds": 0.5})"
                 "\n"
                 R"({"round": 1, "at_seconds": 7, "loss": 1, "compute_seconds": 3, "sync_seconds": 0.5})"
                 "\n");
    folder.write("ssp-paper/worker-1.jsonl",
                 R"({"round": 0, "at_seconds": 2, "loss": 1, "compute_seconds": 1, "sync_seconds": 1})"
                 "\n"
                 R"({"round": 1, "at_seconds": 5, "loss": 1, "compute_seconds": 1, "sync_seconds": 2})"
                 "\n");
  }
};

TEST_F(OnlineRun, IsReadAndSummarisedByMulticast) {
  const auto record = read_run_folder(folder.path());
  ASSERT_TRUE(record.has_value()) << record.error().message;
  ASSERT_EQ(record->runs[0].multicasts.size(), 4U);
  EXPECT_TRUE(record->runs[0].multicasts[1].deliveries[0].dropped);
  EXPECT_EQ(final_estimates(record->scenario, record->runs[0])[0].downlink, Rate::bits_per_second(6e6));
  EXPECT_EQ(final_estimates(record->scenario, record->runs[0])[1].downlink, Rate::bits_per_second(1e6));
  const Summary summary = summarise(*record);
  ASSERT_EQ(summary.groups.size(), 1U);
  EXPECT_EQ(summary.groups[0].name, "ssp-paper");
  const RunSummary& run = summary.runs[0];
  EXPECT_EQ(run.rounds, 2U);
  EXPECT_DOUBLE_EQ(run.sync_mean.value().in_seconds(), 1);  // (1 + 0.5 + 2 + 0.5) / 4
  EXPECT_DOUBLE_EQ(run.delivery_mean.value().in_seconds(),
                   1.25);                             // 2 - 1 and 4.5 - 3; the others delivered nothing
  EXPECT_DOUBLE_EQ(run.receivers_mean.value(), 0.5);  // 2 of 4 multicasts have one
  EXPECT_DOUBLE_EQ(run.measured_over_predicted.value(), 1.25);
  EXPECT_DOUBLE_EQ(run.compute_share.value(), 8.0 / 12);  // 3 + 3 + 1 + 1 of 7 + 5 s
  EXPECT_DOUBLE_EQ(run.training.value().in_seconds(), 7);
  EXPECT_EQ(run.dropped, 1U);
  EXPECT_EQ(run.cancelled, 1U);
  EXPECT_EQ(run.widest_lead.value(), 1U);
  EXPECT_THAT(table_text(summary), HasSubstr("dropped deliveries"));
}

TEST_F(OnlineRun, IsDrawnWithItsStalenessAndDrops) {
  const auto record = read_run_folder(folder.path());
  ASSERT_TRUE(record.has_value()) << record.error().message;
  std::vector<std::string> names;
  for (const Plot& plot : make_plots(*record, summarise(*record))) names.push_back(plot.name);
  EXPECT_THAT(names, ElementsAre("synchronisation", "utilisation", "staleness", "drops", "prediction",
                                 "links", "bandwidth", "estimate_error"));
  const auto written = write_report(folder.path());
  ASSERT_TRUE(written.has_value()) << written.error().message;
  EXPECT_EQ(xml_fault(folder.read("staleness.svg")), "");
  EXPECT_EQ(xml_fault(folder.read("drops.svg")), "");
  EXPECT_THAT(folder.read("report.html"), HasSubstr("at most 1 rounds ahead of the slowest (ssp)"));
}

TEST_F(OnlineRun, StatesThatNobodyKnowsAreNamed) {
  folder.write("ssp-paper/journal.jsonl", multicast("w1", 0, 1, 1, delivery("w1", "w0", "lost", 2)));
  const auto record = read_run_folder(folder.path());
  ASSERT_FALSE(record.has_value());
  EXPECT_THAT(record.error().message,
              HasSubstr("deliveries[0].state: committed, cancelled or dropped is needed"));
}

}  // namespace
}  // namespace selmcast::report
