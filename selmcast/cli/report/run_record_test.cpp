#include "selmcast/cli/report/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "selmcast/cli/report/report_testing.h"

namespace selmcast::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kScenario = R"({"schema": "selmcast.demo_scenario/1", "seed": 1, "rounds": 2,
  "min_receivers": 1, "max_age": 1, "model": "mlp", "model_bytes": 1000, "multicast": "unicast",
  "target_accuracy": 0.5, "a_key_of_tomorrow": [1],
  "workers": [{"id": "a", "uplink_bps": 1e6, "downlink_bps": 1e6, "declared_uplink_bps": 1e6,
               "declared_downlink_bps": 1e6},
              {"id": "b", "uplink_bps": 1e6, "downlink_bps": 1e6, "declared_uplink_bps": 1e6,
               "declared_downlink_bps": 1e6}],
  "runs": [{"name": "paper", "planner": "paper", "paced": true, "seed": 1}]})";

std::string round_line(int round) {
  return R"({"event": "round", "at_seconds": 3, "round": )" + std::to_string(round) +
         R"(, "sync_seconds": 0.3, "delivery_seconds": 0.25, "predicted_seconds": 0.2, "bound_seconds": 0.1,
         "receivers_mean": 1, "widest_meeting_gap": 1, "estimates": [], "deliveries": [
         {"sender": "a", "receiver": "b", "reason": "basic", "bytes": 1000, "rate_bps": 1e6, "paced_bps": null,
          "state": "committed", "finished_seconds": 0.2}]})";
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string journal_error(const std::string& journal) {
  const TemporaryFolder folder;
  folder.write("demo.json", kScenario);
  folder.write("paper/journal.jsonl", journal);
  const auto read = read_run_folder(folder.path());
  return read ? "" : read.error().message;
}

std::string scenario_error(const std::string& scenario) {
  const TemporaryFolder folder;
  folder.write("demo.json", scenario);
  const auto read = read_run_folder(folder.path());
  return read ? "" : read.error().message;
}

TEST(RunRecord, ReadsEveryFieldOfTheSmallFolder) {
  const auto read = read_run_folder(SELMCAST_REPORT_DATA "/small");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->runs.size(), 4u);
  const RunRecord& paper = read->runs[0];
  ASSERT_EQ(paper.rounds.size(), 4u);
  EXPECT_EQ(paper.rounds[3].sync, Duration::seconds(10));
  EXPECT_EQ(paper.rounds[3].bound, Duration::seconds(2));
  ASSERT_EQ(paper.rounds[0].deliveries.size(), 3u);
  const Delivery& cancelled = paper.rounds[0].deliveries[2];
  EXPECT_FALSE(cancelled.committed);
  EXPECT_EQ(cancelled.why_cancelled, "c left");
  EXPECT_EQ(cancelled.sender, WorkerIndex(2));
  EXPECT_EQ(cancelled.receiver, WorkerIndex(0));
  EXPECT_EQ(cancelled.reason, plan::Reason::required);
  EXPECT_FALSE(paper.rounds[1].deliveries[2].paced.has_value());
  ASSERT_EQ(paper.departures.size(), 1u);
  EXPECT_EQ(paper.departures[0].reason, "session lost");
  EXPECT_FALSE(paper.workers[1][0].loss.has_value());
  EXPECT_THAT(paper.evaluations[2].worker_accuracy, ElementsAre(0.5, 0.6, 0.7));
}

TEST(RunRecord, ARunThatNeverStartedReadsAsEmpty) {
  const auto read = read_run_folder(SELMCAST_REPORT_DATA "/small");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(read->runs[3].rounds, IsEmpty());
  EXPECT_THAT(read->runs[3].evaluations, IsEmpty());
  EXPECT_THAT(read->runs[3].cut_short, IsEmpty());
}

