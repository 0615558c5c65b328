// The real programs as processes, and what becomes of the others when one of them dies, stops or is given nonsense.
// Every bound here is a watchdog against hanging; nothing is asserted about speed.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/process_fixture.h"

namespace selmcast::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::filesystem::path kDataSet = "/usr/share/datasets/fashion-mnist";

using Processes = WithProcesses;

// Follows a journal that a manager writes into a named pipe.
class JournalReader {
 public:
  explicit JournalReader(const std::filesystem::path& path) {
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    // The manager opens it for writing; both wait for one another.
    thread_ = std::jthread([this, path] {
      std::ifstream file(path);
      for (std::string line; std::getline(file, line);) {
        const json event = json::parse(line, nullptr, false);
        if (event.is_discarded()) return;
        events.push_back(event);
        if (on_event) on_event(event);
      }
    });
  }
  void join() { thread_.join(); }

  std::function<void(const json&)> on_event;  // on the reader's thread; set before the manager starts
  std::vector<json> events;                   // after join()

 private:
  std::jthread thread_;
};

bool concerns(const json& delivery, const std::string& worker) {
  return delivery["sender"] == worker || delivery["receiver"] == worker;
}

TEST_F(Processes, AWorkerKilledInMidRoundIsLeftOutAndTheOthersFinish) {
  JournalReader journal(folder / "journal.jsonl");
  std::vector<std::unique_ptr<Process>> workers(3);
  // When the second round is planned, its deliveries are under way: they take most of a second.
  journal.on_event = [&](const json& event) {
    if (event["event"] == "plan" && event["round"] == 1) workers[1]->send(SIGKILL);
  };
  auto manager = Processes::manager({"--workers", "3", "--planner", "broadcast", "--min-receivers", "1",
                                     "--journal", (folder / "journal.jsonl").string()});
  const std::string address = address_of(*manager);
  for (int k : {1, 0, 2}) workers[static_cast<std::size_t>(k)] = worker(address, k);
  EXPECT_EQ(workers[0]->wait(), 0) << workers[0]->output();
  EXPECT_EQ(workers[2]->wait(), 0) << workers[2]->output();
  EXPECT_EQ(workers[1]->wait(), 128 + SIGKILL);
  EXPECT_EQ(manager->wait(), 0) << manager->output();
  journal.join();
  int rounds = 0;
  bool left = false;
  for (const json& event : journal.events) {
    if (event["event"] == "left" && event["worker"] == "w1") left = true;
    if (event["event"] != "round") continue;
    ++rounds;
    for (const json& delivery : event["deliveries"]) {
      if (!concerns(delivery, "w1")) continue;
      EXPECT_LE(event["round"], 1) << delivery;
      // What was under way is either complete or does not count.
      if (delivery["state"] == "cancelled") {
        EXPECT_THAT(delivery["why"].get<std::string>(), HasSubstr("w1"));
      }
    }
    std::cout << "round " << event["round"] << " took " << event["sync_seconds"] << " s\n";
    if (event["round"] == 1) {
      const auto& deliveries = event["deliveries"];
      EXPECT_TRUE(std::ranges::any_of(deliveries, [](const json& d) { return d["state"] == "cancelled"; }));
    }
  }
  EXPECT_TRUE(left);
  EXPECT_EQ(rounds, 4);
}

TEST_F(Processes, WithoutRoundsInCommonAKilledWorkerIsLeftOutTheOthersFinishAndTheJournalReplays) {
  const std::string journal = (folder / "journal.jsonl").string();
  auto manager = Processes::manager({"--workers", "3", "--sync", "ssp", "--staleness", "1", "--planner",
                                     "broadcast", "--min-receivers", "1", "--journal", journal});
  const std::string address = address_of(*manager);
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k));
  // Its next deliveries are about to begin, or under way: they take most of a second.
  ASSERT_TRUE(manager->line_with("w1 round 0:").has_value()) << manager->output();
  workers[1]->send(SIGKILL);
  EXPECT_EQ(workers[0]->wait(), 0) << workers[0]->output();
  EXPECT_EQ(workers[2]->wait(), 0) << workers[2]->output();
  EXPECT_EQ(manager->wait(), 0) << manager->output();
  std::map<std::string, int> complete;
  json kept;
  std::ifstream file(journal);
  for (std::string line; std::getline(file, line);) {
    const json event = json::parse(line, nullptr, false);
    ASSERT_FALSE(event.is_discarded()) << line;
    if (event["event"] == "multicast" && event["complete"]) ++complete[event["worker"]];
    if (event["event"] == "kept") kept = event;
  }
  EXPECT_EQ(complete["w0"], 4);
  EXPECT_EQ(complete["w2"], 4);
  EXPECT_LT(complete["w1"], 4);
  EXPECT_EQ(kept["broken_meeting_gaps"], 0);
  EXPECT_EQ(kept["broken_leads"], 0);
  EXPECT_LE(kept["widest_lead"], 1);
  const auto replay = start({SELMCAST_PROGRAM, "manager", "--replay", journal});
  EXPECT_EQ(replay->wait(), 0) << replay->output();
}

