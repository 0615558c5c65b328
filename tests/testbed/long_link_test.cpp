// Long links, and deliveries that go over several connections at once: on a testbed with a round trip, with the
// programs that a user has.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "selmcast/testbed/commands.h"
#include "selmcast/testbed/namespaces.h"
#include "tests/system/process.h"

namespace selmcast::testbed {
namespace {

using nlohmann::json;
using ::selmcast::testing::Process;
using ::testing::SizeIs;

constexpr auto kPatience = std::chrono::seconds(60);  // only a hang runs into it
constexpr unsigned kManagerPort = 7070;

struct Socket {
  unsigned local_port = 0, remote_port = 0;
};

// Of the namespace that the process is in.
std::vector<Socket> established_in(pid_t process) {
  std::vector<Socket> found;
  std::ifstream file("/proc/" + std::to_string(process) + "/net/tcp");
  for (std::string line; std::getline(file, line);) {
    Socket socket;
    unsigned state = 0;
    if (std::sscanf(line.c_str(), " %*d: %*x:%x %*x:%x %x", &socket.local_port, &socket.remote_port,
                    &state) == 3 &&
        state == 1)
      found.push_back(socket);
  }
  return found;
}

class LongLink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0U)
        << "testbeds need root and network namespaces; to leave these tests out: ctest -LE testbed";
    name_ = "long-" + std::to_string(getpid());
    char folder[] = "/tmp/selmcast-long-link-test-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    ASSERT_EQ(command({"up", "--hosts", "2", "--no-multicast", "--rtt-ms", "40"}), 0) << output_;
    ASSERT_EQ(command({"status", "--format", "json"}), 0);
    const json status = json::parse(output_);
    EXPECT_EQ(status["testbeds"][0]["round_trip_seconds"], 0.04);
    id_ = status["testbeds"][0]["id"];
    for (const json& host : status["testbeds"][0]["hosts"]) spaces_.push_back(host["namespace"]);
  }
  void TearDown() override {
    if (geteuid() == 0) command({"down"});
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  int command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, {"--name", name_});
    arguments.insert(arguments.begin(), {SELMCAST_PROGRAM, "testbed"});
    Process process(arguments);
    const int status = process.wait().value_or(-1);
    output_ = process.output();
    return status;
  }
  std::unique_ptr<Process> on(const std::string& host, const std::vector<std::string>& arguments) const {
    std::vector<std::string> words = {SELMCAST_PROGRAM, "testbed", "exec", "--name", name_, host, "--",
                                      SELMCAST_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return std::make_unique<Process>(words);
  }

  // Two workers that send a model of 4 MB to each other, each over `streams` connections.
  struct Training {
    std::unique_ptr<Process> manager;
    std::vector<std::unique_ptr<Process>> workers;
  };
  Training train(int rounds, int streams) const {
    Training made;
    made.manager =
        on("w0", {"manager", "--workers", "2", "--planner", "broadcast", "--port",
                  std::to_string(kManagerPort), "--insecure-listen", "10.77.0.1", "--journal", journal()});
    EXPECT_TRUE(made.manager->line_with("10.77.0.1:7070").has_value()) << made.manager->output();
    for (const char* name : {"w0", "w1"}) {
      made.workers.push_back(
          on(name, {"bench", "net-worker", "--manager", "10.77.0.1:7070", "--name", name, "--elements",
                    "1000000", "--rounds", std::to_string(rounds), "--uplink-bps", "4e8", "--downlink-bps",
                    "4e8", "--streams", std::to_string(streams)}));
    }
    return made;
  }
  void expect_end(Training& training) const {
    for (const auto& worker : training.workers) EXPECT_EQ(worker->wait(), 0) << worker->output();
    EXPECT_EQ(training.manager->wait(), 0) << training.manager->output();
  }
  std::string journal() const { return (folder_ / "journal.jsonl").string(); }
  std::vector<json> deliveries() const {
    std::vector<json> found;
    std::ifstream file(journal());
    for (std::string line; std::getline(file, line);) {
      const json event = json::parse(line);
      if (event["event"] != "round") continue;
      for (const json& delivery : event["deliveries"]) found.push_back(delivery);
    }
    return found;
  }

  // Local ports of the connections between the workers, as the first one's host sees them, once there are that many.
  std::set<unsigned> connections(const Training& training, std::size_t count) const {
    std::set<unsigned> ports;
    for (const auto due = std::chrono::steady_clock::now() + kPatience;
         std::chrono::steady_clock::now() < due;) {
      ports.clear();
      std::size_t found = 0;
      for (const Socket& socket : established_in(training.workers[0]->pid())) {
        if (socket.local_port == kManagerPort || socket.remote_port == kManagerPort) continue;
        ports.insert(socket.local_port);
        ++found;
      }
      EXPECT_LE(found, count);
      if (found == count) return ports;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "there were never " << count << " connections, at last " << ports.size();
    return ports;
  }

  std::string name_, output_, id_;
  std::vector<std::string> spaces_;
  std::filesystem::path folder_;
};

TEST_F(LongLink, AnAnswerTakesTheRoundTripAtLeastAndNothingIsLeftBehind) {
  double seconds = 0;
  ASSERT_TRUE(inside(spaces_[0], [&] {
    sockaddr_in nobody{};
    nobody.sin_family = AF_INET;
    nobody.sin_port = htons(9);
    inet_pton(AF_INET, "10.77.0.2", &nobody.sin_addr);
    const int asking = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto asked = std::chrono::steady_clock::now();
    EXPECT_NE(connect(asking, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody), 0);
    EXPECT_EQ(errno, ECONNREFUSED);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - asked).count();
    close(asking);
  }));
  EXPECT_GE(seconds, 0.04);  // and 0.04 more to find out the address
  const std::vector<pid_t> carriers = processes_in(switch_namespace(id_));
  ASSERT_THAT(carriers, SizeIs(1));
  ASSERT_EQ(command({"down"}), 0) << output_;
  // Ended, though perhaps not reaped yet by whoever adopted it.
  std::error_code unreadable;
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(carriers[0]) + "/exe", unreadable), "");
  for (const std::string& space : namespaces()) EXPECT_NE(id_in(space), id_);
}