TEST(RunRecord, EstimatesBeforeARoundAreDeclaredOnesOverlaidWithWhatWasLearnt) {
  const auto read = read_run_folder(SELMCAST_REPORT_DATA "/small");
  ASSERT_TRUE(read) << read.error().message;
  // Declared downlinks 16, 16, 8; round 0 taught a = 8 and c = 20, round 1 taught b = 15.
  const auto downlinks = [&](std::size_t at) {
    std::vector<double> result;
    for (const Estimate& e : estimates_before(read->scenario, read->runs[0], at))
      result.push_back(e.downlink.mbps());
    return result;
  };
  EXPECT_THAT(downlinks(0), ElementsAre(16, 16, 8));
  EXPECT_THAT(downlinks(1), ElementsAre(8, 16, 20));
  EXPECT_THAT(downlinks(4), ElementsAre(8, 15, 20));
}

TEST(RunRecord, DropsALastLineThatWasCutAndSaysSo) {
  const TemporaryFolder folder;
  folder.write("demo.json", kScenario);
  const std::string whole = one_line(round_line(0));
  folder.write("paper/journal.jsonl", whole + "\n" + one_line(round_line(1)).substr(0, 60));
  const auto read = read_run_folder(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->runs[0].rounds.size(), 1u);
  EXPECT_THAT(read->runs[0].cut_short, ElementsAre("journal.jsonl"));
}

TEST(RunRecord, KeepsALastLineThatOnlyLacksItsNewline) {
  const TemporaryFolder folder;
  folder.write("demo.json", kScenario);
  folder.write("paper/journal.jsonl", one_line(round_line(0)));
  const auto read = read_run_folder(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->runs[0].rounds.size(), 1u);
  EXPECT_THAT(read->runs[0].cut_short, IsEmpty());
}

TEST(RunRecord, AnyOtherBrokenLineIsAnErrorWithItsNumber) {
  const std::string whole = one_line(round_line(0)) + "\n";
  EXPECT_THAT(journal_error(whole + "{\"event\": \n"), HasSubstr("journal.jsonl:2: is not JSON"));
  EXPECT_THAT(journal_error("{\"event\": \n" + whole), HasSubstr("journal.jsonl:1: is not JSON"));
  EXPECT_THAT(journal_error("[1]\n"), HasSubstr("journal.jsonl:1: an object is needed, not an array"));
}

TEST(RunRecord, WrongTypesAndRangesNameTheirKey) {
  const std::string good = one_line(round_line(0)) + "\n";
  EXPECT_EQ(journal_error(good), "");
  const auto wrong = [&](const std::string& from, const std::string& to) {
    return journal_error(with(good, from, to));
  };
  EXPECT_THAT(wrong("\"sync_seconds\": 0.3", "\"sync_seconds\": \"x\""),
              HasSubstr(":1: sync_seconds: a number of seconds"));
  EXPECT_THAT(wrong("\"sync_seconds\": 0.3", "\"sync_seconds\": -1"), HasSubstr("sync_seconds"));
  EXPECT_THAT(wrong("\"sync_seconds\": 0.3,", ""), HasSubstr("sync_seconds: is missing"));
  EXPECT_THAT(wrong("\"rate_bps\": 1e6", "\"rate_bps\": -1"),
              HasSubstr("deliveries[0].rate_bps: 0 bit/s or more is needed"));
  EXPECT_THAT(wrong("\"rate_bps\": 1e6", "\"rate_bps\": 1e999"), HasSubstr("is not JSON"));
  EXPECT_THAT(wrong("\"receiver\": \"b\"", "\"receiver\": \"z\""),
              HasSubstr("demo.json has no worker \"z\""));
  EXPECT_THAT(wrong("\"receiver\": \"b\"", "\"receiver\": \"a\""), HasSubstr("is the sender itself"));
  EXPECT_THAT(wrong("\"basic\"", "\"why not\""), HasSubstr("deliveries[0].reason"));
  EXPECT_THAT(wrong("\"committed\"", "\"maybe\""), HasSubstr("deliveries[0].state"));
  EXPECT_THAT(wrong("\"round\": 0", "\"round\": 0.5"), HasSubstr("round: a whole number"));
  EXPECT_THAT(wrong("\"estimates\": []", "\"estimates\": {}"),
              HasSubstr("estimates: an array is needed, not an object"));
}

