// Real processes: a manager that is killed at random points, again and again, and goes on where it died.
// Every bound here is a watchdog against hanging; nothing is asserted about speed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/process_fixture.h"

namespace selmcast::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int kRestartRounds = 10;

struct ManagerRestarts : WithProcesses {
  std::unique_ptr<Process> manager(const Words& more) const {
    Words flags = recorded({"--workers", "3", "--min-receivers", "1"});
    flags.insert(flags.end(), more.begin(), more.end());
    return WithProcesses::manager(flags);
  }
  std::vector<json> journal() const {
    std::vector<json> events;
    std::ifstream file(folder / "journal.jsonl");
    for (std::string line; std::getline(file, line);) events.push_back(json::parse(line));
    return events;
  }

  // Kills the manager `kills` times, each time after up to a second, and starts it again; all must end well.
  void train_under_fire(const std::vector<std::string>& flags, int kills, unsigned seed) {
    std::mt19937 rng(seed);
    auto alive = manager(flags);
    const std::string address = address_of(*alive);
    std::vector<std::unique_ptr<Process>> workers;
    for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, kRestartRounds, "2e7"));
    EXPECT_TRUE(alive->line_with("round 0:").has_value()) << alive->output();
    int killed = 0;
    for (; killed < kills; ++killed) {
      std::this_thread::sleep_for(std::chrono::milliseconds(rng() % 1000));
      alive->send(SIGKILL);
      if (alive->wait() != 128 + SIGKILL) break;  // it was done before
      alive = manager(flags);
      ASSERT_EQ(alive->line_with("127.0.0.1:").value_or("no address"), address) << alive->output();
    }
    EXPECT_GE(killed, 2) << "it ended before it was killed: the test proves nothing";
    for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
    EXPECT_EQ(alive->wait(), 0) << alive->output();
    Process replay({SELMCAST_PROGRAM, "manager", "--replay", (folder / "journal.jsonl").string()});
    EXPECT_EQ(replay.wait(), 0) << replay.output();
  }
};

TEST_F(ManagerRestarts, KilledAtRandomPointsItLosesNoRound) {
  train_under_fire({"--planner", "broadcast"}, 5, 1);
  int next = 0;
  std::set<std::uint64_t> epochs;
  for (const json& event : journal()) {
    if (event["event"] == "plan") epochs.insert(event["version"][0].get<std::uint64_t>());
    if (event["event"] != "round") continue;
    EXPECT_EQ(event["round"], next++);
    EXPECT_EQ(event["deliveries"].size(), 6u);
    for (const json& delivery : event["deliveries"]) EXPECT_EQ(delivery["state"], "committed") << delivery;
  }
  EXPECT_EQ(next, kRestartRounds);
  EXPECT_GE(epochs.size(), 2u) << "plans of one manager only";
}

TEST_F(ManagerRestarts, WithoutRoundsInCommonLikewise) {
  train_under_fire({"--sync", "ssp", "--staleness", "2", "--overlap"}, 5, 2);
  std::map<std::string, int> complete;
  for (const json& event : journal()) {
    if (event["event"] == "multicast" && event["complete"]) ++complete[event["worker"]];
    if (event["event"] != "kept") continue;
    EXPECT_EQ(event["broken_meeting_gaps"], 0);
    EXPECT_EQ(event["broken_leads"], 0);
  }
  for (const char* worker : {"w0", "w1", "w2"}) EXPECT_EQ(complete[worker], kRestartRounds) << worker;
}

TEST_F(ManagerRestarts, OtherSettingsASecondManagerAndATrainingThatIsOverAreRefused) {
  auto first = manager({});
  ASSERT_TRUE(first->line_with("127.0.0.1:").has_value());
  const auto second = manager({});
  EXPECT_EQ(second->wait(), 1);
  EXPECT_THAT(second->output(), HasSubstr("another manager"));
  first->send(SIGKILL);
  first->wait();
  const auto other = manager({"--max-age", "3"});
  EXPECT_EQ(other->wait(), 2);
  EXPECT_THAT(other->output(), HasSubstr("another max-age (7, and now 3)"));
  auto again = manager({});
  ASSERT_TRUE(again->line_with("127.0.0.1:").has_value());
  again->send(SIGTERM);
  EXPECT_EQ(again->wait(), 1);
  const auto late = manager({});
  EXPECT_EQ(late->wait(), 2);
  EXPECT_THAT(late->output(), HasSubstr("is over"));
}

}  // namespace
}  // namespace selmcast::testing
