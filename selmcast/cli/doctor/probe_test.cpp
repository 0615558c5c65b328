#include "selmcast/cli/doctor/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "selmcast/cli/doctor/serve.h"

namespace selmcast::doctor {
namespace {

using ::testing::HasSubstr;

// serve() in a thread of its own.
class Served {
 public:
  explicit Served(const std::string& where) {
    thread_ = std::thread([this, where] {
      Serving serving{.where = where,
                      .length = Duration::seconds(60),
                      .stop = [this] { return stop_.load(); },
                      .listening = [this](const std::string& at) { address_.set_value(at); },
                      .reached_by =
                          [this](const std::string& caller) {
                            const std::lock_guard lock(mutex_);
                            callers_.push_back(caller);
                          }};
      if (!serve(serving)) address_.set_value("");
    });
    address = address_.get_future().get();
  }
  ~Served() { end(); }
  void end() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::vector<std::string> callers() {
    const std::lock_guard lock(mutex_);
    return callers_;
  }

  std::string address;

 private:
  std::promise<std::string> address_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<std::string> callers_;
  std::thread thread_;
};

TEST(DoctorProbe, KnowsLoopback) {
  const auto all = interfaces();
  const auto lo = std::ranges::find(all, "lo", &Interface::name);
  ASSERT_NE(lo, all.end());
  EXPECT_TRUE(lo->loopback);
  EXPECT_NE(std::ranges::find(lo->addresses, "127.0.0.1"), lo->addresses.end());
  EXPECT_GE(lo->mtu, 1500);
}

TEST(DoctorProbe, ReachesWhoServesAndSaysThroughWhichInterface) {
  Served served("127.0.0.1:45871");
  ASSERT_EQ(served.address, "127.0.0.1:45871");
  const auto connection = reach(served.address, Duration::seconds(5), interfaces());
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(connection->interface, "lo");
  EXPECT_EQ(connection->address, "127.0.0.1");
  EXPECT_TRUE(connection->path_mtu.has_value());
  // It takes the connection in its own time: a watchdog, no measurement.
  for (int k = 0; k < 200 && served.callers().empty(); ++k)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  served.end();
  ASSERT_EQ(served.callers().size(), 1U);
  EXPECT_THAT(served.callers()[0], HasSubstr("127.0.0.1:"));
}

TEST(DoctorProbe, TellsRefusedFromUnknownAndFromNoAddress) {
  const auto refused = reach("127.0.0.1:1", Duration::seconds(5), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("127.0.0.1:1: Connection refused"));
  EXPECT_EQ(reach("no port", Duration::seconds(5), {}).error().code, ErrorCode::invalid_input);
}

TEST(DoctorProbe, FindsThatAPortIsNoManager) {
  Served served("127.0.0.1:45872");
  const Facts facts = look({.manager = served.address, .peers = {}, .patience = Duration::milliseconds(300)});
  ASSERT_TRUE(facts.manager && facts.manager->connection);
  EXPECT_FALSE(facts.manager->answers_grpc);
  EXPECT_FALSE(facts.congestion_control.empty());
  EXPECT_GT(facts.descriptors, 0);
}

TEST(DoctorServe, SaysWhatIsWrongWithItsAddress) {
  Serving serving;
  serving.where = "nowhere:";
  EXPECT_EQ(serve(serving).error().code, ErrorCode::invalid_input);
  Served served("127.0.0.1:45873");
  serving.where = "127.0.0.1:45873";
  // SO_REUSEADDR does not let two listen.
  const auto taken = serve(serving);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("cannot listen at 127.0.0.1:45873"));
}

}  // namespace
}  // namespace selmcast::doctor