TEST_F(LongLink, ADeliveryGoesOverAsManyConnectionsAsAskedFor) {
  Training training = train(20, 3);
  connections(training, 6);  // three there, three back
  expect_end(training);
  const auto all = deliveries();
  EXPECT_THAT(all, SizeIs(2 * 21));
  for (const json& delivery : all) {
    EXPECT_EQ(delivery["state"], "committed") << delivery;
    EXPECT_EQ(delivery["bytes"], 4'000'000) << delivery;
  }
}

// Whether that is in the middle of a delivery or between two: the other two connections end with it, and it is dialled
// anew.
TEST_F(LongLink, WhenOneConnectionIsKilledAllOfItsDeliveryGoAndTheTrainingGoesOn) {
  Training training = train(40, 3);
  const std::set<unsigned> before = connections(training, 6);
  std::set<unsigned> dialled;  // by w0: what its own listening port is not
  unsigned listening = 0;
  for (const Socket& socket : established_in(training.workers[0]->pid())) {
    if (socket.local_port == kManagerPort || socket.remote_port == kManagerPort) continue;
    if (!dialled.insert(socket.local_port).second) listening = socket.local_port;
  }
  dialled.erase(listening);
  ASSERT_THAT(dialled, SizeIs(3));
  Process killer({"/usr/bin/env", "ip", "netns", "exec", spaces_[0], "ss", "-K", "-tn", "sport", "=",
                  ":" + std::to_string(*dialled.begin())});
  ASSERT_EQ(killer.wait(), 0) << killer.output();
  // Until three new ones have come in their place.
  for (const auto due = std::chrono::steady_clock::now() + kPatience;
       std::chrono::steady_clock::now() < due;) {
    const std::set<unsigned> now = connections(training, 6);
    std::size_t old = 0;
    for (const unsigned port : dialled) old += now.count(port);
    if (old == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const std::set<unsigned> after = connections(training, 6);
  for (const unsigned port : dialled) EXPECT_FALSE(after.contains(port)) << port;
  expect_end(training);
  std::size_t committed = 0;
  for (const json& delivery : deliveries()) committed += delivery["state"] == "committed" ? 1 : 0;
  EXPECT_GE(committed, 2U * 41U - 1U);  // the one at most that was under way
}

}  // namespace
}  // namespace selmcast::testbed
