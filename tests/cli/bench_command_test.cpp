// Runs the program `selmcast bench` as a user does. What it measures is the machine's business; that everything was
// measured, and that nothing is claimed which was not, is ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace {

using ::testing::HasSubstr;

struct Finished {
  int status = -1;
  std::string out;
};

Finished selmcast(const std::string& arguments) {
  Finished finished;
  std::FILE* pipe =
      popen((std::string("'") + SELMCAST_BINARY + "' " + arguments + " 2> /dev/null").c_str(), "r");
  if (pipe == nullptr) return finished;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    finished.out.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return finished;
}

TEST(BenchCommand, MeasuresAllPlannersOnAllSmallInstances) {
  const Finished finished = selmcast("bench plan --quick --format json");
  ASSERT_EQ(finished.status, 0);
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json["schema"], "selmcast.bench_plan/1");
  const std::set<std::string> missing(json["missing"].begin(), json["missing"].end());
  // Six instances: n = 10, 30 aged and n = 20 plain, with both kinds of multicast.
  for (const char* planner : {"exact", "paper", "literal", "dinic", "cbc"}) {
    if (missing.contains(planner)) continue;
    int rows = 0;
    for (const auto& timing : json["timings"]) {
      if (timing["planner"] != planner) continue;
      ++rows;
      EXPECT_GT(timing["median_seconds"].get<double>(), 0) << timing;
      EXPECT_GE(timing["repetitions"].get<int>(), 1) << timing;
      EXPECT_GT(timing["completion_seconds"].get<double>(), 0) << timing;
    }
    EXPECT_EQ(rows, 6) << planner;
  }
  // Of exact and paper, both kinds and variants; a process is at least a mebibyte.
  EXPECT_EQ(json["memory"].size(), 4 * (2 - missing.size()));
  for (const auto& peak : json["memory"]) EXPECT_GT(peak["peak_bytes"].get<double>(), 1 << 20) << peak;
  // The targets stand at sizes that are not small; that all optima are one holds at any size.
  for (const auto& verdict : json["verdicts"]) {
    const auto target = verdict["target"].get<std::string>();
    EXPECT_EQ(verdict["met"].is_null(), target.find("agree") == std::string::npos) << verdict;
  }
}

TEST(BenchCommand, MeasuresGapsThatAreNeverNegativeNorWorseThanAlgorithm1) {
  const Finished finished = selmcast("bench gap --quick --format json");
  ASSERT_EQ(finished.status, 0);
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json["schema"], "selmcast.bench_gap/1");
  // Two sizes, two kinds of multicast, four spreads of volumes; relay: three sizes, two spreads.
  EXPECT_EQ(json["rows"].size(), 22U);
  for (const auto& row : json["rows"]) {
    EXPECT_GE(row["search_gap_mean"].get<double>(), 0) << row;
    EXPECT_LE(row["search_gap_max"].get<double>(), row["paper_gap_max"].get<double>()) << row;
  }
}

TEST(BenchCommand, ComparesPoliciesOnTheSameClustersAndSaysTheSameEachTime) {
  const Finished finished = selmcast("bench policies --quick --format json");
  ASSERT_EQ(finished.status, 0);
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json["schema"], "selmcast.bench_policies/1");
  // Three workloads; paper, random and slack at six widths; two trials.
  EXPECT_EQ(json["rows"].size(), 24U);
  for (const auto& row : json["rows"]) {
    EXPECT_EQ(row["npu_utilization"].size(), 2U) << row;
    EXPECT_EQ(row.contains("width"), row["planner"] == "slack") << row;
  }
  EXPECT_EQ(json["verdicts"].size(), 6U);
  EXPECT_EQ(selmcast("bench policies --quick --format json").out, finished.out);
}

TEST(BenchCommand, RefusesUnknownWork) {
  EXPECT_EQ(selmcast("bench").status, 2);
  EXPECT_EQ(selmcast("bench plam").status, 2);
  EXPECT_EQ(selmcast("bench plan --format xml").status, 2);
  const Finished help = selmcast("bench plan --help");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("Examples:"));
}

TEST(BenchCommand, MeasuresAlgorithm2OnTheSamePlanAsItsRival) {
  const Finished finished = selmcast("bench ssp --quick --format json");
  ASSERT_EQ(finished.status, 0);
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json["schema"], "selmcast.bench_ssp/1");
  ASSERT_EQ(json["cases"].size(), 2U);
  for (const auto& row : json["cases"]) {
    EXPECT_EQ(row["same_plan"], true) << row;
    EXPECT_GT(row["paper_seconds"].get<double>(), 0) << row;
    EXPECT_GT(row["literal_seconds"].get<double>(), 0) << row;
    EXPECT_FALSE(row.contains("met")) << row;  // the targets stand at n = 1000
  }
}

}  // namespace
