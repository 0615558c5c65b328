// Runs the program `selmcast simulate` as a user does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

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

std::string written(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path) << text;
  return path;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

constexpr const char* kScenario =
    R"({"schema": "selmcast.scenario/1", "workers": 8, "seconds": 5, "trials": 2,
  "sweep": {"planner": ["paper", "random"], "min_receivers": [2, 4], "compute": ["lstm"]}})";

TEST(SimulateCommand, AScenarioIsEveryCombinationAndEachIsWhatTheFlagsWouldGive) {
  const std::string path = written("scenario.json", kScenario);
  const auto sweep = parsed(simulate("'" + path + "' --format json"));
  EXPECT_EQ(sweep["schema"], "selmcast.simulation_sweep/1");
  ASSERT_EQ(sweep["points"].size(), 4U);  // 1 compute x 2 min_receivers x 2 planners, the last fastest
  const char* const expected[4][2] = {{"2", "paper"}, {"2", "random"}, {"4", "paper"}, {"4", "random"}};
  for (std::size_t k = 0; k < 4; ++k) {
    const auto& point = sweep["points"][k];
    EXPECT_EQ(point["sweep"]["min_receivers"], expected[k][0]);
    EXPECT_EQ(point["sweep"]["planner"], expected[k][1]);
    const auto alone =
        parsed(simulate(std::string("--workers 8 --seconds 5 --trials 2 --compute lstm --format json ") +
                        "--min-receivers " + expected[k][0] + " --planner " + expected[k][1]));
    EXPECT_EQ(point["npu_utilization"], alone["npu_utilization"]);
    EXPECT_EQ(point["settings"], alone["settings"]);
  }
}

TEST(SimulateCommand, CsvHasALineAPointAndTheFiguresOfTheJson) {
  const std::string path = written("scenario.json", kScenario);
  const auto json = parsed(simulate("'" + path + "' --format json"));
  const auto lines = lines_of(simulate("'" + path + "' --format csv").out);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("compute,min_receivers,planner,npu_utilization,"));
  EXPECT_THAT(lines[4], ::testing::StartsWith("lstm,4,random,"));
  const double npu = std::stod(lines[4].substr(std::string("lstm,4,random,").size()));
  EXPECT_DOUBLE_EQ(npu, json["points"][3]["npu_utilization"]["mean"].get<double>());
  // One training alone has no columns of a sweep.
  EXPECT_THAT(simulate("--seconds 5 --trials 2 --format csv").out, ::testing::StartsWith("npu_utilization,"));
}

TEST(SimulateCommand, AFlagOverridesTheScenario) {
  const std::string path = written("scenario.json", kScenario);
  const auto sweep = parsed(simulate("'" + path + "' --planner broadcast --workers 6 --format json"));
  ASSERT_EQ(sweep["points"].size(), 2U);
  EXPECT_FALSE(sweep["points"][0]["sweep"].contains("planner"));
  EXPECT_EQ(sweep["points"][0]["settings"]["planner"], "broadcast");
  EXPECT_EQ(sweep["points"][0]["settings"]["workers"], 6);
}

TEST(SimulateCommand, MistakesInAScenarioAreNamedByTheirPath) {
  const auto complaint = [](const std::string& json) {
    const Finished finished = simulate("'" + written("wrong.json", json) + "'");
    EXPECT_EQ(finished.status, 2) << json;
    return finished.out;
  };
  const std::string schema = R"({"schema": "selmcast.scenario/1", )";
  EXPECT_THAT(complaint("{}"), HasSubstr("schema: must be"));
  EXPECT_THAT(complaint(schema + R"("workesr": 3})"), HasSubstr("workesr: no such key"));
  EXPECT_THAT(complaint(schema + R"("workers": [3]})"), HasSubstr("workers: give a number"));
  EXPECT_THAT(complaint(schema + R"("workers": "many"})"), HasSubstr("workers: "));
  EXPECT_THAT(complaint(schema + R"("sweep": {"seed": [1]}})"), HasSubstr("sweep.seed: cannot be swept"));
  EXPECT_THAT(complaint(schema + R"("sweep": {"lambda": []}})"), HasSubstr("sweep.lambda: give a list"));
  EXPECT_THAT(complaint(schema + R"("sweep": {"lambda": [0.5, 2]}})"),
              HasSubstr("lambda = 2: lambda: give 0 to"));
  EXPECT_THAT(complaint(R"({"workers": 3, "workers": 4})"), HasSubstr("workers"));
}

