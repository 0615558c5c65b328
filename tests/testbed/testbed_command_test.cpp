// `selmcast testbed` as a user runs it: what it makes works, and nothing of it is ever left behind.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "selmcast/testbed/commands.h"
#include "selmcast/testbed/namespaces.h"
#include "selmcast/testbed/registry.h"
#include "selmcast/testbed/testbed.h"
#include "tests/system/process.h"

namespace selmcast::testbed {
namespace {

using nlohmann::json;
using ::selmcast::testing::Process;

std::vector<std::string> namespaces_of(pid_t owner) {
  std::vector<std::string> names = namespaces();
  std::erase_if(names, [&](const std::string& name) { return id_in(name) != std::to_string(owner); });
  return names;
}

bool is_registered(const std::string& name) {
  return std::filesystem::exists(Registry::folder() / (name + ".json"));
}

class TestbedCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0U)
        << "testbeds need root and network namespaces; to leave these tests out: ctest -LE testbed";
    name_ = "test-" + std::to_string(getpid());
    char folder[] = "/tmp/selmcast-testbed-test-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    if (geteuid() == 0) command({"down", "--name", name_});
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  static std::vector<std::string> words(std::vector<std::string> more) {
    more.insert(more.begin(), {SELMCAST_PROGRAM, "testbed"});
    return more;
  }

  // Runs it to its end; its output lands in output_.
  int command(std::vector<std::string> arguments) {
    Process process(words(std::move(arguments)));
    const int status = process.wait().value_or(-1);
    output_ = process.output();
    return status;
  }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  std::vector<json> record() const {
    std::vector<json> lines;
    std::ifstream file(folder_ / "links.jsonl");
    for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
    return lines;
  }

  // The last sample of a link; null if there is none.
  json last_sample(const std::string& host, const std::string& direction) const {
    json last;
    for (const json& line : record()) {
      if (line["event"] == "sample" && line["host"] == host) last = line.value(direction, json());
    }
    return last;
  }

  std::string name_, output_;
  std::filesystem::path folder_;
};

TEST_F(TestbedCommand, HostsHaveAddressesOfTheirOwnAndTheCommandsStatusIsTold) {
  EXPECT_EQ(command({"run", "--hosts", "2", "--no-multicast", "--", "sh", "-c",
                     "ip -o -4 addr show eth0 | grep -q {address}/24 && echo I am {host}"}),
            0)
      << output_;
  EXPECT_NE(output_.find("[w0] I am w0"), std::string::npos) << output_;
  EXPECT_NE(output_.find("[w1] I am w1"), std::string::npos) << output_;
  EXPECT_EQ(command({"run", "--hosts", "2", "--no-multicast", "--", "sh", "-c", "exit {rank}"}), 1);
  EXPECT_NE(output_.find("on w1 the command ended with status 1"), std::string::npos) << output_;
}

TEST_F(TestbedCommand, ALinkCarriesWhatItsShaperLetsThrough) {
  const std::string file = write("net.json", R"({"schema": "selmcast.testbed/1", "multicast": false,
    "hosts": [{"name": "a"}, {"name": "b", "downlink_line_bps": 1e7}],
    "events": [{"at_seconds": 0, "event": "traffic", "from": "a", "to": "b", "line_bps": 4e7, "seconds": 60}]})");
  ASSERT_EQ(command({"run", "--file", file, "--record", folder_ / "links.jsonl", "--sample-seconds", "0.1",
                     "--", "sleep", "1"}),
            0)
      << output_;
  double least = 1e9, most = 0, from = 1e9, to = 0;
  for (const json& line : record()) {
    if (line["event"] != "sample" || line["host"] != "b") continue;
    const double bytes = line["downlink"]["bytes"], at = line["at_seconds"];
    least = std::min(least, bytes), most = std::max(most, bytes);
    from = std::min(from, at), to = std::max(to, at);
  }
  // Of 5 MB/s offered, 1.25 MB/s and the burst of 32 KiB at most; a frame may have been counted before.
  EXPECT_LE(most - least, (to - from) * 1.25e6 + 32768 + 1514);
  EXPECT_GT(most, 1514 * 10);
  EXPECT_GT(last_sample("b", "downlink")["lost"], 0);
}

