// Runs the program `selmcast plan` as a user does: exit status, standard output and standard error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Finished {
  int status = -1;
  std::string out;
  std::string err;
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Streams {
  std::string input = "/dev/null";
  std::string output;  // empty: kept in Finished::out
};

// The working directory is tests/data/plan. The shell splits the arguments and redirects.
Finished selmcast(const std::string& arguments, const Streams& streams = {}) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  const std::string stem = "selmcast_plan_" + std::to_string(::getpid());
  const auto out = folder / (stem + ".out");
  const auto err = folder / (stem + ".err");
  const std::string command = std::string("cd '") + SELMCAST_TEST_DATA + "/plan' && '" + SELMCAST_BINARY +
                              "' " + arguments + " < '" + streams.input + "' > '" +
                              (streams.output.empty() ? out.string() : streams.output) + "' 2> '" +
                              err.string() + "'";
  const int status = std::system(command.c_str());
  Finished finished{WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(out), contents(err)};
  std::filesystem::remove(out);
  std::filesystem::remove(err);
  return finished;
}

TEST(PlanCommand, AnswersInJson) {
  // The receivers are derived in paper_planner_test.cpp (CountsWhatReceiversAlreadyHave): t = 8 bytes at 24
  // bit/s.
  const Finished finished = selmcast("plan unicast.json --planner paper --format json");
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.err, IsEmpty());
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json["schema"], "selmcast.plan/1");
  EXPECT_EQ(json["status"], "feasible");
  EXPECT_EQ(json["receivers"],
            nlohmann::json::parse(R"({"w0": ["w2", "w3"], "w1": ["w0"], "w2": ["w3"], "w3": []})"));
  EXPECT_EQ(json["completion_seconds"], 64.0 / 24);
  // Three deliveries of 4 bytes at 2, 1, 2 and 3 byte/s: after 2 s one at w0, w2 and w3 each; before it only
  // w3's.
  EXPECT_EQ(json["lower_bound_seconds"], 2);
}

TEST(PlanCommand, AnswersInATable) {
  const Finished finished = selmcast("plan network.json");
  EXPECT_EQ(finished.status, 0);
  // 2e8 bytes at 1e10 bit/s.
  EXPECT_THAT(finished.out,
              HasSubstr("completion   0.16 s, set by the uplink of slow: 200000000 bytes at 1e+10 bit/s"));
  EXPECT_THAT(finished.out, HasSubstr("100.0 % of it"));
}

TEST(PlanCommand, ReadsStandardInput) {
  const Finished named = selmcast("plan unicast.json --planner broadcast");
  const Finished piped = selmcast("plan - --planner broadcast", {.input = "unicast.json", .output = ""});
  EXPECT_EQ(piped.status, 0);
  // Everything but the measured time in the first line.
  EXPECT_EQ(piped.out.substr(piped.out.find('\n')), named.out.substr(named.out.find('\n')));
}

TEST(PlanCommand, GivesTheSameBytesForTheSameSeed) {
  const auto answer = [](const std::string& seed) {
    auto json = nlohmann::ordered_json::parse(
        selmcast("plan network.json --planner random --format json --explain --seed " + seed).out);
    json.erase("plan_seconds");
    return json.dump();
  };
  EXPECT_EQ(answer("1"), answer("1"));
  // Three workers choose one of two others: some of eight seeds must differ.
  bool differs = false;
  for (int seed = 2; seed < 10; ++seed) differs = differs || answer(std::to_string(seed)) != answer("1");
  EXPECT_TRUE(differs);
}

TEST(PlanCommand, Explains) {
  const Finished finished = selmcast("plan unicast.json --planner paper --explain");
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.out, HasSubstr("  to w3: required (the pair has reached max_age), age 2\n"));
  EXPECT_THAT(
      finished.out,
      HasSubstr("  not w1: w0's uplink would be busy for 3 s, w1's downlink would be busy for 4 s\n"));
}

