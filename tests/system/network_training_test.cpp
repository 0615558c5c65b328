// Trainings whose multicasts go by IP multicast, in one process over the loopback interface: real manager, real
// workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/system/training_harness.h"

namespace selmcast::testing {
namespace {

using ::testing::IsEmpty;

manager::ManagerOptions network_options(std::uint32_t workers) {
  auto options = manager_options(workers);
  options.settings.rounds.multicast = plan::MulticastKind::network;
  options.settings.rounds.planner = plan::find_planner("broadcast");
  // Each delivery is needed: one that is slow on a busy machine is not dropped, but handed over to TCP. Nor is it given
  // up, under ThreadSanitizer.
  options.settings.rounds.min_receivers = sync::MinReceivers::count(workers - 1);
  options.settings.rounds.delivery_patience_min = Duration::seconds(60);
  // Groups that no other test of this machine has at the same time.
  options.settings.run_token = 0x5e1ca57000000000 + static_cast<std::uint64_t>(getpid());
  return options;
}

// Of IP multicast that came to this machine, its own included; others may add to it.
double multicast_octets() {
  std::ifstream file("/proc/net/netstat");
  std::string line, names;
  while (std::getline(file, line)) {
    if (!line.starts_with("IpExt:")) continue;
    if (names.empty()) {
      names = line;
      continue;
    }
    std::istringstream name(names), value(line);
    for (std::string n, v; name >> n && value >> v;) {
      if (n == "InMcastOctets") return std::stod(v);
    }
  }
  ADD_FAILURE() << "the kernel does not count multicast";
  return 0;
}

TEST(NetworkTraining, EverybodyMixesEverybodysModel) {
  const double before = multicast_octets();
  RunningManager manager(network_options(4));
  // 1 MB: 695 segments.
  const auto stories =
      in_threads(4, [&](auto k) { return train(worker_options(manager, k, 250'000), k, 4); });
  for (const WorkerStory& story : stories) {
    EXPECT_EQ(story.error.value_or(Error{}).message, "");
    EXPECT_EQ(story.rounds, 4u);
    EXPECT_THAT(story.wrong_mixes, IsEmpty());
    EXPECT_EQ(story.models_mixed, 12u);  // of three others, in four rounds
  }
  EXPECT_TRUE(manager.wait().has_value());
  // Not over TCP after all: 4 workers, 4 rounds, 1 MB, and one copy is counted once however many receive it. On a busy
  // machine some of it may be handed over.
  EXPECT_GE(multicast_octets() - before, 4 * 4 * 1e6 / 2);
}

TEST(NetworkTraining, UnpacedIsPossible) {
  auto options = network_options(3);
  options.settings.rounds.paced = false;
  RunningManager manager(std::move(options));
  const auto stories =
      in_threads(3, [&](auto k) { return train(worker_options(manager, k, 100'000), k, 3); });
  for (const WorkerStory& story : stories) {
    EXPECT_EQ(story.error.value_or(Error{}).message, "");
    EXPECT_THAT(story.wrong_mixes, IsEmpty());
    EXPECT_EQ(story.models_mixed, 6u);
  }
}

TEST(NetworkTraining, ReceiversWithFewBuffersComeLateAndGetAll) {
  RunningManager manager(network_options(4));
  const auto stories = in_threads(4, [&](auto k) {
    auto made = worker_options(manager, k, 50'000);
    made.receive_buffers = 1;
    return train(made, k, 3);
  });
  for (const WorkerStory& story : stories) {
    EXPECT_EQ(story.error.value_or(Error{}).message, "");
    EXPECT_THAT(story.wrong_mixes, IsEmpty());
    EXPECT_EQ(story.models_mixed, 9u);
  }
}

TEST(NetworkTraining, WhoLeavesInTheMiddleDoesNotKeepTheOthers) {
  RunningManager manager(network_options(4));
  const auto stories = in_threads(4, [&](auto k) {
    return train(worker_options(manager, k, 1000), k, 6,
                 [k](std::uint64_t round) { return k != 2 || round < 2; });
  });
  for (std::uint32_t k : {0U, 1U, 3U}) {
    EXPECT_EQ(stories[k].error.value_or(Error{}).message, "");
    EXPECT_EQ(stories[k].rounds, 6u);
    EXPECT_THAT(stories[k].wrong_mixes, IsEmpty());
  }
  EXPECT_EQ(stories[2].rounds, 2u);
}

}  // namespace
}  // namespace selmcast::testing
