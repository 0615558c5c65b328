// A whole training on a testbed, with a link that changes, one that is cut for a moment, and competing traffic.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "selmcast/testbed/commands.h"
#include "selmcast/testbed/namespaces.h"
#include "tests/system/process.h"

namespace selmcast::testbed {
namespace {

using nlohmann::json;

std::vector<json> lines_of(const std::filesystem::path& path) {
  std::vector<json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

TEST(TestbedDemo, ATrainingOnShapedLinksReportsAsAnyOther) {
  ASSERT_EQ(geteuid(), 0U)
      << "testbeds need root and network namespaces; to leave this test out: ctest -LE testbed";
  char name[] = "/tmp/selmcast-testbed-demo-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::filesystem::path folder = name;
  std::ofstream(folder / "net.json") << R"({"schema": "selmcast.testbed/1",
    "hosts": [{"name": "w0", "uplink_line_bps": 1e8, "downlink_line_bps": 1e8},
              {"name": "w1", "uplink_line_bps": 1e8, "downlink_line_bps": 5e7},
              {"name": "w2", "uplink_line_bps": 1e8, "downlink_line_bps": 5e7}],
    "events": [{"at_seconds": 0.2, "event": "rate", "host": "w1", "downlink_line_bps": 8e7},
               {"at_seconds": 0.3, "event": "cut", "host": "w2"}, {"at_seconds": 0.5, "event": "heal", "host": "w2"},
               {"at_seconds": 0.1, "event": "traffic", "from": "w0", "to": "w1", "line_bps": 1e7, "seconds": 0.5}]})";
  testing::Process demo({SELMCAST_PROGRAM, "demo", "--network", folder / "net.json", "--workers", "3",
                         "--rounds", "5", "--planners", "exact", "--no-unpaced", "--compute-seconds", "0.2",
                         "--out", folder / "out"});
  ASSERT_EQ(demo.wait(), 0) << demo.output();

  std::size_t committed = 0, rounds = 0;
  for (const json& line : lines_of(folder / "out/exact/journal.jsonl")) {
    if (line["event"] != "round") continue;
    ++rounds;
    for (const json& delivery : line["deliveries"]) committed += delivery["state"] == "committed" ? 1 : 0;
  }
  EXPECT_EQ(rounds, 5U);
  EXPECT_GE(committed, 15U);  // three multicasts of one receiver at least

  std::map<std::string, double> carried;  // up and down together, as the shapers counted last
  std::size_t events = 0;
  for (const json& line : lines_of(folder / "out/exact/links.jsonl")) {
    EXPECT_FALSE(line.contains("failed")) << line;
    events += line["event"] == "sample" ? 0 : 1;
    if (line["event"] != "sample") continue;
    const std::string host = line["host"];
    for (const char* direction : {"uplink", "downlink"}) {
      if (line.contains(direction)) carried[host + direction] = line[direction]["bytes"];
    }
  }
  EXPECT_EQ(events, 4U + 4U);  // the rates at the start, one of them the manager's; and those of the file
  // No payload went past the shapers: what was committed is less than what the receivers' downlinks counted.
  const double model = json::parse(std::ifstream(folder / "out/demo.json"))["model_bytes"];
  EXPECT_GE(carried["w0downlink"] + carried["w1downlink"] + carried["w2downlink"],
            static_cast<double>(committed) * model * 1514 / 1448 * 0.999);
  EXPECT_TRUE(std::filesystem::exists(folder / "out/report.html"));
  for (const std::string& space : namespaces()) EXPECT_NE(id_in(space), std::to_string(demo.pid())) << space;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace selmcast::testbed
