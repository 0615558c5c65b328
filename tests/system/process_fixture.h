// For tests that start the real programs: a folder of their own, a manager and workers that train, and nothing left of
// any of them when a test ends.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/system/process.h"

namespace selmcast::testing {

struct WithProcesses : ::testing::Test {
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("selmcast-" + std::to_string(getpid()) + "-" +
                                  ::testing::UnitTest::GetInstance()->current_test_info()->name());

  void SetUp() override {
    adopt_orphans();
    std::filesystem::create_directories(folder);
  }
  void TearDown() override {
    EXPECT_FALSE(has_children()) << "a process was left behind";
    std::filesystem::remove_all(folder);
  }

  using Words = std::vector<std::string>;
  static std::unique_ptr<Process> start(const Words& argv) { return std::make_unique<Process>(argv); }
  // On a port that is free.
  static std::unique_ptr<Process> manager(const Words& flags) {
    Words argv = {SELMCAST_PROGRAM, "manager", "--port", "0"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return start(argv);
  }
  static std::string address_of(Process& manager) {
    return manager.line_with("127.0.0.1:").value_or("no address");
  }
  // What a manager records, and keeps if it dies.
  Words recorded(const Words& more = {}) const {
    Words flags = {"--state", (folder / "state").string(), "--journal", (folder / "journal.jsonl").string()};
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }
  // One of three, a step a round. By default its links are so slow that a delivery takes its time: the model has about
  // a megabyte.
  Words worker_words(const std::string& manager, int rank, int rounds,
                     const std::string& downlink_bps) const {
    Words argv = {SELMCAST_TRAIN_PROGRAM, "worker", "--workers", "3", "--steps", "1", "--batch", "8"};
    argv.insert(argv.end(), {"--manager", manager, "--rank", std::to_string(rank)});
    argv.insert(argv.end(), {"--rounds", std::to_string(rounds), "--out", folder.string()});
    argv.insert(argv.end(), {"--uplink-bps", "1e8", "--downlink-bps", downlink_bps});
    return argv;
  }
  std::unique_ptr<Process> worker(const std::string& manager, int rank, int rounds = 4,
                                  const std::string& downlink_bps = "8e6") const {
    return start(worker_words(manager, rank, rounds, downlink_bps));
  }
};

}  // namespace selmcast::testing
