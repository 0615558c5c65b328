#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "selmcast/manager/manager_core_testing.h"
#include "selmcast/manager/state_store.h"

namespace selmcast::manager {
namespace {

using ::testing::HasSubstr;

struct SqliteStoreTest : ::testing::Test {
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("selmcast-state-" + std::to_string(getpid()) + "-" +
                                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
  std::filesystem::path path = folder / "training.state";

  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static Training training() {
    Training training;
    training.settings.rounds.planner = plan::find_planner("paper");
    training.settings.rounds.seed = 11;
    training.settings.workers = 3;
    training.settings.run_token = 0xfeedfeedfeedfeedULL;
    training.settings.manager_patience = Duration::seconds(45);
    training.created = Instant::at_seconds(0.1);
    training.host = "127.0.0.1";
    training.port = 7171;
    return training;
  }
};

TEST_F(SqliteStoreTest, GivesBackWhatItWasGivenToTheLastBit) {
  const Instant at = Instant::at_seconds(1.0 / 3);
  const wire::Delivered delivered{TransferId(7), Bytes(12), Duration::seconds(0.1), Duration::seconds(0.7)};
  {
    auto store = open_sqlite_store(path);
    ASSERT_TRUE(store.has_value()) << store.error().message;
    EXPECT_FALSE((*store)->has_training());
    ASSERT_TRUE((*store)->begin(training()).has_value());
    double wall = 1000;
    for (const Input& input :
         {Input{at, SessionOpened{SessionId(5)}}, Input{at, MessageCame{SessionId(5), hello_of("w5"), 0}},
          Input{at, MessageCame{SessionId(5), delivered, 9}}, Input{at, SessionLost{SessionId(5), "reset"}},
          Input{at, TimePassed{}}, Input{at, ManagerRestarted{2, Duration::seconds(0.1 + 0.2)}},
          Input{at, Stopped{"enough"}}})
      ASSERT_TRUE((*store)->append(input, ++wall).has_value());
  }
  auto store = open_sqlite_store(path);
  ASSERT_TRUE(store.has_value()) << store.error().message;
  ASSERT_TRUE((*store)->has_training());
  EXPECT_EQ((*store)->last_wall(), 1007);
  const auto read = (*store)->training();
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->settings.run_token, 0xfeedfeedfeedfeedULL);
  EXPECT_EQ(read->settings.rounds.seed, 11u);
  EXPECT_EQ(read->settings.manager_patience, Duration::seconds(45));
  EXPECT_EQ(read->created, Instant::at_seconds(0.1));
  EXPECT_EQ(read->host + ":" + std::to_string(read->port), "127.0.0.1:7171");
  std::vector<Input> inputs;
  ASSERT_TRUE((*store)
                  ->for_each_input([&](const Input& input) -> Result<void> {
                    EXPECT_EQ(input.at, at);
                    inputs.push_back(input);
                    return {};
                  })
                  .has_value());
  ASSERT_EQ(inputs.size(), 7u);
  EXPECT_EQ(std::get<SessionOpened>(inputs[0].what).session, SessionId(5));
  EXPECT_EQ(std::get<wire::Hello>(std::get<MessageCame>(inputs[1].what).message), hello_of("w5"));
  EXPECT_EQ(std::get<wire::Delivered>(std::get<MessageCame>(inputs[2].what).message), delivered);
  EXPECT_EQ(std::get<MessageCame>(inputs[2].what).heard, 9u);
  EXPECT_EQ(std::get<SessionLost>(inputs[3].what).why, "reset");
  EXPECT_TRUE(std::holds_alternative<TimePassed>(inputs[4].what));
  EXPECT_EQ(std::get<ManagerRestarted>(inputs[5].what).away, Duration::seconds(0.1 + 0.2));
  EXPECT_EQ(std::get<Stopped>(inputs[6].what).why, "enough");
}

TEST_F(SqliteStoreTest, TwoManagersDoNotShareOne) {
  const auto first = open_sqlite_store(path);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  const auto second = open_sqlite_store(path);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::io);
  EXPECT_THAT(second.error().message, HasSubstr("does another manager run"));
}

TEST_F(SqliteStoreTest, HoldsTheTokenOfARunAndIsReadByItsOwnerOnly) {
  const auto store = open_sqlite_store(path);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SqliteStoreTest, FilesThatAreNoStatesAreNamed) {
  std::ofstream(path) << "not a data base, and long enough that nobody takes it for an empty one"
                      << std::string(4096, 'x');
  const auto none = open_sqlite_store(path);
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().message, HasSubstr(path.string()));
  EXPECT_THAT(open_sqlite_store("/no/such/folder/state").error().message, HasSubstr("/no/such/folder/state"));
}

// Neither its contents nor who may read it.
TEST_F(SqliteStoreTest, FilesOfOtherProgramsAreLeftAsTheyAre) {
  const std::filesystem::path text = folder / "notes.txt";
  std::ofstream(text) << "notes" << std::string(4096, 'x');
  sqlite3* base = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &base), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(base, "CREATE TABLE recipes (name TEXT)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(base);
  for (const auto& file : {text, path}) {
    ASSERT_EQ(chmod(file.c_str(), 0664), 0);
    std::ifstream before(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(before)), {});
    const auto store = open_sqlite_store(file);
    ASSERT_FALSE(store.has_value()) << file;
    EXPECT_THAT(store.error().message, HasSubstr("name another file"));
    std::ifstream after(file, std::ios::binary);
    EXPECT_EQ(std::string((std::istreambuf_iterator<char>(after)), {}), bytes);
    struct stat status {};
    ASSERT_EQ(stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0664u) << file;
  }
}

}  // namespace
}  // namespace selmcast::manager