TEST(SimulateCommand, EventsAndTracesComeFromFiles) {
  const std::string events = written("events.csv", "time_s,worker,event\n0,w0,slow=3\n# later\n2,w1,crash\n");
  const std::string links =
      written("links.csv", "time_s,worker,uplink_bps,downlink_bps\n1,w0,0,0\n2,w0,4e10,4e10\n");
  const auto json = parsed(simulate("--workers 4 --seconds 5 --trials 1 --format json --events '" + events +
                                    "' --bandwidth-trace '" + links + "'"));
  EXPECT_EQ(json["settings"]["cluster_events"], 2);
  EXPECT_EQ(json["settings"]["bandwidth_trace_steps"], 2);
  EXPECT_TRUE(json["npu_utilization"]["standard_error"].is_null()) << "of one trial";
  EXPECT_TRUE(json["multicast_scale_bound"].is_null()) << "somebody went";
  const auto complaint = [](const std::string& flag, const std::string& text) {
    const Finished finished = simulate("--workers 4 " + flag + " '" + written("wrong.csv", text) + "'");
    EXPECT_EQ(finished.status, 2) << text;
    return finished.out;
  };
  EXPECT_THAT(complaint("--events", "0,w0,sleeps\n"),
              HasSubstr("wrong.csv:1: '0,w0,sleeps' is not time_s,worker,event"));
  EXPECT_THAT(complaint("--events", "0,w9,crash\n"), HasSubstr("events[0], w9: there is no such worker"));
  EXPECT_THAT(complaint("--events", ""), HasSubstr("empty"));
  EXPECT_THAT(complaint("--bandwidth-trace", "0,w0,1\n"), HasSubstr("wrong.csv:1"));
  EXPECT_THAT(complaint("--bandwidth-trace", "0,w0,-1,1\n"), HasSubstr("wrong.csv:1"));
  EXPECT_THAT(simulate("--gamma 0.5 --bandwidth-trace '" + links + "'").out,
              HasSubstr("not together with gamma"));
  EXPECT_THAT(simulate("--events /none").out, HasSubstr("/none: cannot be read"));
}

TEST(SimulateCommand, ATimelineAddsUpToTheUtilization) {
  const std::string path = testing::TempDir() + "timeline.json";
  const auto answer =
      parsed(simulate("--workers 6 --seconds 10 --trials 1 --format json --trace '" + path + "'"));
  const auto events = nlohmann::json::parse(std::ifstream(path))["traceEvents"];
  double computing = 0;
  std::map<int, double> end;  // of the last slice of each worker
  std::size_t begun = 0;
  std::size_t ended = 0;
  for (const auto& event : events) {
    const std::string phase = event["ph"];
    if (phase == "b") ++begun;
    if (phase == "e") ++ended;
    if (phase != "X") continue;
    const int worker = event["pid"];
    // Written to the nanosecond.
    EXPECT_NEAR(event["ts"].get<double>(), end[worker], 0.002) << "no gap, no overlap";
    end[worker] = event["ts"].get<double>() + event["dur"].get<double>();
    if (event["name"] == "computing") computing += event["dur"].get<double>() / 1e6;
  }
  EXPECT_EQ(end.size(), 6U);
  for (const auto& [worker, last] : end) EXPECT_NEAR(last, 10e6, 0.002);
  EXPECT_NEAR(computing / 60, answer["npu_utilization"]["mean"].get<double>(), 1e-6);
  EXPECT_GT(begun, 0U);
  EXPECT_EQ(begun, ended);
  EXPECT_EQ(simulate("--seconds 1 --trace /none/t.json").status, 1);
  EXPECT_THAT(simulate("'" + written("scenario.json", kScenario) + "' --trace '" + path + "'").out,
              HasSubstr("this is a sweep"));
}

}  // namespace