TEST_F(TestbedCommand, ACutLinkCarriesNothingUntilItIsHealed) {
  const std::string file = write("net.json", R"({"schema": "selmcast.testbed/1", "multicast": false,
    "hosts": [{"name": "a", "uplink_line_bps": 1e7}, {"name": "b", "downlink_line_bps": 1e7}],
    "events": [{"at_seconds": 0, "event": "cut", "host": "b"}]})");
  // A datagram makes a ask for b's address; once cut, no answer comes back.
  const std::vector<std::string> ask = {
      "bash", "-c",
      "for i in 1 2 3; do echo > /dev/udp/10.77.0.2/9; sleep 0.3; done 2> /dev/null; ip neigh show"};
  const std::vector<std::string> look = {"run",  "--file", file, "--record", folder_ / "links.jsonl",
                                         "--on", "a",      "--"};
  auto cut = look;
  cut.insert(cut.end(), {"bash", "-c", "sleep 0.5; " + ask[2]});
  ASSERT_EQ(command(cut), 0) << output_;
  EXPECT_NE(output_.find("10.77.0.2"), std::string::npos) << "it did not even ask: " << output_;
  EXPECT_EQ(output_.find("lladdr"), std::string::npos) << output_;
  for (const json& line : record()) EXPECT_FALSE(line.contains("failed")) << line;

  ASSERT_EQ(command({"up", "--hosts", "2", "--no-multicast", "--name", name_}), 0) << output_;
  const auto asked = [&] {
    std::vector<std::string> exec = {"exec", "w0", "--name", name_, "--"};
    exec.insert(exec.end(), ask.begin(), ask.end());
    EXPECT_EQ(command(exec), 0) << output_;
    return output_.find("lladdr") != std::string::npos;
  };
  const auto cut_of = [&](std::size_t host) {
    EXPECT_EQ(command({"status", "--name", name_, "--format", "json"}), 0) << output_;
    return json::parse(output_)["testbeds"][0]["hosts"][host]["cut"];
  };
  EXPECT_EQ(cut_of(1), false);
  ASSERT_EQ(command({"cut", "w1", "--name", name_}), 0) << output_;
  EXPECT_EQ(cut_of(0), false);
  EXPECT_EQ(cut_of(1), true);
  ASSERT_EQ(command({"status", "--name", name_}), 0) << output_;
  EXPECT_NE(output_.find("CUT"), std::string::npos) << output_;
  EXPECT_FALSE(asked()) << output_;
  ASSERT_EQ(command({"rate", "w1", "--downlink-mbps", "5", "--name", name_}), 0) << output_;
  EXPECT_FALSE(asked()) << "a new rate has healed it: " << output_;
  ASSERT_EQ(command({"heal", "w1", "--name", name_}), 0) << output_;
  // On a busy machine the kernel may take longer to ask again than one look takes.
  bool heard = false;
  for (int tries = 0; tries < 20 && !heard; ++tries) heard = asked();
  EXPECT_TRUE(heard) << output_;
  EXPECT_EQ(cut_of(1), false);
}

TEST_F(TestbedCommand, AskedForByANameThatThereIsNotItSaysSoAndFails) {
  for (const char* verb : {"status", "down"}) {
    EXPECT_EQ(command({verb, "--name", name_ + "-nope"}), 1) << verb;
    EXPECT_NE(output_.find("there is no testbed named " + name_ + "-nope"), std::string::npos) << output_;
  }
  EXPECT_EQ(command({"status"}), 0) << output_;
}

TEST_F(TestbedCommand, RatesChangeByHandAndStatusKnows) {
  ASSERT_EQ(command({"up", "--downlinks-mbps", "40,20", "--no-multicast", "--name", name_}), 0) << output_;
  ASSERT_EQ(command({"rate", "w1", "--downlink-mbps", "5", "--uplink-mbps", "7", "--name", name_}), 0)
      << output_;
  ASSERT_EQ(command({"status", "--name", name_, "--format", "json"}), 0);
  const json host = json::parse(output_)["testbeds"][0]["hosts"][1];
  EXPECT_EQ(host["downlink"]["line_bps"], 5e6);
  EXPECT_EQ(host["uplink"]["line_bps"], 7e6);
  ASSERT_EQ(command({"exec", "w1", "--name", name_, "--", "tc", "qdisc", "show", "dev", "eth0"}), 0);
  EXPECT_NE(output_.find("rate 7Mbit"), std::string::npos) << output_;
  EXPECT_EQ(command({"rate", "w9", "--downlink-mbps", "5", "--name", name_}), 2);
}

TEST_F(TestbedCommand, OneOfTheSameNameIsRefusedAndAnotherIsNotDisturbed) {
  ASSERT_EQ(command({"up", "--hosts", "1", "--no-multicast", "--name", name_}), 0) << output_;
  EXPECT_EQ(command({"up", "--hosts", "1", "--no-multicast", "--name", name_}), 1);
  EXPECT_NE(output_.find("there is a testbed named " + name_), std::string::npos) << output_;
  EXPECT_EQ(command({"run", "--hosts", "2", "--no-multicast", "--", "true"}), 0) << output_;
  EXPECT_EQ(command({"exec", "w0", "--name", name_, "--", "true"}), 0) << output_;
  EXPECT_EQ(command({"down", "--name", name_}), 0);
  EXPECT_FALSE(is_registered(name_));
  EXPECT_EQ(command({"exec", "w0", "--name", name_, "--", "true"}), 1);
}

