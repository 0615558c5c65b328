// Real processes that run out of something: room on a disk, files they may open, patience of strangers.
// Every bound here is a watchdog against hanging; nothing is asserted about speed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/system/process_fixture.h"

namespace selmcast::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Resources : WithProcesses {
  // The words as one command of a shell that has limited itself before.
  static Words limited(const std::string& limit, const Words& words) {
    Words argv = {"/bin/bash", "-c", limit + "; exec \"$@\"", "bash"};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
  }
};

TEST_F(Resources, AFullDiskUnderTheJournalIsToldAtTheEndAndStopsNoTraining) {
  auto manager = WithProcesses::manager({"--workers", "3", "--min-receivers", "1", "--journal", "/dev/full"});
  const std::string address = address_of(*manager);
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, 3));
  for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
  EXPECT_EQ(manager->wait(), 1) << manager->output();
  EXPECT_THAT(manager->output(), AllOf(HasSubstr("/dev/full is incomplete"), HasSubstr("is the disk full?")));
}

// The state may have 40 KiB: enough to begin with, not for 40 rounds.
TEST_F(Resources, AFullDiskUnderTheStateIsToldOnceAndStopsNoTraining) {
  Words words = {SELMCAST_PROGRAM, "manager", "--workers", "3", "--min-receivers", "1", "--port", "0"};
  for (const std::string& word : recorded()) words.push_back(word);
  auto manager = start(limited("trap '' XFSZ; ulimit -f 40", words));
  const std::string address = address_of(*manager);
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, 40, "5e7"));
  for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
  EXPECT_TRUE(manager->wait().has_value());
  const std::string told = (folder / "state").string() + " cannot be written: is the disk full?";
  const auto at = manager->output().find(told);
  EXPECT_NE(at, std::string::npos) << manager->output();
  EXPECT_EQ(manager->output().find(told, at + 1), std::string::npos) << "said again";
}

TEST_F(Resources, WhoMayOpenTooFewFilesIsToldBeforeItBegins) {
  for (const Words& words : {Words{SELMCAST_PROGRAM, "manager", "--port", "0", "--workers", "3"},
                             worker_words("127.0.0.1:1", 0, 1, "8e6")}) {
    const auto process = start(limited("ulimit -n 40", words));
    EXPECT_EQ(process->wait(), 1) << process->output();
    EXPECT_THAT(process->output(), AllOf(HasSubstr("may open 40 files"), HasSubstr("ulimit -n")));
  }
}

// A hundred connections to the manager that say nothing, and one that never stops saying nonsense.
TEST_F(Resources, ConnectionsThatSayNothingAndNonsenseWithoutEndDisturbNobody) {
  auto manager = WithProcesses::manager({"--workers", "3", "--min-receivers", "1"});
  const std::string address = address_of(*manager);
  const std::string port = address.substr(address.rfind(':') + 1);
  const auto silent = start({"/bin/bash", "-c",
                             "for fd in {10..109}; do eval \"exec $fd<>/dev/tcp/127.0.0.1/" + port +
                                 "\" || exit 1; done; echo connected; exec sleep 600"});
  EXPECT_TRUE(silent->line_with("connected").has_value()) << silent->output();
  const auto babbling = start({"/bin/bash", "-c", "cat /dev/urandom > /dev/tcp/127.0.0.1/" + port});
  std::vector<std::unique_ptr<Process>> workers;
  for (int k = 0; k < 3; ++k) workers.push_back(worker(address, k, 3));
  for (const auto& process : workers) EXPECT_EQ(process->wait(), 0) << process->output();
  EXPECT_EQ(manager->wait(), 0) << manager->output();
  silent->send(9);
  silent->wait();
  EXPECT_TRUE(babbling->wait().has_value());  // cut off
}

}  // namespace
}  // namespace selmcast::testing
