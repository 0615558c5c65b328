// At what pace a multicast is sent: bursts above its rate, delays of its process, receivers that are only late. In
// virtual time.
#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/mcast/limits.h"
#include "selmcast/mcast/virtual_group_testing.h"

namespace selmcast::mcast {
namespace {

using Links = std::vector<VirtualLink>;
constexpr Rate k100 = Rate::megabits_per_second(100);
constexpr Bytes k2Seconds(28'800'000);  // 2.304 s at 100 Mbit/s

TEST(Pace, ABurstThatFitsGoesOnToTheEnd) {
  VirtualGroup group(k2Seconds, k100, Links(3, {.rate = k100 * 2}), 1);
  group.sender().burst(k100 * 1.5);
  group.run();
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(group.node(k).done.in_seconds(), 2.304 / 1.5, 0.02);
  EXPECT_TRUE(group.slow.empty());
}

TEST(Pace, ABurstGivesWayToTheNarrowestLinkAndSaysHowMuchItCarries) {
  // One link carries 120 Mbit/s, more than the rate of 100 and less than the burst of 150.
  Links links(3, {.rate = k100 * 2});
  links[1].rate = k100 * 1.2;
  VirtualGroup group(k2Seconds, k100, links, 2);
  group.sender().burst(k100 * 1.5);
  group.run();
  ASSERT_FALSE(group.slow.empty());
  // 30 Mbit/s too much fill its queue of 50 ms in 0.2 s; then comes a window of 40 ms or two.
  EXPECT_LT(group.slow[0].first.in_seconds(), 0.4);
  for (const auto& [when, slow] : group.slow) {
    EXPECT_EQ(slow.peer, TransferId(1));
    EXPECT_TRUE(slow.alone);
    EXPECT_NEAR(slow.goodput / (k100 * 1.2), 1, 0.1);
  }
  // All go on with what the narrowest carries: 28.8 MB at 120 Mbit/s are 1.92 s.
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(group.node(k).done.in_seconds(), 1.92 * 1.05);
  EXPECT_TRUE(group.handed_over.empty());
}

TEST(Pace, ABurstOverAFullLinkCostsNextToNothing) {
  VirtualGroup group(k2Seconds, k100, Links(3, {.rate = k100}), 3);
  group.sender().burst(k100 * 1.5);
  group.run();
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(group.node(k).done.in_seconds(), 2.304 * 1.03);
  EXPECT_EQ(group.sender().pace(), k100);
  ASSERT_FALSE(group.slow.empty());
  EXPECT_NEAR(group.slow.back().second.goodput / k100, 1, 0.1);
  EXPECT_TRUE(group.handed_over.empty());
}

TEST(Pace, AProcessThatHadToWaitMakesUpForIt) {
  // Nothing is sent for 0.2 s, 20 ms of which are made up for at once. At 1.25 times the rate a fifth of each second is
  // gained, so 0.9 s later all is as if nothing had been.
  VirtualGroup group(k2Seconds, k100, Links(3, {.rate = k100 * 1.3}), 4);
  group.stall_sender(Instant::at_seconds(0.5), Instant::at_seconds(0.7));
  group.run();
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(group.node(k).done.in_seconds(), 2.304, 0.02);
  EXPECT_EQ(group.sender().counts().group_repairs + group.sender().counts().unicast_repairs, 0u);
}

TEST(Pace, WhatWouldBeLostIsNotMadeUpFor) {
  // Links that are planned full: haste would only fill their queues. It ends when the first of them loses, and the
  // delay stays: what waited in the queue is all that can be won.
  VirtualGroup group(k2Seconds, k100, Links(3, {.rate = k100}), 5);
  group.stall_sender(Instant::at_seconds(0.5), Instant::at_seconds(0.7));
  group.run();
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(group.node(k).done.in_seconds(), 2.504 * 1.02);
  EXPECT_TRUE(group.handed_over.empty());
}

TEST(Pace, AReceiverWhoseWordsAreLateIsNotTakenForSlow) {
  VirtualGroup group(k2Seconds, k100, Links(3), 6);
  group.hold_words(1, Instant::at_seconds(0.5), Instant::at_seconds(0.8));
  group.run();
  EXPECT_TRUE(group.slow.empty());
  EXPECT_TRUE(group.handed_over.empty());
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(group.node(k).done.in_seconds(), 2.304 * 1.01);
}

TEST(Pace, WhoStaysSlowIsToldOfAgain) {
  Links links(3);
  links[2].rate = k100 * 0.5;
  VirtualGroup group(k2Seconds, k100, links, 7);
  group.run();
  // Every half second while the group is served, 2.3 s, and once at first.
  ASSERT_GE(group.slow.size(), 4u);
  EXPECT_LE(group.slow.size(), 8u);
  for (const auto& [when, slow] : group.slow) EXPECT_EQ(slow.peer, TransferId(2));
}

// Until its queue of 50 ms is full nothing is lost: at rate R over a link of C that takes 50 ms C / (R - C). What comes
// then has waited 50 ms behind the rest (10 status intervals). Two windows of 40 ms in a row show it, of which the
// first may have begun before, so three (24 intervals): 34. Measured: 25 to 30. (At 10 Mbit/s a window is 64 datagrams,
// 74 ms.)
TEST(Pace, WhoIsSlowerThanPlannedIsToldOfWithinThreeWindowsAfterItsQueueIsFull) {
  for (const double mbps : {10, 40, 100}) {
    for (const double share : {0.2, 0.5, 0.8}) {
      const Rate rate = Rate::megabits_per_second(mbps);
      Links links(3);
      links[2].rate = rate * share;
      VirtualGroup group(rate * Duration::seconds(1), rate, links, 8);
      group.run();
      ASSERT_FALSE(group.slow.empty());
      const Duration queue = links[2].queue;
      const Duration full = queue * (share / (1 - share));
      const Duration window = std::max(kWindow, Bytes(kWindowDatagrams * kSegmentBytes) / rate);
      const double statuses = (group.slow[0].first - Instant() - full) / kStatusInterval;
      SCOPED_TRACE(::testing::Message() << mbps << " Mbit/s, of which it gets " << share << ": told after "
                                        << statuses << " statuses");
      EXPECT_GT(statuses, queue / kStatusInterval);
      EXPECT_LE(statuses, (queue + window * 3) / kStatusInterval);
    }
  }
}

}  // namespace
}  // namespace selmcast::mcast
