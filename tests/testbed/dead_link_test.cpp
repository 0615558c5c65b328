// Links between two workers over which nothing passes any more, one way or both, in network namespaces: both ends
// notice, the round ends without the pair, the pair is left out for a while. And a worker that comes, and that nobody
// reaches. A one-way cut is a wrong neighbour entry: what goes to that address is lost, silently. All bounds here are
// watchdogs; what was measured is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/process.h"

namespace selmcast::testbed {
namespace {

using nlohmann::json;
using ::selmcast::testing::Process;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

double clock_seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct DeadLink : ::testing::Test {
  std::string name = "dead-" + std::to_string(getpid());
  std::filesystem::path folder;
  std::unique_ptr<Process> manager;
  std::vector<std::unique_ptr<Process>> workers;

  void SetUp() override {
    ASSERT_EQ(geteuid(), 0U) << "testbeds need root; to leave these tests out: ctest -LE testbed";
    char made[] = "/tmp/selmcast-dead-link-XXXXXX";
    ASSERT_NE(mkdtemp(made), nullptr);
    folder = made;
    // Twice a megabyte at 16 Mbit/s: a round takes about 1.1 s. The last host is the manager's.
    Process up({SELMCAST_PROGRAM, "testbed", "up", "--hosts", "5", "--downlinks-mbps", "16", "--no-multicast",
                "--name", name});
    ASSERT_EQ(up.wait(), 0) << up.output();
  }
  void TearDown() override {
    if (geteuid() != 0) return;
    Process({SELMCAST_PROGRAM, "testbed", "down", "--name", name}).wait();
    std::filesystem::remove_all(folder);
  }

  std::unique_ptr<Process> on(const std::string& host, const Words& words) const {
    Words argv = {SELMCAST_PROGRAM, "testbed", "exec", host, "--name", name, "--"};
    argv.insert(argv.end(), words.begin(), words.end());
    return std::make_unique<Process>(argv);
  }
  static std::string address(int host) { return "10.77.0." + std::to_string(host + 1); }

  void start_manager(const Words& more) {
    Words words = {SELMCAST_PROGRAM,
                   "manager",
                   "--insecure-listen",
                   address(4),
                   "--port",
                   "7070",
                   "--workers",
                   "3",
                   "--planner",
                   "broadcast",
                   "--clock-zero",
                   "0",
                   "--journal",
                   folder / "journal.jsonl"};
    words.insert(words.end(), more.begin(), more.end());
    manager = on("w4", words);
    ASSERT_TRUE(manager->line_with(":7070").has_value()) << manager->output();
  }
  std::unique_ptr<Process> worker(int rank, int rounds, const Words& more = {}) const {
    Words words = {SELMCAST_TRAIN_PROGRAM, "worker", "--workers", "4", "--rank", std::to_string(rank)};
    words.insert(words.end(), {"--steps", "1", "--batch", "8", "--rounds", std::to_string(rounds)});
    words.insert(words.end(), {"--manager", address(4) + ":7070", "--out", folder.string()});
    words.insert(words.end(), {"--declared-uplink-bps", "1e8", "--declared-downlink-bps", "1.5e7"});
    words.insert(words.end(), more.begin(), more.end());
    return on("w" + std::to_string(rank), words);
  }

  double at(const std::string& file) const {
    double seconds = 0;
    std::ifstream(folder / file) >> seconds;
    // The shell reads the time from /proc/uptime, which counts a suspended machine's sleep.
    return seconds - (clock_seconds(CLOCK_BOOTTIME) - clock_seconds(CLOCK_MONOTONIC));
  }
  bool appears(const std::string& file) const {
    for (int k = 0; k < 600; ++k) {
      if (std::filesystem::exists(folder / file) && std::filesystem::file_size(folder / file) > 0)
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  // Lies ready in the host: nothing passes from it to `to`, from when `cut` appears on.
  std::unique_ptr<Process> cutter(int from, int to) const {
    const std::string done = (folder / ("cut." + std::to_string(from))).string();
    const std::string gone =
        "ip neigh replace " + address(to) + " lladdr 02:de:ad:00:00:01 dev eth0 nud permanent";
    return on("w" + std::to_string(from),
              {"sh", "-c",
               "while ! [ -e " + (folder / "cut").string() + " ]; do sleep 0.01; done; " + gone +
                   "; cat /proc/uptime > " + done});
  }
  // Says when no connection between the two is established any more, from when it was cut on.
  std::unique_ptr<Process> watcher(int host, int other) const {
    const std::string file = (folder / ("gone." + std::to_string(host))).string();
    return on("w" + std::to_string(host), {"sh", "-c",
                                           "while ! [ -e " + (folder / "cut").string() +
                                               " ]; do sleep 0.01; done; while ss -tnH state "
                                               "established dst " +
                                               address(other) +
                                               " | grep -q .; do sleep 0.02; done; "
                                               "cat /proc/uptime > " +
                                               file});
  }

  enum class Cut { both_ways, forth, back };
  enum class When { sending, idle };
  // Round 1 is whole. The pair is cut in the middle of round 2 (first failure), cannot be dialled in round 3 (second)
  // and rests in round 4. Or it is cut while all compute for round 2, where it cannot be dialled.
  void a_pair_is_cut(Cut cut, When when) {
    const int rounds = when == When::sending ? 4 : 2;
    start_manager({});
    const Words computing = when == When::idle ? Words{"--compute-seconds", "2.5"} : Words{};
    for (int k = 0; k < 3; ++k) workers.push_back(worker(k, rounds, computing));
    std::vector<std::unique_ptr<Process>> helpers;
    if (cut != Cut::back) helpers.push_back(cutter(0, 1));
    if (cut != Cut::forth) helpers.push_back(cutter(1, 0));
    helpers.push_back(watcher(0, 1));
    helpers.push_back(watcher(1, 0));
    ASSERT_TRUE(workers[0]->line_with("round 1/").has_value()) << workers[0]->output();
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    std::ofstream(folder / "cut") << "now";
    for (const auto& helper : helpers) EXPECT_EQ(helper->wait(), 0) << helper->output();
    ASSERT_TRUE(appears("gone.0") && appears("gone.1"));
    const double began = at(cut == Cut::back ? "cut.1" : "cut.0");
    for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
    EXPECT_EQ(manager->wait(), 0) << manager->output();
    const std::string said = manager->output();
    if (when == When::sending) {
      EXPECT_THAT(said, HasSubstr("NOT delivered"));
      EXPECT_TRUE(said.find("w0 -> w1: link") != said.npos || said.find("w1 -> w0: link") != said.npos)
          << said;
      EXPECT_THAT(said, HasSubstr("nothing passes from w0 to w1"));
    }
    report(began, rounds);
  }

  // Every round was delivered to the pairs that are left; how long they took.
  void report(double began, int rounds_in_all) const {
    const double first = at("gone.0") - began, second = at("gone.1") - began;
    EXPECT_LT(std::max(first, second), 20);
    std::cout << "noticed by w0 after " << first << " s, by w1 after " << second << " s; rounds took";
    std::ifstream file(folder / "journal.jsonl");
    int rounds = 0;
    for (std::string line; std::getline(file, line);) {
      const json event = json::parse(line);
      if (event["event"] != "round") continue;
      std::size_t committed = 0, wanted = 0;
      for (const json& delivery : event["deliveries"]) {
        const bool dead = delivery["sender"] != "w2" && delivery["receiver"] != "w2";
        if (dead) continue;
        ++wanted;
        committed += delivery["state"] == "committed" ? 1 : 0;
      }
      EXPECT_EQ(committed, wanted) << line;
      EXPECT_EQ(wanted, 4U);
      ++rounds;
      std::cout << " " << event["sync_seconds"].get<double>();
    }
    std::cout << " s\n";
    EXPECT_EQ(rounds, rounds_in_all);
  }
};

TEST_F(DeadLink, CutInMidDelivery) { a_pair_is_cut(Cut::both_ways, When::sending); }
TEST_F(DeadLink, CutOneWayInMidDelivery) { a_pair_is_cut(Cut::forth, When::sending); }
TEST_F(DeadLink, CutTheOtherWayInMidDelivery) { a_pair_is_cut(Cut::back, When::sending); }
TEST_F(DeadLink, CutWhileNothingIsSent) { a_pair_is_cut(Cut::both_ways, When::idle); }
TEST_F(DeadLink, CutOneWayWhileNothingIsSent) { a_pair_is_cut(Cut::forth, When::idle); }

// w3 reaches the manager, and no other worker reaches w3: what they send to it is lost.
TEST_F(DeadLink, AComerThatNobodyReachesIsTurnedAwayAndToldWhy) {
  start_manager({"--elastic"});
  for (int k = 0; k < 3; ++k) {
    const auto cut = on("w" + std::to_string(k), {"ip", "neigh", "replace", address(3), "lladdr",
                                                  "02:de:ad:00:00:01", "dev", "eth0", "nud", "permanent"});
    ASSERT_EQ(cut->wait(), 0) << cut->output();
    workers.push_back(worker(k, 16));
  }
  ASSERT_TRUE(workers[0]->line_with("round 1/").has_value()) << workers[0]->output();
  const auto comer = worker(3, 16);
  EXPECT_EQ(comer->wait(), 1) << comer->output();
  EXPECT_THAT(comer->output(), HasSubstr("in 3 attempts no model of the others reached it"));
  EXPECT_THAT(comer->output(), HasSubstr("found at " + address(3)));
  const auto again = worker(3, 16);
  EXPECT_EQ(again->wait(), 1) << again->output();
  EXPECT_THAT(again->output(), HasSubstr("come again in"));
  for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
  EXPECT_EQ(manager->wait(), 0) << manager->output();
  EXPECT_THAT(manager->output(), HasSubstr("w3 left (turned away: in 3 attempts"));
  std::ifstream file(folder / "journal.jsonl");
  std::cout << "rounds took";
  for (std::string line; std::getline(file, line);) {
    const json event = json::parse(line);
    if (event["event"] == "round") std::cout << " " << event["sync_seconds"].get<double>();
  }
  std::cout << " s\n";
}

}  // namespace
}  // namespace selmcast::testbed
