// Sender and receivers over networks that lose, double, damage and reorder, in virtual time.
#include <gtest/gtest.h>

#include "selmcast/mcast/limits.h"
#include "selmcast/mcast/virtual_group_testing.h"

namespace selmcast::mcast {
namespace {

using Links = std::vector<VirtualLink>;
constexpr Rate k100 = Rate::megabits_per_second(100);

TEST(Protocol, WithoutLossEverySegmentIsSentOnce) {
  // 1.44 MB are 1,000 segments of 1,440 bytes; at 100 Mbit/s one takes 115.2 us, all 115.2 ms. The first leaves at
  // 0, the last at 999 slots, and arrives 1 ms later.
  VirtualGroup group(Bytes(1'440'000), k100, Links(8), 1);
  group.run();
  EXPECT_EQ(group.sender().counts().segments, 1000u);
  EXPECT_EQ(group.sender().counts().group_repairs + group.sender().counts().unicast_repairs, 0u);
  for (std::size_t k = 0; k < 8; ++k) {
    EXPECT_TRUE(group.intact(k));
    EXPECT_NEAR(group.node(k).done.in_seconds(), 999 * 115.2e-6 + 1e-3, 1e-4);
  }
  EXPECT_TRUE(group.slow.empty());
}

TEST(Protocol, AThousandRandomNetworksNotOneWrongByte) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng = Rng(seed).fork(77);
    Links links(1 + rng.below(5));
    for (VirtualLink& link : links) {
      link.loss = rng.below(3) == 0 ? 0 : rng.uniform(0, 0.2);
      link.doubled = rng.below(2) == 0 ? 0 : rng.uniform(0, 0.3);
      link.damaged = rng.below(2) == 0 ? 0 : rng.uniform(0, 0.1);
      link.delay = Duration::milliseconds(rng.uniform(0, 20));
      link.jitter = Duration::milliseconds(rng.below(2) == 0 ? 0 : rng.uniform(0, 10));
      if (rng.below(3) == 0) link.rate = k100 * rng.uniform(0.2, 1.5);
      if (rng.below(6) == 0) link.joins = Instant::at_seconds(rng.uniform(0, 0.3));
      if (rng.below(10) == 0) link.no_multicast = true;
    }
    const Bytes total(static_cast<std::int64_t>(1 + rng.below(200'000)));
    VirtualGroup group(total, k100 * rng.uniform(0.3, 2), links, seed,
                       static_cast<std::uint32_t>(16 + rng.below(1425)));
    group.run();
    for (std::size_t k = 0; k < links.size(); ++k) {
      ASSERT_TRUE(group.done(k)) << "seed " << seed << " receiver " << k;
      ASSERT_TRUE(group.intact(k)) << "seed " << seed << " receiver " << k;
    }
  }
}

TEST(Protocol, OneReceiversLossesAreRepairedForItAlone) {
  Links links(4);
  links[0].loss = 0.05;
  VirtualGroup group(Bytes(14'400'000), k100, links, 3);
  group.run();
  const SenderCounts& counts = group.sender().counts();
  EXPECT_EQ(counts.group_repairs, 0u);
  // Each of 10,000 segments is sent to it 1 / (1 - 0.05) times on average: 526 repairs; five standard deviations
  // (sqrt(10,000 * 0.05) / 0.95 = 24) are 118.
  EXPECT_NEAR(static_cast<double>(counts.unicast_repairs), 526, 118);
  // The others' links carry one copy and the polls.
  EXPECT_LE(group.node(1).datagrams_offered, 10'000 + counts.polls);
}

// The information bound. With independent loss p at each of n receivers, a sender that knows who lacks what, and that
// sends a segment again until the last one has it, needs the expected maximum of n geometric numbers of transmissions
// a segment: sum over t >= 0 of 1 - (1 - p^t)^n. (Coding could go down to 1 / (1 - p) for all; we do not code.)
double transmissions_needed(double p, std::size_t n) {
  double sum = 0, lost = 1;
  for (int t = 0; t < 60; ++t, lost *= p) sum += 1 - std::pow(1 - lost, static_cast<double>(n));
  return sum;
}

TEST(Protocol, RepairCostsWhatIsLostAndLittleMore) {
  for (const double p : {0.001, 0.01, 0.05}) {
    for (const std::size_t n : {1, 2, 4, 8}) {
      Links links(n);
      for (VirtualLink& link : links) link.loss = p;
      VirtualGroup group(Bytes(14'400'000), k100, links, 5);
      group.run();
      const double sent = static_cast<double>(group.datagrams_sent()) / 10'000;
      // For n = 8, p = 0.05: 1.35 copies. Allowed: 1 % more, and 100 polls and the like.
      EXPECT_LE(sent, transmissions_needed(p, n) * 1.01 + 0.01) << "p " << p << " n " << n;
      for (std::size_t k = 0; k < n; ++k) ASSERT_TRUE(group.intact(k));
    }
  }
}

TEST(Protocol, LossOnTheUplinkIsRepairedOnceForAll) {
  // The sender's link carries 80 of 100 Mbit/s: not what a receiver's link does, so all lose the same. Here: all eight
  // links have the same rate and queue, and no loss of their own.
  Links links(8);
  for (VirtualLink& link : links) link.rate = Rate::megabits_per_second(80);
  VirtualGroup group(Bytes(14'400'000), k100, links, 7);
  group.run();
  EXPECT_EQ(group.sender().counts().unicast_repairs, 0u);
  for (std::size_t k = 0; k < 8; ++k) ASSERT_TRUE(group.intact(k));
  // 14.4 MB at 80 Mbit/s take 1.44 s; the rate was found and kept without anybody planning it.
  EXPECT_LT(group.now().in_seconds(), 1.44 * 1.1);
  ASSERT_FALSE(group.slow.empty());
}

TEST(Protocol, ASlowReceiverCostsTheOthersNothingAndItselfNothing) {
  for (const double factor : {1.5, 3.0}) {
    Links links(4);
    const Rate slowest = k100 * (1 / factor);
    links[3].rate = slowest;
    VirtualGroup group(Bytes(28'800'000), k100, links, 9);  // 2.304 s at 100 Mbit/s
    group.run();
    for (std::size_t k = 0; k < 4; ++k) ASSERT_TRUE(group.intact(k));
    for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(group.node(k).done.in_seconds(), 2.304 * 1.02);
    // Alone it would take 2.304 s * factor: while the group is served it gets 1 / factor, the rest over TCP.
    EXPECT_LT(group.node(3).done.in_seconds(), 2.304 * factor * 1.03) << factor;
    ASSERT_EQ(group.handed_over.size(), 1u);
    EXPECT_EQ(group.handed_over[0].second.peer, TransferId(3));
    // About one copy on the uplink besides.
    EXPECT_LE(group.datagrams_sent(), 20'000 * 1.03);
    // Noticed within two windows of 40 ms and what its queue of 50 ms hides, and told with what its link carries.
    ASSERT_FALSE(group.slow.empty());
    EXPECT_LT(group.slow[0].first.in_seconds(), 0.3);
    EXPECT_NEAR(group.slow.back().second.goodput / slowest, 1, 0.1);
  }
}

TEST(Protocol, ALateReceiverGetsAllAndDelaysNobody) {
  Links links(3);
  links[2].joins = Instant::at_seconds(0.5);
  VirtualGroup group(Bytes(14'400'000), k100, links, 11);  // 1.152 s, from 0.1 s on (kStartPatience)
  group.run();
  for (std::size_t k = 0; k < 3; ++k) ASSERT_TRUE(group.intact(k));
  EXPECT_LT(group.node(0).done.in_seconds(), 0.1 + 1.152 * 1.01 + 0.002);
  // It missed 0.4 s, which are sent to it alone afterwards: 0.1 + 1.152 + 0.4 = 1.652 s.
  EXPECT_LT(group.node(2).done.in_seconds(), 1.652 * 1.05);
  EXPECT_EQ(group.sender().counts().group_repairs, 0u);
}

TEST(Protocol, WhoeverMulticastDoesNotReachIsHandedOverAtOnce) {
  Links links(2);
  links[1].no_multicast = true;
  VirtualGroup group(Bytes(28'800'000), k100, links, 13);
  group.run();
  ASSERT_EQ(group.handed_over.size(), 1u);
  EXPECT_LT(group.handed_over[0].first.in_seconds(), 0.7);  // kUnreachedAfter and one idle status
  EXPECT_EQ(group.handed_over[0].second.why, "multicast does not reach it");
  EXPECT_TRUE(group.intact(1));
}

TEST(Protocol, ADeadReceiverIsNoticedWithinTwoSecondsAndTheOthersGoOn) {
  Links links(3);
  links[1].cut = Instant::at_seconds(0.5);
  VirtualGroup group(Bytes(28'800'000), k100, links, 15);
  group.run();
  ASSERT_EQ(group.dead.size(), 1u);
  EXPECT_EQ(group.dead[0].second.peer, TransferId(1));
  EXPECT_LT(group.dead[0].first.in_seconds(), 0.5 + 2);
  ASSERT_EQ(group.losers.size(), 1u);  // and it knows itself
  EXPECT_LT(group.losers[0].first.in_seconds(), 0.5 + 2);
  EXPECT_TRUE(group.intact(0) && group.intact(2));
  EXPECT_TRUE(group.sender().finished());
  EXPECT_LT(group.node(0).done.in_seconds(), 2.304 * 1.02);
}

TEST(Protocol, ADeadSenderIsNoticedWithinTwoSecondsByAll) {
  VirtualGroup group(Bytes(28'800'000), k100, Links(3), 17);
  group.at(Instant::at_seconds(1), [&] { group.kill_sender(); });
  group.run();
  ASSERT_EQ(group.losers.size(), 3u);
  for (const auto& [when, who] : group.losers) EXPECT_LT(when.in_seconds(), 1 + 2);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_FALSE(group.done(k));
}

TEST(Protocol, ADroppedReceiverIsNoLongerServed) {
  Links links(2);
  links[1].loss = 0.5;
  VirtualGroup group(Bytes(14'400'000), k100, links, 19);
  group.at(Instant::at_seconds(0.2), [&] { group.drop(1); });
  group.run();
  EXPECT_TRUE(group.intact(0));
  EXPECT_LT(group.node(0).done.in_seconds(), 1.152 * 1.3);
  EXPECT_TRUE(group.sender().finished());
  EXPECT_TRUE(group.dead.empty());
}

TEST(Protocol, ANewRateIsObeyedAtOnce) {
  // 14.4 MB: 0.5 s at 100 Mbit/s are 6.25 MB, the rest of 8.15 MB takes 1.304 s at 50 Mbit/s.
  VirtualGroup group(Bytes(14'400'000), k100, Links(2), 21);
  group.at(Instant::at_seconds(0.5), [&] { group.sender().set_rate(k100 * 0.5, group.now()); });
  group.run();
  EXPECT_NEAR(group.node(0).done.in_seconds(), 0.5 + 1.304, 0.02);
}

TEST(Protocol, ReorderingAloneCausesNoRepairBeforeTheEnd) {
  // At 100 Mbit/s a segment takes 0.115 ms; 3 ms of jitter are 26 segments, less than kReorderMax. Only the poll at the
  // end may overtake what was sent in the last 3 ms.
  Links links(3);
  for (VirtualLink& link : links) link.jitter = Duration::milliseconds(3);
  VirtualGroup group(Bytes(14'400'000), k100, links, 23);
  group.run();
  EXPECT_LE(group.sender().counts().group_repairs + group.sender().counts().unicast_repairs, 26u);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_TRUE(group.intact(k));
}

}  // namespace
}  // namespace selmcast::mcast
