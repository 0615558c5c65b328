// Journals of a training without rounds in common: what is written, replayed, and found to be changed.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "selmcast/manager/journal.h"
#include "selmcast/manager/manager_core_testing.h"

namespace selmcast::manager {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

struct OnlineJournalTest : ManagerCoreTest {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("selmcast-online-journal-" + std::to_string(getpid()) + "-" +
                                ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl");
  std::unique_ptr<Journal> journal;
  std::map<TransferId, sync::Transfer> running;
  std::vector<json> lines;

  OnlineJournalTest() {
    settings.rounds.planner = nullptr;
    settings.rounds.max_age = 3;
    settings.online = sync::OnlineChoice{.policy = "paper", .staleness = 2, .keep_fraction = 0.5};
    settings.online->sharing = sync::Sharing::reserved;
  }
  void TearDown() override { std::filesystem::remove(path); }

  void carry_out(const Outputs& outputs) {
    for (const Output& output : outputs) {
      journal->output(output, now, Duration::milliseconds(0.1));
      if (const auto* plan = std::get_if<Replanned>(&output)) {
        for (const sync::Transfer& t : plan->plan.started) running[t.id] = t;
      }
      if (const auto* send = std::get_if<Send>(&output)) {
        if (const auto* cancel = std::get_if<wire::Cancel>(&send->message)) running.erase(cancel->transfer);
        if (const auto* go_on = std::get_if<wire::GoOn>(&send->message))
          computing.emplace(send->session.value(), go_on->round.value() + 1);
      }
    }
  }
  void word(std::uint64_t session, const wire::FromWorker& message) {
    now = now + Duration::milliseconds(100.0 / 3);
    journal->input({now, MessageCame{SessionId(session), message}});
    carry_out(core->message(SessionId(session), message, now));
  }
  std::set<std::pair<std::uint64_t, std::uint64_t>> computing;  // worker, round

  // Three workers; whoever computes is ready next, then the oldest delivery arrives. Every seventh one fails.
  void tell_story() {
    running.clear();
    lines.clear();
    computing.clear();
    journal = *Journal::create(path, settings, now);
    make();
    for (std::uint64_t k = 0; k < 3; ++k) {
      journal->input({now, SessionOpened{SessionId(k)}});
      carry_out(core->opened(SessionId(k), now));
      word(k, hello_of("w" + std::to_string(k)));
      computing.emplace(k, 0);
    }
    for (int step = 0; step < 120; ++step) {
      if (!computing.empty() && step % 2 == 0) {
        const auto [worker, round] = *computing.begin();
        computing.erase(computing.begin());
        word(worker, wire::Ready{Round(round)});
      } else if (!running.empty()) {
        const sync::Transfer t = running.begin()->second;
        running.erase(running.begin());
        if (t.id.value() % 7 == 0) {
          word(t.sender.value(), wire::TransferFailed{t.id, "reset"});
        } else {
          word(t.receiver.value(), wire::Delivered{t.id, t.bytes, {}, Duration::milliseconds(31)});
        }
      }
    }
    journal->input({now, Stopped{"enough"}});
    carry_out(core->stop("enough", now));
    ASSERT_TRUE(journal->finish().has_value());
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  }
  std::size_t count(const std::string& event) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const json& line) { return line["event"] == event; }));
  }
  Result<ReplaySummary> replay_with(const std::string& event, const std::string& key, const json& value) {
    bool changed = false;
    std::ofstream file(path, std::ios::trunc);
    for (json line : lines) {
      if (!changed && line["event"] == event) {
        line[key] = value;
        changed = true;
      }
      file << line.dump() << '\n';
    }
    file.close();
    EXPECT_TRUE(changed) << event;
    return replay(path);
  }
};

TEST_F(OnlineJournalTest, EveryDecisionIsWrittenAndAReplayMakesThemAgain) {
  for (const bool overlap : {false, true}) {
    settings.online->overlap = overlap;
    tell_story();
    EXPECT_GT(count("replan"), 20u);
    EXPECT_GT(count("multicast"), 15u);
    EXPECT_EQ(count("kept"), 1u);
    EXPECT_GT(count("estimates"), 3u);
    std::size_t held = 0;
    for (const json& line : lines) {
      if (line["event"] != "multicast") continue;
      EXPECT_GT(line["computing_seconds"], 0);
      EXPECT_EQ(line["broken_leads"], 0);
      held += line.contains("held_seconds") ? 1 : 0;
    }
    EXPECT_EQ(held > 0, overlap);
    const auto replayed = replay(path);
    ASSERT_TRUE(replayed.has_value()) << replayed.error().message;
    EXPECT_EQ(replayed->plans, count("replan"));
  }
}

TEST_F(OnlineJournalTest, ADecisionThatWasChangedIsFoundWithItsLine) {
  tell_story();
  for (const auto& [event, key] : {std::pair("replan", "version"), std::pair("multicast", "round"),
                                   std::pair("go_on", "lead"), std::pair("kept", "widest_lead")}) {
    const auto replayed = replay_with(event, key, 99);
    ASSERT_FALSE(replayed.has_value()) << event;
    EXPECT_EQ(replayed.error().code, ErrorCode::corrupt);
    EXPECT_THAT(replayed.error().message, HasSubstr(".jsonl:"));
  }
}

TEST_F(OnlineJournalTest, SettingsThatMakeNoTrainingAreWrongInput) {
  tell_story();
  EXPECT_THAT(replay_with("settings", "sharing", "greedy").error().message,
              HasSubstr("no sharing \"greedy\""));
  EXPECT_THAT(replay_with("settings", "planner", "exact").error().message, HasSubstr("no planner 'exact'"));
  EXPECT_THAT(replay_with("settings", "keep_fraction", 2).error().message, HasSubstr("keep_fraction"));
}

}  // namespace
}  // namespace selmcast::manager
