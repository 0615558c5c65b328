// Runs the program `selmcast simulate` as a user does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using ::testing::HasSubstr;

struct Finished {
  int status = -1;
  std::string out;  // and what was said on standard error
};

Finished simulate(const std::string& arguments) {
  Finished finished;
  const std::string command = std::string("'") + SELMCAST_BINARY + "' simulate " + arguments + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return finished;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    finished.out.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return finished;
}

nlohmann::json parsed(const Finished& finished) {
  EXPECT_EQ(finished.status, 0) << finished.out;
  return nlohmann::json::parse(finished.out, nullptr, false);
}

TEST(SimulateCommand, AnswersInJsonWhatAPencilSays) {
  // All compute 1 s and send 100 bytes at 100 byte/s, 1 s, in turn. In 10.5 s: 5.5 s of computing, five rounds.
  const std::string trace = testing::TempDir() + "one_second.txt";
  std::ofstream(trace) << "# seconds\n1\n\n1.0\n";
  for (const char* sync : {"bsp", "ssp", "asp"}) {
    const auto json =
        parsed(simulate("--sync " + std::string(sync) + " --workers 2 --min-receivers 1 --lambda 0 " +
                        "--bandwidth 800 --volume 100 --seconds 10.5 --trials 3 --format json " +
                        "--planner random --compute '" + trace + "'"));
    EXPECT_EQ(json["schema"], "selmcast.simulation/1");
    EXPECT_NEAR(json["npu_utilization"]["mean"], 5.5 / 10.5, 1e-9);
    EXPECT_NEAR(json["npu_utilization"]["standard_error"], 0, 1e-9);
    EXPECT_EQ(json["multicast_scale"]["max"], 0.5);
    EXPECT_NEAR(json["npu_utilization_bound"], 1, 1e-9);
    EXPECT_EQ(json["rounds"], 15);  // of three trials
    EXPECT_EQ(json.contains("completion_normalized"), std::string(sync) == "bsp");
  }
}

TEST(SimulateCommand, SameSeedSameBytesWhateverTheThreads) {
  const auto run = [](const char* more) {
    auto json = parsed(simulate("--seconds 5 --trials 4 --format json " + std::string(more)));
    json.erase("wall_seconds");
    return json.dump();
  };
  const std::string once = run("--threads 1");
  EXPECT_EQ(run("--threads 3"), once);
  EXPECT_NE(run("--seed 2"), once);
}

TEST(SimulateCommand, ATableHasTheSameNumbers) {
  const auto json = parsed(simulate("--seconds 5 --trials 2 --format json"));
  const Finished table = simulate("--seconds 5 --trials 2");
  EXPECT_EQ(table.status, 0);
  char mean[16];
  std::snprintf(mean, sizeof mean, "%.4f", json["npu_utilization"]["mean"].get<double>());
  EXPECT_THAT(table.out, HasSubstr(mean));
}

TEST(SimulateCommand, WrongUseNamesTheFlagAndTheRemedy) {
  const std::string trace = testing::TempDir() + "no_times.txt";
  std::ofstream(trace) << "1\nfast\n";
  const std::pair<std::string, std::string> cases[] = {
      {"--lambda 2", "lambda"},
      {"--planner exact", "planner"},  // ssp has none of that name
      {"--sync sometimes", "--sync"},
      {"--max-age old", "--max-age"},
      {"--min-receivers 0.5.1", "--min-receivers"},
      {"--compute nowhere.txt", "nowhere.txt"},
      {"--compute '" + trace + "'", ":2: 'fast' is not seconds"},
  };
  for (const auto& [arguments, said] : cases) {
    const Finished finished = simulate(arguments);
    EXPECT_EQ(finished.status, 2) << arguments;
    EXPECT_THAT(finished.out, HasSubstr(said)) << arguments;
  }
}

}  // namespace