TEST_F(Processes, FlagsThatDoNotGoTogetherAreWrongUsage) {
  const auto complaint = [&](std::vector<std::string> flags) {
    const auto manager = Processes::manager(std::move(flags));
    EXPECT_EQ(manager->wait(), 2) << manager->output();
    return manager->output();
  };
  EXPECT_THAT(complaint({"--staleness", "2"}), HasSubstr("only sync ssp has one"));
  EXPECT_THAT(complaint({"--sync", "asp", "--staleness", "2"}), HasSubstr("this is sync asp"));
  EXPECT_THAT(complaint({"--sharing", "fair"}), HasSubstr("only for sync ssp and asp"));
  EXPECT_THAT(complaint({"--sync", "ssp", "--planner", "exact"}),
              HasSubstr("no planner 'exact' for ssp and asp; there are auto"));
}

TEST_F(Processes, AStoppedWorkerIsRemovedAndSaysSoWhenItGoesOn) {
  auto manager = Processes::manager({"--workers", "3", "--min-receivers", "1"});
  const std::string address = address_of(*manager);
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k));
  ASSERT_TRUE(manager->line_with("round 0:").has_value()) << manager->output();
  workers[2]->send(SIGSTOP);
  EXPECT_THAT(manager->line_with("left").value_or(""), HasSubstr("w2 left (not heard for 4"));
  EXPECT_EQ(workers[0]->wait(), 0) << workers[0]->output();
  EXPECT_EQ(workers[1]->wait(), 0) << workers[1]->output();
  EXPECT_EQ(manager->wait(), 0) << manager->output();
  workers[2]->send(SIGCONT);
  EXPECT_EQ(workers[2]->wait(), 1);
  EXPECT_THAT(workers[2]->output(), HasSubstr("manager"));
}

TEST_F(Processes, AKilledManagerEndsEveryWorkerWithAnErrorThatNamesIt) {
  auto manager = Processes::manager({"--workers", "3", "--min-receivers", "1"});
  const std::string address = address_of(*manager);
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, 100000));
  ASSERT_TRUE(manager->line_with("round 0:").has_value()) << manager->output();
  manager->send(SIGKILL);
  EXPECT_EQ(manager->wait(), 128 + SIGKILL);
  for (const auto& process : workers) {
    EXPECT_EQ(process->wait(), 1);
    EXPECT_THAT(process->output(), HasSubstr("lost the manager"));
  }
}

TEST_F(Processes, AnInterruptedManagerTellsItsWorkersAndEnds) {
  auto manager = Processes::manager({"--workers", "3", "--min-receivers", "1"});
  const std::string address = address_of(*manager);
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, 100000));
  ASSERT_TRUE(manager->line_with("round 0:").has_value()) << manager->output();
  manager->send(SIGINT);
  EXPECT_EQ(manager->wait(), 1);
  for (const auto& process : workers) {
    EXPECT_EQ(process->wait(), 1);
    EXPECT_THAT(process->output(), HasSubstr("the manager was stopped by a signal"));
  }
}

// The manager needs three: who is interrupted has not done its part, so the others are told, too, and nobody is left.
TEST_F(Processes, AnInterruptedWorkerSaysGoodbyeAndEndsInAMoment) {
  for (const int number : {SIGTERM, SIGINT}) {
    auto manager = Processes::manager({"--workers", "3", "--min-receivers", "1", "--min-workers", "3"});
    const std::string address = address_of(*manager);
    std::vector<std::unique_ptr<Process>> workers;
    for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, 100000));
    ASSERT_TRUE(manager->line_with("round 0:").has_value()) << manager->output();
    workers[1]->send(number);
    EXPECT_EQ(workers[1]->wait(), 128 + number) << workers[1]->output();
    EXPECT_EQ(manager->wait(), 1);
    EXPECT_THAT(manager->output(),
                HasSubstr("w1 left (interrupted by signal " + std::to_string(number) + ")"));
    for (const int k : {0, 2}) {
      EXPECT_EQ(workers[static_cast<std::size_t>(k)]->wait(), 1);
      EXPECT_THAT(workers[static_cast<std::size_t>(k)]->output(),
                  HasSubstr("only 2 workers are left of the 3"));
    }
  }
}

// As a launcher does it: a signal to all at the same time. Nothing is left (TearDown looks), neither by one that still
// waits for the others.
TEST_F(Processes, AllOfATrainingThatAreInterruptedEnd) {
  auto manager = Processes::manager({"--workers", "3", "--min-receivers", "1"});
  const std::string address = address_of(*manager);
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 2; ++k) workers.push_back(worker(address, k, 100000));
  for (const auto& process : workers) process->send(SIGTERM);
  manager->send(SIGTERM);
  EXPECT_EQ(manager->wait(), 1) << manager->output();
  for (const auto& process : workers) EXPECT_TRUE(process->wait().has_value()) << process->output();
}

