// Trainings without rounds in common, in one process over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "selmcast/manager/journal.h"
#include "tests/system/training_harness.h"

namespace selmcast::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

manager::ManagerOptions online_options(std::uint32_t workers, const std::string& policy,
                                       std::optional<std::uint32_t> staleness) {
  auto options = manager_options(workers);
  options.settings.rounds.planner = nullptr;
  options.settings.online = sync::OnlineChoice{.policy = policy, .staleness = staleness};
  return options;
}

void expect_complete(const WorkerStory& story, std::uint64_t rounds) {
  EXPECT_EQ(story.error.value_or(Error{}).message, "");
  EXPECT_EQ(story.rounds, rounds);
  EXPECT_THAT(story.wrong_mixes, IsEmpty());
}

// A journal's last line that tells how promises were kept.
std::string kept_line(const std::filesystem::path& journal) {
  std::ifstream file(journal);
  std::string kept;
  for (std::string line; std::getline(file, line);) {
    if (line.find("\"event\":\"kept\"") != line.npos) kept = line;
  }
  return kept;
}

// Links so slow that multicasts overlap, are sped up, slowed down and cut off.
worker::WorkerOptions slow_links(const RunningManager& manager, std::uint32_t worker) {
  auto options = worker_options(manager, worker, 100'000);
  options.emulated_uplink = options.declared_uplink = Rate::megabits_per_second(200);
  options.emulated_downlink = options.declared_downlink = Rate::megabits_per_second(20 + 20 * worker);
  return options;
}

TEST(OnlineTraining, EveryPolicyMixesRightAveragesKeepsItsPromisesAndItsJournalReplays) {
  for (const std::string policy : {"slack", "paper", "random", "broadcast"}) {
    const auto journal = std::filesystem::temp_directory_path() /
                         ("selmcast-" + std::to_string(getpid()) + "-" + policy + ".jsonl");
    auto options = online_options(5, policy, 2);
    options.journal = journal;
    RunningManager manager(std::move(options));
    const auto stories =
        in_threads(5, [&](auto k) { return train(slow_links(manager, k), k, 8, nullptr, MixOf::any_round); });
    std::uint64_t mixed = 0;
    for (const WorkerStory& story : stories) {
      expect_complete(story, 8);
      mixed += story.models_mixed;
    }
    EXPECT_GE(mixed, 40u) << policy;  // at least one receiver each, eight rounds, five workers
    EXPECT_TRUE(manager.wait().has_value());
    EXPECT_THAT(kept_line(journal),
                ::testing::AllOf(HasSubstr("\"broken_meeting_gaps\":0"), HasSubstr("\"broken_leads\":0")));
    const auto replayed = manager::replay(journal);
    ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
    EXPECT_GE(replayed->plans, 40u);
    std::filesystem::remove(journal);
  }
}

// w2 does not begin before w0 has gone as far ahead as it may: three rounds done, the third one not left.
TEST(OnlineTraining, TheOthersDoNotWaitForAStragglerUntilTheRuleMakesThem) {
  RunningManager manager(online_options(3, "broadcast", 2));
  std::promise<void> far_ahead;
  const auto reached = far_ahead.get_future().share();
  const auto stories = in_threads(3, [&](auto k) {
    return train(
        worker_options(manager, k, 1000), k, 6,
        [&, k](std::uint64_t round) {
          if (k == 0 && round == 2) far_ahead.set_value();  // it begins its third round
          if (k != 2 || round > 0) return true;
          return reached.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
        },
        MixOf::any_round);
  });
  for (const WorkerStory& story : stories) expect_complete(story, 6);
  EXPECT_TRUE(manager.wait().has_value());
}

TEST(OnlineTraining, UnderAspAWorkerMayFinishBeforeAnotherBegins) {
  RunningManager manager(online_options(3, "random", std::nullopt));
  std::promise<void> done;
  const auto finished = done.get_future().share();
  const auto stories = in_threads(3, [&](auto k) {
    const auto story = train(
        worker_options(manager, k, 1000), k, 10,
        [&, k](std::uint64_t) {
          return k != 2 || finished.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
        },
        MixOf::any_round);
    if (k == 0) done.set_value();
    return story;
  });
  for (const WorkerStory& story : stories) expect_complete(story, 10);
  EXPECT_TRUE(manager.wait().has_value());
}

TEST(OnlineTraining, WhoLeavesIsDoneWithoutAndTheLastOneTrainsAlone) {
  RunningManager manager(online_options(4, "paper", 1));
  const auto stories = in_threads(4, [&](auto k) {
    // w3 leaves after two rounds, w2 after three, w1 after four.
    return train(
        slow_links(manager, k), k, 7, [k](std::uint64_t round) { return k == 0 || round < 5 - k; },
        MixOf::any_round);
  });
  expect_complete(stories[0], 7);
  for (const std::uint32_t k : {1u, 2u, 3u}) expect_complete(stories[k], 5 - k);
  EXPECT_EQ(stories[0].workers_last, 1u);
  EXPECT_TRUE(manager.wait().has_value());
}

// All places of a model hold one value, and each round of computing adds 1 to it while the last model is being sent. So
// whatever is mixed, and with what, all places must still agree: not so if a snapshot were torn, or written too early.
void train_with_overlap(const RunningManager& manager, std::uint32_t k, WorkerStory& story) {
  const auto worker = worker::Worker::connect(slow_links(manager, k));
  if (!worker) return void(story.error = worker.error());
  std::vector<float> parameters(100'000, static_cast<float>(100 * k));
  const auto check = [&](const Result<worker::SyncReport>& report) {
    if (!report) return void(story.error = report.error());
    story.models_mixed += report->mixed_with.size();
    const auto [least, most] = std::ranges::minmax(parameters);
    if (most - least > 1e-3F)
      story.wrong_mixes.push_back(std::to_string(most) + " and " + std::to_string(least));
  };
  for (std::uint64_t round = 0; round < 10 && !story.error; ++round) {
    for (float& parameter : parameters) parameter += 1;
    check((*worker)->synchronize(parameters));
    ++story.rounds;
  }
  if (!story.error) check((*worker)->drain(parameters));
  (*worker)->leave("done");
}

TEST(OnlineTraining, WithOverlapWorkersComputeWhileASnapshotIsSent) {
  for (const std::string policy : {"slack", "paper"}) {
    const auto journal = std::filesystem::temp_directory_path() /
                         ("selmcast-" + std::to_string(getpid()) + "-overlap-" + policy + ".jsonl");
    auto options = online_options(5, policy, 2);
    options.settings.online->overlap = true;
    options.journal = journal;
    RunningManager manager(std::move(options));
    const auto stories = in_threads(5, [&](auto k) {
      WorkerStory story;
      train_with_overlap(manager, k, story);
      return story;
    });
    std::uint64_t mixed = 0;
    for (const WorkerStory& story : stories) {
      expect_complete(story, 10);
      mixed += story.models_mixed;
    }
    EXPECT_GE(mixed, 40u) << policy;
    EXPECT_TRUE(manager.wait().has_value());
    EXPECT_THAT(kept_line(journal),
                ::testing::AllOf(HasSubstr("\"broken_meeting_gaps\":0"), HasSubstr("\"broken_leads\":0")));
    const auto replayed = manager::replay(journal);
    ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
    std::filesystem::remove(journal);
  }
}

TEST(OnlineTraining, UnpacedAndWithASingleBufferItMixesAsWell) {
  auto options = online_options(4, "broadcast", 4);
  options.settings.rounds.paced = false;
  RunningManager manager(std::move(options));
  const auto stories = in_threads(4, [&](auto k) {
    auto made = slow_links(manager, k);
    made.receive_buffers = 1;
    return train(made, k, 4, nullptr, MixOf::any_round);
  });
  for (const WorkerStory& story : stories) expect_complete(story, 4);
  EXPECT_TRUE(manager.wait().has_value());
}

}  // namespace
}  // namespace selmcast::testing
