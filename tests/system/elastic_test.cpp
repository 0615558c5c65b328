// Real processes: workers that are killed and come back while the training goes on, under a manager that dies, too.
// Every bound here is a watchdog against hanging; nothing is asserted about speed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/system/process_fixture.h"

namespace selmcast::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int kRounds = 14;
constexpr const char* kDownlink = "2e7";

struct ElasticTraining : WithProcesses {
  // Kills w1 in the middle of round 1 or so, then the manager, starts both again, and lets them finish.
  void one_dies_and_comes_back(const std::vector<std::string>& flags) {
    Words words = recorded({"--workers", "3", "--min-receivers", "1", "--elastic"});
    words.insert(words.end(), flags.begin(), flags.end());
    auto alive = manager(words);
    const std::string address = address_of(*alive);
    std::vector<std::unique_ptr<Process>> workers;
    for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, kRounds, kDownlink));
    ASSERT_TRUE(workers[1]->line_with("round 1/").has_value()) << workers[1]->output();
    workers[1]->send(SIGKILL);
    EXPECT_EQ(workers[1]->wait(), 128 + SIGKILL);
    workers[1] = worker(address, 1, kRounds, kDownlink);
    ASSERT_TRUE(alive->line_with("w1 has parameters of").has_value()) << alive->output();
    alive->send(SIGKILL);
    alive->wait();
    alive = manager(words);
    for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
    EXPECT_THAT(workers[1]->output(), HasSubstr("the training runs already"));
    EXPECT_EQ(alive->wait(), 0) << alive->output();
    Process replay({SELMCAST_PROGRAM, "manager", "--replay", (folder / "journal.jsonl").string()});
    EXPECT_EQ(replay.wait(), 0) << replay.output();
    bool came = false, caught_up = false;
    std::ifstream file(folder / "journal.jsonl");
    for (std::string line; std::getline(file, line);) {
      const json event = json::parse(line);
      came = came || (event["event"] == "came" && event["name"] == "w1" && event["worker"] == "w1");
      caught_up = caught_up || (event["event"] == "caught_up" && event["from"] == json({"w0", "w2"}));
    }
    EXPECT_TRUE(came && caught_up);
  }
};

TEST_F(ElasticTraining, AKilledWorkerComesBackWithParametersOfTheOthersAndTrainsOn) {
  one_dies_and_comes_back({});
  // Its file has the rounds of both processes, in order.
  std::ifstream file(folder / "worker-1.jsonl");
  int last = -1;
  for (std::string line; std::getline(file, line);) {
    const int round = json::parse(line)["round"].get<int>();
    EXPECT_GT(round, last);
    last = round;
  }
  EXPECT_EQ(last, kRounds - 1);
}

TEST_F(ElasticTraining, WithoutRoundsInCommonLikewise) {
  one_dies_and_comes_back({"--sync", "ssp", "--staleness", "2"});
}

TEST_F(ElasticTraining, MulticastsOfTheNetworkLikewise) {
  // Emulated links do not hold bursts back: rounds would soon be over before the worker is there again.
  one_dies_and_comes_back({"--multicast", "network", "--no-bursts"});
}

TEST_F(ElasticTraining, ReceiversThatSendOnLikewise) { one_dies_and_comes_back({"--multicast", "relay"}); }

}  // namespace
}  // namespace selmcast::testing
