#include "selmcast/net/silence.h"

#include <gtest/gtest.h>

#include "selmcast/net/limits.h"

namespace selmcast::net {
namespace {

constexpr Duration kAfter = Duration::seconds(1.6);

TEST(Silence, WhoWasHeardLatelyIsLookedAtWhenItCouldBeDead) {
  // Heard 0.4 s ago: dead in 1.6 - 0.4 = 1.2 s at the soonest.
  const Silence silence = judge({.silent_for = Duration::seconds(0.4), .asked_in_vain = true}, kAfter);
  EXPECT_FALSE(silence.dead);
  EXPECT_NEAR(silence.look_again.in_seconds(), 1.2, 1e-9);
}

TEST(Silence, WhoWasAskedInVainIsDeadWhenItsTimeIsOver) {
  EXPECT_FALSE(judge({.silent_for = Duration::seconds(1.599), .asked_in_vain = true}, kAfter).dead);
  EXPECT_TRUE(judge({.silent_for = kAfter, .asked_in_vain = true}, kAfter).dead);
  EXPECT_TRUE(judge({.silent_for = Duration::seconds(9), .asked_in_vain = true}, kAfter).dead);
}

TEST(Silence, WhoWasNotAskedNeedNotAnswer) {
  const Silence silence = judge({.silent_for = Duration::seconds(60), .asked_in_vain = false}, kAfter);
  EXPECT_FALSE(silence.dead);
  EXPECT_EQ(silence.look_again, kSilenceLook);
}

TEST(Silence, LooksAreNeverSoCloseThatTheySpin) {
  const Silence silence = judge({.silent_for = Duration::seconds(1.5999999), .asked_in_vain = true}, kAfter);
  EXPECT_EQ(silence.look_again, kSilenceLookMin);
}

// An idle link's kernel asks kKeepaliveIdle after it last heard something; the answer must have time to come.
TEST(Silence, AnIdleLinkIsAskedLongEnoughBeforeItIsDead) {
  EXPECT_GE((kDeadAfter - kKeepaliveIdle).in_seconds(), 0.5);
}

}  // namespace
}  // namespace selmcast::net
