#include "selmcast/testbed/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace selmcast::testbed {
namespace {

TEST(ChildProcess, ExitStatusAndSignalAreTold) {
  const auto wait_for = [](ChildProcess& child) {
    while (child.running()) usleep(1000);  // bounded by the test's watchdog
    return *child.ended();
  };
  auto seven = ChildProcess::start({{"sh", "-c", "exit 7"}, "/dev/null", "/dev/null"});
  ASSERT_TRUE(seven.has_value());
  EXPECT_EQ(wait_for(*seven), 7);
  auto sleeper = ChildProcess::start({{"sleep", "1000"}, "/dev/null", "/dev/null"});
  ASSERT_TRUE(sleeper.has_value());
  sleeper->signal(SIGTERM);
  EXPECT_EQ(wait_for(*sleeper), 128 + SIGTERM);
  EXPECT_FALSE(ChildProcess::start({{"/nonexistent/program"}, "/dev/null", "/dev/null"}).has_value());
}

TEST(ChildProcess, NoneOutlivesItsOwnerAndStdinCanBeClosed) {
  pid_t pid = -1;
  {
    auto stubborn = ChildProcess::start({{"sh", "-c", "trap '' TERM; sleep 1000"}, "/dev/null", "/dev/null"});
    ASSERT_TRUE(stubborn.has_value());
    pid = stubborn->pid();
  }
  EXPECT_EQ(kill(pid, 0), -1);  // reaped
  auto cat = ChildProcess::start({{"cat"}, "/dev/null", "/dev/null", true});
  ASSERT_TRUE(cat.has_value());
  EXPECT_TRUE(cat->running());
  cat->close_stdin();
  while (cat->running()) usleep(1000);
  EXPECT_EQ(*cat->ended(), 0);
}

}  // namespace
}  // namespace selmcast::testbed