TEST_F(TestbedCommand, KilledWhileItRunsItIsSweptUpByTheNextWithAllItsProcesses) {
  std::vector<std::string> left;
  {
    Process process(words({"run", "--hosts", "2", "--no-multicast", "--name", name_, "--", "sh", "-c",
                           "trap '' TERM; echo ready; while true; do sleep 1; done"}));
    ASSERT_TRUE(process.line_with("[w0] ready").has_value()) << process.output();
    process.send(SIGKILL);
    EXPECT_EQ(process.wait(), 128 + SIGKILL);
    left = namespaces_of(process.pid());
  }
  ASSERT_EQ(left.size(), 3U);
  const std::vector<pid_t> orphans = processes_in(left[0]);
  EXPECT_FALSE(orphans.empty());
  ASSERT_EQ(command({"up", "--hosts", "1", "--no-multicast", "--name", name_}), 0) << output_;
  for (const std::string& space : left) EXPECT_EQ(std::ranges::count(namespaces(), space), 0) << space;
  // Dead, if perhaps not yet reaped by whoever inherited them.
  for (const pid_t orphan : orphans) {
    std::ifstream stat("/proc/" + std::to_string(orphan) + "/stat");
    std::string id, name, state = "gone";
    stat >> id >> name >> state;
    EXPECT_TRUE(state == "gone" || state == "Z" || state == "X") << orphan << " is in state " << state;
  }
}

TEST_F(TestbedCommand, KilledWhileItIsMadeItIsSweptUpByTheNext) {
  for (const std::size_t when : {0U, 1U, 2U, 5U, 9U}) {
    Process process(words({"run", "--hosts", "8", "--name", name_, "--", "sleep", "100"}));
    while (namespaces_of(process.pid()).size() < when) usleep(200);  // bounded by the test's watchdog
    process.send(SIGKILL);
    process.wait();
    // Killed at once it may not even have been registered, and whoever makes a testbed beside this test sweeps it up,
    // too: then there is none, and `down` says so.
    const bool was_none = command({"down", "--name", name_}) != 0;
    if (was_none) {
      EXPECT_NE(output_.find("there is no testbed named " + name_), std::string::npos) << output_;
    }
    EXPECT_TRUE(namespaces_of(process.pid()).empty()) << "killed with " << when << " namespaces";
    EXPECT_FALSE(is_registered(name_));
  }
}

TEST_F(TestbedCommand, InterruptedItLeavesNothing) {
  Process process(words(
      {"run", "--hosts", "2", "--no-multicast", "--name", name_, "--", "sh", "-c", "echo ready; sleep 100"}));
  ASSERT_TRUE(process.line_with("[w1] ready").has_value()) << process.output();
  process.send(SIGINT);
  EXPECT_EQ(process.wait(), 1);
  EXPECT_TRUE(namespaces_of(process.pid()).empty());
  EXPECT_FALSE(is_registered(name_));
}

TEST_F(TestbedCommand, OneThatBelongsToALiveProcessIsNotRemoved) {
  Process process(words(
      {"run", "--hosts", "1", "--no-multicast", "--name", name_, "--", "sh", "-c", "echo ready; sleep 100"}));
  ASSERT_TRUE(process.line_with("[w0] ready").has_value()) << process.output();
  EXPECT_EQ(command({"down", "--name", name_}), 1);
  EXPECT_EQ(namespaces_of(process.pid()).size(), 2U);
  process.send(SIGTERM);
  EXPECT_EQ(process.wait(), 1);
}

TEST_F(TestbedCommand, WithoutRootItSaysSo) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (setuid(65534) != 0) _exit(2);
    const auto may = check_privileges();
    _exit(!may && may.error().message.find("needs root") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(TestbedCommand, WrongUsageIsNamed) {
  EXPECT_EQ(command({"run", "--file", write("bad.json", "{}"), "--", "true"}), 2);
  EXPECT_NE(output_.find("schema"), std::string::npos) << output_;
  EXPECT_EQ(command({"run", "--downlinks-mbps", "1,2", "--hosts", "3", "--", "true"}), 2);
  EXPECT_EQ(command({"up", "--name", "../x", "--hosts", "1"}), 2);
}

}  // namespace
}  // namespace selmcast::testbed