TEST(RunRecord, RoundsMustAscend) {
  const std::string line = one_line(round_line(3)) + "\n";
  EXPECT_THAT(journal_error(line + line), HasSubstr("journal.jsonl:2: round: 3 stands after round 3"));
}

TEST(RunRecord, ScenarioErrorsNameFileAndRemedy) {
  const std::string good(kScenario);
  EXPECT_EQ(scenario_error(good), "");
  EXPECT_THAT(scenario_error("{"), HasSubstr("demo.json: is not JSON"));
  EXPECT_THAT(scenario_error(with(good, "selmcast.demo_scenario/1", "selmcast.demo_scenario/2")),
              HasSubstr("schema"));
  EXPECT_THAT(scenario_error(with(good, "\"id\": \"b\"", "\"id\": \"a\"")),
              HasSubstr("workers[1].id: stands twice"));
  EXPECT_THAT(scenario_error(with(good, "\"target_accuracy\": 0.5", "\"target_accuracy\": 85")),
              HasSubstr("target_accuracy: a number from 0 to 1 is needed, not 85"));
  const TemporaryFolder empty;
  const auto read = read_run_folder(empty.path());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(read.error().message, HasSubstr("name a folder that `selmcast demo` wrote"));
}

TEST(RunRecord, RunNamesThatCouldLeaveTheFolderAreRefused) {
  for (const char* name : {"../etc", "a/b", "", ".", "..", ".hidden", "a b"})
    EXPECT_THAT(scenario_error(with(std::string(kScenario), R"("name": "paper")",
                                    "\"name\": \"" + std::string(name) + "\"")),
                HasSubstr("runs[0].name"))
        << name;
}

TEST(RunRecord, ATestbedsRecordSaysWhatLinksCarriedOverTime) {
  const TemporaryFolder folder;
  folder.write("demo.json", kScenario);
  folder.write("paper/links.jsonl",
               R"({"at_seconds": 1, "event": "rate", "host": "a", "uplink_bps": 1e6, "downlink_bps": 1e6}
{"at_seconds": 1, "event": "rate", "host": "manager"}
{"at_seconds": 1.1, "event": "sample", "host": "a", "uplink": {"bytes": 1}}
{"at_seconds": 2, "event": "traffic", "from": "b", "to": "a", "payload_bps": 4e5, "seconds": 3}
{"at_seconds": 3, "event": "rate", "host": "a", "downlink_bps": 2e6}
{"at_seconds": 4, "event": "rate", "host": "a", "downlink_bps": 9e6, "failed": "why"}
)");
  const auto read = read_run_folder(folder.path());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  const RunRecord& run = read->runs[0];
  const auto down = [&](std::uint32_t worker, double at) {
    return true_rates(read->scenario, run, WorkerIndex(worker), Instant::at_seconds(at)).downlink.bps();
  };
  EXPECT_DOUBLE_EQ(down(0, 1.5), 1e6);
  EXPECT_DOUBLE_EQ(down(0, 2.5), 6e5);    // less what competes
  EXPECT_DOUBLE_EQ(down(0, 4.5), 1.6e6);  // of the new rate
  EXPECT_DOUBLE_EQ(down(0, 5.5), 2e6);    // over
  EXPECT_DOUBLE_EQ(down(1, 2.5), 1e6);
  EXPECT_DOUBLE_EQ(true_rates(read->scenario, run, WorkerIndex(1), Instant::at_seconds(2.5)).uplink.bps(),
                   6e5);
}

}  // namespace
}  // namespace selmcast::report