TEST(PlanCommand, PlansForAReadyWorkerWhileOthersSend) {
  // By hand in the file's own numbers: w1 keeps w2 (100 of 1000 bytes), which ends in 0.8 us; w3's 900 would need 7.2
  // us: dropped. w0 waits 8 us, in which w1 and w3 fit beside it (8 us each, one flow), and w2 (1100 bytes, 8.8
  // us) does not.
  const Finished finished = selmcast("plan ssp.json --format json");
  EXPECT_EQ(finished.status, 0) << finished.err;
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json["receivers"], nlohmann::json::parse(R"({"w0": ["w1", "w3"], "w1": ["w2"]})"));
  EXPECT_EQ(json["dropped"], nlohmann::json::parse(R"({"w1": ["w3"]})"));
  EXPECT_EQ(json["completion_seconds"], 8e-6);
  EXPECT_EQ(selmcast("plan ssp.json --planner broadcast").status, 0);
  EXPECT_THAT(selmcast("plan ssp.json --explain").out, HasSubstr("  dropped w3"));
}

TEST(PlanCommand, EndsWithTwoOnWrongInput) {
  const std::pair<std::string, std::string> cases[] = {
      {"plan negative_downlink.json",
       "negative_downlink.json: workers[1].downlink_bps: worker w1: the downlink is -1 bit/s; give"},
      {"plan unknown_key.json", "unknown_key.json: synch: unknown key"},
      {"plan unknown_worker.json", "unknown_worker.json: required[0][1]: there is no worker \"w9\""},
      {"plan truncated.json", "truncated.json: parse error at line"},
      {"plan ssp_lost_pair.json", "ssp_lost_pair.json: required[0]: required pair w1 -> w0"},
      {"plan no_such_file.json", "no_such_file.json: cannot be read"},
      {"plan .", ".: cannot be read: it is a directory"},
      {"plan -", "standard input: parse error"},
      {"plan", "PROBLEM.json is required"},
      {"plan unicast.json --planner Paper", "there is no planner \"Paper\"; give one of auto, exact, paper"},
      {"plan unicast.json --seed -1", "-1 is not a seed"},
      {"plan unicast.json --seed 99999999999999999999", "--seed"},
      {"plan unicast.json --format yaml", "--format"},
      {"plan unicast.json network.json", "network.json"},
      {"plan unicast.json --explian", "--explian"},
      {"plam", "plam"},
      {"", "Subcommands:"},
  };
  for (const auto& [arguments, message] : cases) {
    const Finished finished = selmcast(arguments);
    EXPECT_EQ(finished.status, 2) << arguments;
    EXPECT_THAT(finished.out, IsEmpty()) << arguments;
    EXPECT_THAT(finished.err, HasSubstr(message)) << arguments;
  }
}

TEST(PlanCommand, EndsWithThreeIfNoPlanExists) {
  // w2 wants all three others, and w1's downlink is down.
  const Finished table = selmcast("plan zero_downlink.json");
  EXPECT_EQ(table.status, 3);
  const std::string why = "no plan exists: worker w2 needs 3 receivers, but only 2 others have a downlink";
  EXPECT_THAT(table.err, HasSubstr(why));
  EXPECT_THAT(table.out, HasSubstr(why));
  const Finished finished = selmcast("plan zero_downlink.json --format json --explain");
  EXPECT_EQ(finished.status, 3);
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json["status"], "infeasible");
  EXPECT_EQ(json["infeasible"]["senders"], nlohmann::json({"w2"}));
  EXPECT_EQ(json["infeasible"]["receivers"], nlohmann::json({"w0", "w3"}));
  EXPECT_EQ(json["infeasible"]["needed"], 3);
  EXPECT_EQ(json["infeasible"]["available"], 2);
}

TEST(PlanCommand, EndsWithOneIfTheAnswerCannotBeWritten) {
  const Finished finished = selmcast("plan unicast.json", {.input = "/dev/null", .output = "/dev/full"});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("cannot write to standard output"));
}

TEST(PlanCommand, ShowsHelpAndVersion) {
  const Finished help = selmcast("plan --help");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("Examples:"));
  for (const auto* planner : {"auto", "paper", "random", "broadcast"})
    EXPECT_THAT(help.out, HasSubstr(planner));
  EXPECT_EQ(selmcast("--version").out, selmcast("plan --version").out);
  EXPECT_THAT(selmcast("--version").out, HasSubstr("selmcast 0."));
}

}  // namespace
