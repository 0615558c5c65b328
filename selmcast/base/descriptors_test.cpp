#include "selmcast/base/descriptors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>

namespace selmcast {
namespace {

using ::testing::HasSubstr;

struct Descriptors : ::testing::Test {
  void SetUp() override { ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0); }
  void TearDown() override { ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }

  void set_soft(rlim_t soft) {
    const rlimit limit{soft, before_.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  static rlim_t soft() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
  }
  rlimit before_{};
};

TEST_F(Descriptors, ALowSoftLimitIsRaisedAsFarAsTheHardOneAllows) {
  ASSERT_GE(before_.rlim_max, 128u);
  set_soft(100);
  EXPECT_TRUE(allow_descriptors(128).has_value());
  EXPECT_EQ(soft(), std::min<rlim_t>(before_.rlim_max, 4096));
}

TEST_F(Descriptors, AHighOneIsNeverLowered) {
  set_soft(before_.rlim_max);
  EXPECT_TRUE(allow_descriptors(1).has_value());
  EXPECT_EQ(soft(), before_.rlim_max);
}

TEST_F(Descriptors, MoreThanTheHardLimitIsAnErrorWithTheRemedy) {
  ASSERT_NE(before_.rlim_max, RLIM_INFINITY);
  const auto allowed = allow_descriptors(before_.rlim_max + 1);
  ASSERT_FALSE(allowed.has_value());
  EXPECT_EQ(allowed.error().code, ErrorCode::io);
  EXPECT_THAT(allowed.error().message, HasSubstr("needs " + std::to_string(before_.rlim_max + 1)));
}

}  // namespace
}  // namespace selmcast