// ---- nonsense ----

TEST_F(Processes, AMissingOrTruncatedDataSetIsWrongInputWithARemedy) {
  const std::vector<std::string> argv = {SELMCAST_TRAIN_PROGRAM, "worker", "--solo", "--out",
                                         folder.string(),        "--data"};
  const auto with_data = [&](const std::filesystem::path& data) {
    std::vector<std::string> all = argv;
    all.push_back(data.string());
    return start(all);
  };
  const auto missing = with_data(folder / "nothing");
  EXPECT_EQ(missing->wait(), 2);
  EXPECT_THAT(missing->output(), ::testing::AllOf(HasSubstr("nothing"), HasSubstr("dataset-fashion-mnist")));
  const auto half = folder / "half";
  std::filesystem::copy(kDataSet, half);
  std::filesystem::resize_file(half / "train-images-idx3-ubyte.gz", 1'000'000);
  const auto truncated = with_data(half);
  EXPECT_EQ(truncated->wait(), 2);
  EXPECT_THAT(truncated->output(), HasSubstr("train-images-idx3-ubyte.gz"));
}

TEST_F(Processes, WrongFlagsOfAManagerAreWrongUsage) {
  const std::vector<std::vector<std::string>> cases = {
      {"--planner", "crystal-ball"}, {"--workers", "0"},         {"--workers", "4", "--min-receivers", "4"},
      {"--min-receivers", "nan"},    {"--min-receivers", "1.5"}, {"--join-timeout", "-1"},
      {"--join-timeout", "nan"},     {"--join-timeout", "inf"},  {"--no-such-flag"},
      {"--replay", "/dev/null"}};
  for (const auto& flags : cases) {
    const auto process = Processes::manager(flags);
    EXPECT_EQ(process->wait(), 2) << flags[0] << ": " << process->output();
    EXPECT_FALSE(process->output().empty());
  }
  EXPECT_THAT((*Processes::manager({"--planner", "crystal-ball"})).line_with("crystal-ball").value_or(""),
              HasSubstr("paper"));  // and names those that there are
}

TEST_F(Processes, APortInUseIsAFailureThatNamesIt) {
  const int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(taken, reinterpret_cast<const sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(taken, 1), 0);
  ASSERT_EQ(getsockname(taken, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  const auto process = start({SELMCAST_PROGRAM, "manager", "--port", port});
  EXPECT_EQ(process->wait(), 1);
  EXPECT_THAT(process->output(), HasSubstr("127.0.0.1:" + port));
  close(taken);
}

TEST_F(Processes, TooFewWorkersInTimeEndTheManagerAndTheWaiting) {
  auto manager = Processes::manager({"--workers", "3", "--join-timeout", "5"});
  const auto lonely = worker(address_of(*manager), 0);
  EXPECT_EQ(manager->wait(), 1);
  EXPECT_THAT(manager->output(), HasSubstr("of 3 workers came within 5"));
  EXPECT_EQ(lonely->wait(), 1);  // told so, or it came when there was no manager any more
}

// ---- the demo ----

std::vector<std::string> small_demo(const std::filesystem::path& out, const std::string& rounds) {
  return {SELMCAST_PROGRAM,
          "demo",
          "--workers",
          "3",
          "--rounds",
          rounds,
          "--steps",
          "1",
          "--no-unpaced",
          "--planners",
          "paper,random",
          "--min-receivers",
          "1",
          "--out",
          out.string()};
}

TEST_F(Processes, ASmallDemoRunsToItsReport) {
  const auto demo = start(small_demo(folder / "demo", "3"));
  EXPECT_EQ(demo->wait(), 0) << demo->output();
  EXPECT_TRUE(std::filesystem::exists(folder / "demo" / "report.html"));
  std::ifstream file(folder / "demo" / "summary.json");
  const json summary = json::parse(file, nullptr, false);
  ASSERT_FALSE(summary.is_discarded());
  EXPECT_EQ(summary["schema"], "selmcast.demo/1");
  ASSERT_EQ(summary["runs"].size(), 2u);
  for (const json& run : summary["runs"]) EXPECT_EQ(run["rounds"], 3);
}

TEST_F(Processes, AnInterruptedDemoEndsEveryProcessItStarted) {
  const auto demo = start(small_demo(folder / "demo", "60"));
  ASSERT_TRUE(demo->line_with("loss").has_value()) << demo->output();
  demo->send(SIGINT);
  EXPECT_EQ(demo->wait(), 1) << demo->output();
}

}  // namespace
}  // namespace selmcast::testing
