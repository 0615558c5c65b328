// Journals of a small training in virtual time: what is written, replayed, and found to be changed.
#include "selmcast/manager/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace selmcast::manager {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int kRounds = 4;

ManagerSettings settings() {
  ManagerSettings made;
  made.rounds.planner = plan::find_planner("random");
  made.rounds.min_receivers = sync::MinReceivers::count(1);
  made.rounds.seed = 5;
  made.workers = 3;
  return made;
}

// Carries out a training of three workers, one of which leaves after two rounds, and journals it as the manager does.
class Story {
 public:
  explicit Story(Journal& journal) : journal_(journal) {
    for (std::uint64_t k = 0; k < 3; ++k) {
      wire::Hello hello;
      hello.name = "w" + std::to_string(k);
      hello.data_host = "127.0.0.1";
      hello.data_port = 1;
      hello.declared_uplink = Rate::megabits_per_second(100);
      hello.declared_downlink = Rate::megabits_per_second(8.1 + static_cast<double>(k));
      hello.model.tensors = {{"all", {250'000}}};
      journal_.input({now_, SessionOpened{SessionId(k)}});
      carry_out(core_.opened(SessionId(k), now_));
      says(k, hello);
    }
    for (int round = 0; round < kRounds; ++round) play(Round(static_cast<std::uint64_t>(round)));
    journal_.input({now_, Stopped{"enough"}});
    carry_out(core_.stop("enough", now_));
  }

 private:
  void play(Round round) {
    for (std::uint64_t k = 0; k < members_; ++k) says(k, wire::Ready{round});
    const std::vector<sync::Transfer> transfers = std::exchange(planned_, {});
    for (const sync::Transfer& t : transfers) {
      now_ = now_ + Duration::seconds(10.0 / 3);  // longer than any delivery takes
      const Duration took = t.bytes / t.allocated;
      says(t.receiver.value(), wire::Delivered{t.id, t.bytes, took * 0.125, took});
    }
    now_ = now_ + Duration::seconds(10);
    if (round == Round(1)) says(--members_, wire::Goodbye{"w\u00fcrzburg is tired"});
  }
  void says(std::uint64_t session, const wire::FromWorker& message) {
    now_ = now_ + Duration::milliseconds(1.0 / 3);
    journal_.input({now_, MessageCame{SessionId(session), message}});
    carry_out(core_.message(SessionId(session), message, now_));
  }
  void carry_out(const Outputs& outputs) {
    for (const Output& output : outputs) {
      journal_.output(output, now_, Duration::milliseconds(0.1));
      if (const auto* plan = std::get_if<Planned>(&output)) planned_ = plan->plan.transfers;
    }
  }

  Journal& journal_;
  ManagerCore core_{settings(), Instant()};
  Instant now_ = Instant::at_seconds(1);
  std::uint64_t members_ = 3;
  std::vector<sync::Transfer> planned_;
};

struct JournalTest : ::testing::Test {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("selmcast-journal-" + std::to_string(getpid()) + "-" +
                                ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl");
  std::vector<std::string> lines;

  void SetUp() override {
    auto journal = Journal::create(path, settings(), Instant());
    ASSERT_TRUE(journal.has_value());
    Story told(**journal);
    ASSERT_TRUE((*journal)->finish().has_value());
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
  }
  void TearDown() override { std::filesystem::remove(path); }

  Result<ReplaySummary> replay_of(const std::vector<std::string>& changed, bool cut_off = false) const {
    std::ofstream file(path, std::ios::trunc);
    for (std::size_t k = 0; k < changed.size(); ++k) {
      file << changed[k] << (cut_off && k + 1 == changed.size() ? "" : "\n");
    }
    file.close();
    return replay(path);
  }
  // The story with the first line for which `change` says true changed by it.
  Result<ReplaySummary> replay_with(const std::function<bool(json&)>& change) const {
    std::vector<std::string> changed = lines;
    for (std::string& text : changed) {
      json line = json::parse(text);
      if (!change(line)) continue;
      text = line.dump();
      return replay_of(changed);
    }
    ADD_FAILURE() << "no line was changed";
    return ReplaySummary{};
  }
};

TEST_F(JournalTest, ReplaysToTheSameDecisions) {
  const auto summary = replay(path);
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(summary->plans, static_cast<std::uint64_t>(kRounds));
  EXPECT_GT(summary->inputs, 20u);
}

TEST_F(JournalTest, OneChangedNumberOfADeliveryIsDetectedInThatRound) {
  const auto result = replay_with([](json& line) {
    if (!line.contains("message") || !line["message"].contains("delivered")) return false;
    json& finished = line["message"]["delivered"]["finished_seconds"];
    finished = finished.get<double>() * 1.000001;
    return true;
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
  EXPECT_THAT(result.error().message, HasSubstr(path.string() + ":"));
}

TEST_F(JournalTest, OneChangedNumberOfADecisionIsDetected) {
  const std::pair<const char*, std::function<void(json&)>> changes[] = {
      {"plan",
       [](json& l) { l["transfers"][0]["rate_bps"] = l["transfers"][0]["rate_bps"].get<double>() + 1e-3; }},
      {"plan", [](json& l) { l["version"][1] = l["version"][1].get<int>() + 1; }},
      {"plan", [](json& l) { l["transfers"].erase(0); }},
      {"round", [](json& l) { l["estimates"][1]["downlink_bps"] = 8e6; }},
      {"round", [](json& l) { l["deliveries"][0]["state"] = "cancelled"; }},
      {"round", [](json& l) { l["widest_meeting_gap"] = 99; }},
      {"left", [](json& l) { l["worker"] = "w0"; }},
      {"started", [](json& l) { l["workers"][0]["name"] = "w7"; }},
      {"finished", [](json& l) { l["error"] = nullptr; }},
  };
  for (const auto& [event, change] : changes) {
    const auto result = replay_with([&](json& line) {
      if (line["event"] != event) return false;
      change(line);
      return true;
    });
    ASSERT_FALSE(result.has_value()) << event;
    EXPECT_EQ(result.error().code, ErrorCode::corrupt) << result.error().message;
  }
}

TEST_F(JournalTest, ADecisionThatIsMissingOrAddedIsDetected) {
  const auto plan =
      std::ranges::find_if(lines, [](const auto& l) { return json::parse(l)["event"] == "plan"; });
  std::vector<std::string> without = lines, twice = lines;
  without.erase(without.begin() + (plan - lines.begin()));
  twice.insert(twice.begin() + (plan - lines.begin()), *plan);
  EXPECT_EQ(replay_of(without).error().code, ErrorCode::corrupt);
  EXPECT_EQ(replay_of(twice).error().code, ErrorCode::corrupt);
}

TEST_F(JournalTest, BrokenLinesAreNamedByFileAndNumber) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"event\": \"input\"", ""},
      {"[1, 2]", ""},
      {"{\"event\": \"input\", \"at_seconds\": \"soon\", \"kind\": \"tick\"}", ""},
      {"{\"event\": \"input\", \"at_seconds\": 1e999, \"kind\": \"tick\"}", ""},
      {"{\"event\": \"input\", \"at_seconds\": 1, \"kind\": \"dance\", \"session\": 0}", "dance"},
      {"{\"event\": \"input\", \"at_seconds\": 1, \"kind\": \"opened\", \"session\": 0}", "opened twice"},
      {"{\"event\": \"input\", \"at_seconds\": 1, \"kind\": \"message\", \"session\": 0, \"message\": "
       "{\"no\": 1}}",
       "no"},
      {"{\"event\": \"settings\"}", "twice"},
      {"", ""},
  };
  for (const auto& [text, what] : cases) {
    std::vector<std::string> broken = lines;
    broken.insert(broken.begin() + 2, text);
    const auto result = replay_of(broken);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_input) << result.error().message;
    EXPECT_THAT(result.error().message, ::testing::AllOf(HasSubstr(path.string() + ":3: "), HasSubstr(what)));
  }
}

TEST_F(JournalTest, SettingsThatNoTrainingCanHaveAreRefused) {
  const std::pair<const char*, json> cases[] = {{"planner", "crystal ball"},
                                                {"workers", 0},
                                                {"workers", 100'000},
                                                {"min_receivers", -2},
                                                {"min_receivers", 3},
                                                {"max_age", "old"},
                                                {"max_age", 2.8e28},
                                                {"max_age", -1},
                                                {"workers", 2.5},
                                                {"seed", 1e300}};
  for (const auto& [key, value] : cases) {
    const auto result = replay_with([&](json& line) {
      line[key] = value;
      return true;  // the first line
    });
    ASSERT_FALSE(result.has_value()) << key;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(result.error().message, HasSubstr(":1: "));
  }
  EXPECT_EQ(replay_of({lines.begin() + 1, lines.end()}).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(replay_of({}).error().code, ErrorCode::invalid_input);
}

TEST_F(JournalTest, WhatAKilledManagerLeftIsReplayedAsFarAsItGoes) {
  std::uint64_t last_inputs = 0;
  for (std::size_t kept = 5; kept < lines.size(); ++kept) {
    std::vector<std::string> cut(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(kept));
    cut.back().resize(cut.back().size() / 2);
    const auto result = replay_of(cut, true);
    ASSERT_TRUE(result.has_value()) << "line " << kept << ": " << result.error().message;
    EXPECT_GE(result->inputs, last_inputs);
    last_inputs = result->inputs;
  }
}

TEST_F(JournalTest, FilesThatCannotBeReadOrWrittenAreNamed) {
  const auto missing = replay("/no/such/journal.jsonl");
  EXPECT_EQ(missing.error().code, ErrorCode::io);
  EXPECT_THAT(missing.error().message, HasSubstr("/no/such/journal.jsonl"));
  EXPECT_THAT(Journal::create("/no/such/journal.jsonl", settings(), Instant()).error().message,
              HasSubstr("/no/such/journal.jsonl"));
  auto full = Journal::create("/dev/full", settings(), Instant());
  ASSERT_TRUE(full.has_value());
  Story told_in_vain(**full);
  EXPECT_THAT((*full)->finish().error().message, HasSubstr("/dev/full"));
  auto none = Journal::create("", settings(), Instant());
  ASSERT_TRUE(none.has_value());
  Story told_nowhere(**none);
  EXPECT_TRUE((*none)->finish().has_value());
}

}  // namespace
}  // namespace selmcast::manager
