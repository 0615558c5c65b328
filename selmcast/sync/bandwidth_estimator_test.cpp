#include "selmcast/sync/bandwidth_estimator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>

#include "selmcast/sync/bursts.h"
#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Rate mbps(double value) { return Rate::megabits_per_second(value); }

// `got` Mbit/s for one second from 0.
DeliveryObservation delivery(std::uint32_t from, std::uint32_t to, double paced, double got) {
  return {.sender = w(from),
          .receiver = w(to),
          .bytes = Bytes(static_cast<std::int64_t>(got * 125'000)),
          .started = Duration(),
          .finished = Duration::seconds(1),
          .allocated = mbps(paced),
          .paced = mbps(paced)};
}

BandwidthEstimator workers(std::uint32_t count, double up, double down) {
  BandwidthEstimator estimator;
  for (std::uint32_t i = 0; i < count; ++i) estimator.join(w(i), mbps(up), mbps(down));
  return estimator;
}

std::optional<LinkJudgement> find(const std::vector<LinkJudgement>& judgements, LinkId link) {
  for (const LinkJudgement& j : judgements) {
    if (j.link == link) return j;
  }
  return std::nullopt;
}

TEST(BandwidthEstimator, LinksWithoutTrafficStayDeclared) {
  auto estimator = workers(3, 400, 100);
  const auto judged = estimator.observe(std::vector{delivery(0, 1, 100, 50)});
  EXPECT_EQ(judged.size(), 2U);  // uplink of w0, downlink of w1
  EXPECT_EQ(estimator.uplink(w(2)), mbps(400));
  EXPECT_EQ(estimator.downlink(w(2)), mbps(100));
  EXPECT_EQ(estimator.downlink(w(0)), mbps(100));
}

TEST(BandwidthEstimator, IsPlannedWithLessByWhatItsSamplesScatter) {
  auto estimator = workers(2, 400, 100);
  const LinkId down{w(1), Direction::down};
  for (const double got : {96.0, 100.0}) estimator.observe(std::vector{delivery(0, 1, 200, got)});
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 96 + 0.7 * 4, 1e-3);
  EXPECT_EQ(estimator.lower_end(down), estimator.downlink(w(1)));  // two samples are no spread
  estimator.observe(std::vector{delivery(0, 1, 200, 104)});        // 5 % more than 98.8: proof
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 104, 1e-3);
  // 8 and 4 of 104 off, and none: sqrt((0.0769^2 + 0.0385^2 + 0) / 3) = 0.0497
  EXPECT_NEAR(estimator.lower_end(down).mbps(), 104 * (1 - 0.04965), 0.01);
  EXPECT_EQ(estimator.lower_end({w(0), Direction::up}), mbps(400));  // never full
}

// w1 declared 800 and has 8; w0, which has 40, sends to it. ln(40 / 8) is less than ln(800 / 8), so w0's uplink is
// blamed; not if nobody believes the 800. No estimate falls more than fourfold in a look: 200, 50, 12.5, 8.
TEST(BandwidthEstimator, WhoIsDisbelievedIsBlamedBeforeOthers) {
  for (const bool disbelieved : {false, true}) {
    auto estimator = workers(1, 40, 40);
    estimator.join(w(1), mbps(4000), mbps(800));
    if (disbelieved) estimator.disbelieve(w(1));
    EXPECT_EQ(estimator.downlink(w(1)), mbps(800));  // until something shows what it is
    for (const double after : {200.0, 50.0, 12.5, 8.0}) {
      const auto judged = estimator.observe(std::vector{delivery(0, 1, 40, 8)});
      EXPECT_EQ(find(judged, {w(0), Direction::up})->saturated, !disbelieved);
      EXPECT_EQ(find(judged, {w(1), Direction::down})->saturated, disbelieved);
      EXPECT_EQ(estimator.downlink(w(1)), mbps(disbelieved ? after : 800));
      EXPECT_EQ(estimator.measured({w(1), Direction::down}), disbelieved && after == 8);
    }
  }
}

// What was learnt by its word counts no more than what it declared; once only, and what is learnt from then on stays.
TEST(BandwidthEstimator, WhoIsDisbelievedStartsAnewOnce) {
  auto estimator = workers(3, 40, 40);
  estimator.observe(std::vector{delivery(0, 1, 80, 40)});
  const LinkId down{w(1), Direction::down};
  ASSERT_TRUE(estimator.measured(down) || estimator.measured({w(0), Direction::up}));
  estimator.disbelieve(w(1));
  EXPECT_FALSE(estimator.measured(down));
  for (int look = 0; look < 2; ++look) estimator.observe(std::vector{delivery(0, 1, 40, 8)});
  EXPECT_TRUE(estimator.measured(down));
  estimator.disbelieve(w(1));
  EXPECT_TRUE(estimator.measured(down));
  EXPECT_EQ(estimator.downlink(w(1)), mbps(8));
}

// w1's downlink of 50 is full; w1 sends 200 itself, whose acknowledgements come over that downlink: 0.02 * 200 = 4, so
// 46 are left for payload. It carries 50, and is planned with 46.
TEST(BandwidthEstimator, AcknowledgementsOfTheOtherDirectionAreLoad) {
  auto estimator = workers(3, 400, 200);
  estimator.join(w(3), mbps(400), mbps(50));
  std::vector seen{delivery(0, 3, 100, 46), delivery(3, 1, 100, 100), delivery(3, 2, 100, 100)};
  for (DeliveryObservation& d : seen) d.ack_load = 0.02;
  const auto judged = estimator.observe(seen);
  EXPECT_NEAR(find(judged, {w(3), Direction::down})->aggregate.mbps(), 50, 1e-3);
  EXPECT_NEAR(estimator.lower_end({w(3), Direction::down}).mbps(), 46, 1e-3);
  // And of the 46 on w3's uplink, where 200 are sent: 200.92, of 400. On w0's downlink nothing is delivered.
  EXPECT_NEAR(find(judged, {w(3), Direction::up})->aggregate.mbps(), 200.92, 1e-3);
  EXPECT_EQ(find(judged, {w(0), Direction::down}), std::nullopt);
  // No more of them: planned with all of it.
  estimator.observe(std::vector{delivery(0, 3, 100, 50)});
  EXPECT_NEAR(estimator.lower_end({w(3), Direction::down}).mbps(), 50, 1e-3);
}

// Whatever is told of them, half of a link is left.
TEST(BandwidthEstimator, AcknowledgementsTakeHalfOfALinkAtMost) {
  auto estimator = workers(2, 4000, 4000);
  estimator.join(w(2), mbps(4000), mbps(50));
  std::vector seen{delivery(0, 2, 45, 45), delivery(2, 1, 4000, 4000)};
  for (DeliveryObservation& d : seen) d.ack_load = kAckLoadMost;
  estimator.observe(seen);
  const LinkId down{w(2), Direction::down};
  EXPECT_EQ(estimator.lower_end(down), estimator.estimate(down) * 0.5);
}

TEST(BandwidthEstimator, DeliveryAsFastAsPacedNeverLowersAnEstimate) {
  auto estimator = workers(2, 400, 100);
  const auto judged = estimator.observe(std::vector{delivery(0, 1, 10, 9.9)});
  EXPECT_EQ(estimator.uplink(w(0)), mbps(400));
  EXPECT_EQ(estimator.downlink(w(1)), mbps(100));
  EXPECT_FALSE(find(judged, {w(1), Direction::down})->saturated);
}

TEST(BandwidthEstimator, DeliveryAsFastAsPacedRaisesAnEstimateBelowIt) {
  auto estimator = workers(2, 400, 100);
  estimator.observe(std::vector{delivery(0, 1, 150, 150)});
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 150, 1e-6);
}

TEST(BandwidthEstimator, SlowDownlinkIsBlamedWhereAllItsSendersFallShortThere) {
  // w3 (declared 60) gets 10 + 10 of the 30 + 30 paced; w0 and w1 serve others as paced.
  auto estimator = workers(4, 400, 60);
  const auto judged = estimator.observe(std::vector{delivery(0, 2, 50, 50), delivery(0, 3, 30, 10),
                                                    delivery(1, 2, 10, 10), delivery(1, 3, 30, 10)});
  const auto down = find(judged, {w(3), Direction::down});
  ASSERT_TRUE(down.has_value());
  EXPECT_TRUE(down->saturated);
  EXPECT_NEAR(down->held_back, 2, 1e-6);
  EXPECT_EQ(down->deliveries, 2);
  EXPECT_NEAR(down->aggregate.mbps(), 20, 1e-6);
  EXPECT_NEAR(down->paced.mbps(), 60, 1e-6);
  EXPECT_EQ(down->before, mbps(60));
  EXPECT_EQ(down->after, estimator.downlink(w(3)));
  EXPECT_NEAR(estimator.downlink(w(3)).mbps(), 20, 1e-6);  // the first saturation replaces what was declared
  EXPECT_EQ(estimator.uplink(w(0)), mbps(400));
  EXPECT_EQ(estimator.uplink(w(1)), mbps(400));
}

TEST(BandwidthEstimator, SlowUplinkIsBlamedWhereAllItsReceiversFallShort) {
  // w0 (declared 60) gets 10 of 30 to each; its receivers get all they were promised from w3.
  auto estimator = workers(4, 60, 100);
  const auto judged = estimator.observe(std::vector{delivery(0, 1, 30, 10), delivery(0, 2, 30, 10),
                                                    delivery(3, 1, 30, 30), delivery(3, 2, 30, 30)});
  EXPECT_TRUE(find(judged, {w(0), Direction::up})->saturated);
  EXPECT_NEAR(estimator.uplink(w(0)).mbps(), 20, 1e-6);
  EXPECT_EQ(estimator.downlink(w(1)), mbps(100));
  EXPECT_EQ(estimator.downlink(w(2)), mbps(100));
}

TEST(BandwidthEstimator, ANetworkMulticastPutsOneCopyOnItsUplink) {
  // w0's uplink of 100 carries one multicast at 80 to three receivers: 80, not 240. As unicast it would rise to 240.
  auto estimator = workers(4, 100, 100);
  const std::vector<DeliveryObservation> multicast{delivery(0, 1, 80, 80), delivery(0, 2, 80, 80),
                                                   delivery(0, 3, 80, 80)};
  const auto judged = estimator.observe(multicast, true);
  EXPECT_EQ(estimator.uplink(w(0)), mbps(100));
  EXPECT_NEAR(find(judged, {w(0), Direction::up})->aggregate.mbps(), 80, 1e-6);
  EXPECT_NEAR(find(judged, {w(0), Direction::up})->paced.mbps(), 80, 1e-6);
  estimator.observe(multicast);
  EXPECT_NEAR(estimator.uplink(w(0)).mbps(), 240, 1e-6);
}

TEST(BandwidthEstimator, ANetworkMulticastsSlowReceiverIsBlamedAlone) {
  auto estimator = workers(4, 100, 100);
  const std::vector<DeliveryObservation> multicast{delivery(0, 1, 80, 80), delivery(0, 2, 80, 80),
                                                   delivery(0, 3, 80, 30)};
  estimator.observe(multicast, true);
  EXPECT_EQ(estimator.downlink(w(3)), mbps(100));  // one delivery, far from what was declared: once more
  estimator.observe(multicast, true);
  EXPECT_NEAR(estimator.downlink(w(3)).mbps(), 30, 1e-6);
  EXPECT_EQ(estimator.uplink(w(0)), mbps(100));
}

TEST(BandwidthEstimator, UnpacedDeliveryIsHeldBackByTheLinkNearerToItsEstimate) {
  // 40 over an uplink declared 400 and a downlink declared 50: one of them is full.
  auto estimator = workers(2, 400, 50);
  estimator.observe(std::vector{delivery(0, 1, kInfinity, 40)});
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 40, 1e-6);
  EXPECT_EQ(estimator.uplink(w(0)), mbps(400));
}

TEST(BandwidthEstimator, OneBadRoundDoesNotLowerAConfirmedEstimateButTwoDo) {
  auto estimator = workers(2, 4000, 100);
  estimator.observe(std::vector{delivery(0, 1, 150, 100)});  // confirmed at 100
  estimator.observe(std::vector{delivery(0, 1, 150, 50)});
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 100, 1e-6);
  estimator.observe(std::vector{delivery(0, 1, 150, 50)});  // they agree: a fall
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 50, 1e-6);
}

TEST(BandwidthEstimator, BadRoundsThatDisagreeSayNothingUntilTwoOfThreeAgree) {
  auto estimator = workers(2, 4000, 100);
  estimator.observe(std::vector{delivery(0, 1, 150, 100)});
  for (const double got : {50.0, 70.0, 30.0}) {
    estimator.observe(std::vector{delivery(0, 1, 150, got)});
    EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 100, 1e-6) << got;
  }
  estimator.observe(std::vector{delivery(0, 1, 150, 67)});  // with 70 two rounds ago
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 70, 1e-6);
}

TEST(BandwidthEstimator, SearchesUntilSaturatedAndAgainAfterARise) {
  const LinkId down{w(1), Direction::down};
  auto estimator = workers(2, 4000, 100);
  EXPECT_TRUE(estimator.searching(down));
  estimator.observe(std::vector{delivery(0, 1, 150, 100)});
  EXPECT_FALSE(estimator.searching(down));
  estimator.observe(std::vector{delivery(0, 1, 125, 125)});
  EXPECT_TRUE(estimator.searching(down));
}

TEST(BandwidthEstimator, ImpossibleNumbersAreIgnored) {
  auto estimator = workers(2, 400, 100);
  std::vector<DeliveryObservation> odd(9, delivery(0, 1, 100, 10));
  odd[0].finished = odd[0].started;
  odd[1].finished = Duration::seconds(-1);
  odd[2].finished = Duration::infinite();
  odd[3].started = Duration::seconds(std::numeric_limits<double>::quiet_NaN());
  odd[4].bytes = Bytes(-5);
  odd[5].paced = mbps(std::numeric_limits<double>::quiet_NaN());
  odd[6].paced = mbps(0);
  odd[7].sender = w(99);  // left in the meantime
  odd[8].finished = Duration::milliseconds(4);
  EXPECT_TRUE(estimator.observe(odd).empty());
  EXPECT_EQ(estimator.downlink(w(1)), mbps(100));
}

TEST(BandwidthEstimator, NoDeliveryIsBelievedToBeFasterThanItWasPaced) {
  auto estimator = workers(2, 400, 100);
  estimator.observe(std::vector{delivery(0, 1, 110, 5000)});
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 110, 1e-6);
}

TEST(BandwidthEstimator, AnEstimateGrowsAtMostFourfoldARound) {
  auto estimator = workers(2, 400, 100);
  auto absurd = delivery(0, 1, kInfinity, 0);
  absurd.bytes = Bytes(std::numeric_limits<std::int64_t>::max());
  absurd.finished = Duration::milliseconds(10);
  estimator.observe(std::vector{absurd});
  EXPECT_LE(estimator.downlink(w(1)), mbps(400));
  EXPECT_LE(estimator.uplink(w(0)), mbps(1600));
}

TEST(BandwidthEstimator, WhoLeavesIsForgotten) {
  auto estimator = workers(2, 400, 100);
  estimator.leave(w(1));
  estimator.leave(w(1));
  EXPECT_FALSE(estimator.knows(w(1)));
  EXPECT_TRUE(estimator.observe(std::vector{delivery(0, 1, 100, 50)}).empty());
}

// ---- moments

// Over its two seconds `first` and then `second` Mbit/s.
DeliveryObservation uneven(std::uint32_t from, std::uint32_t to, double paced, double first, double second) {
  DeliveryObservation made = delivery(from, to, paced, first + second);
  made.finished = Duration::seconds(2);
  for (std::size_t k = 1; k < kProgressParts; ++k) {
    const double there = (first + second) * static_cast<double>(k) / kProgressParts;
    made.progress.push_back(Duration::seconds(there < first ? there / first : 1 + (there - first) / second));
  }
  return made;
}

TEST(BandwidthEstimator, ALinkThatWasFullAtAnotherTimeIsNotBlamed) {
  // The uplink of w0 has fallen from 100 to 40. It serves w2 and w3 in the first second, 20 of 50 each. Their
  // downlinks of 100 are full in the second one, by w1 and w2: that does not excuse w0's.
  auto estimator = workers(4, 100, 100);
  std::vector<DeliveryObservation> seen{delivery(0, 2, 50, 20), delivery(0, 3, 50, 20),
                                        uneven(1, 2, 150, 20, 100), uneven(2, 3, 150, 20, 100)};
  for (int round = 0; round < 2; ++round) estimator.observe(seen);
  EXPECT_NEAR(estimator.uplink(w(0)).mbps(), 40, 0.5);
  EXPECT_NEAR(estimator.downlink(w(2)).mbps(), 100, 1);
  EXPECT_NEAR(estimator.downlink(w(3)).mbps(), 100, 1);
}

TEST(BandwidthEstimator, WhatWasHeldUpBehindALostSegmentIsNoProofOfAWiderLink) {
  // 50 Mbit/s, but for 100 ms nothing is there, and then what came meanwhile all at once.
  auto estimator = workers(2, 400, 50);
  DeliveryObservation stalled = delivery(0, 1, 60, 50);
  for (std::size_t k = 1; k < kProgressParts; ++k) {
    const double even = static_cast<double>(k) / kProgressParts;
    stalled.progress.push_back(Duration::seconds(even > 0.5 && even < 0.6 ? 0.6 : even));
  }
  for (int round = 0; round < 10; ++round) estimator.observe(std::vector{stalled});
  EXPECT_NEAR(estimator.downlink(w(1)).mbps(), 50, 1);
}

// ---- network multicasts

DeliveryObservation seen(DeliveryObservation delivery, bool lossy, bool alone = false) {
  delivery.lossy = lossy;
  delivery.alone = alone;
  return delivery;
}

TEST(BandwidthEstimator, ANetworkMulticastThatIsLateButLostNothingWasNotHeldBack) {
  // Paced at 100 it came at 20: the sender's processor was busy, say.
  auto estimator = workers(3, 400, 100);
  for (int round = 0; round < 2; ++round)
    estimator.observe(std::vector{seen(delivery(0, 1, 100, 20), false), seen(delivery(0, 2, 100, 20), false)},
                      true);
  for (std::uint32_t k = 0; k < 3; ++k) {
    EXPECT_EQ(estimator.uplink(w(k)), mbps(400));
    EXPECT_EQ(estimator.downlink(w(k)), mbps(100));
  }
}

TEST(BandwidthEstimator, WhoAloneLosesHasANarrowDownlink) {
  // w1 and w2 both got 50 of 100. If both lost, the uplink alone explains it.
  for (const bool alone : {true, false}) {
    auto estimator = workers(3, 100, 100);
    for (int round = 0; round < 2; ++round)
      estimator.observe(
          std::vector{seen(delivery(0, 1, 100, 50), true, alone), seen(delivery(0, 2, 100, 50), !alone)},
          true);
    EXPECT_NEAR(estimator.uplink(w(0)).bps(), alone ? 100e6 : 50e6, 1);
    EXPECT_NEAR(estimator.downlink(w(1)).bps(), alone ? 50e6 : 100e6, 1);
    EXPECT_EQ(estimator.downlink(w(2)), mbps(100));
  }
}

// ---- bursts
// ---------------------------------------------------------------------------------------------------

class Bursts : public testing::Test {
 protected:
  // w0 -> w1 and w2 -> w3 with downlinks 10 and 100: w1's downlink binds, w3's is done in a tenth of the
  // time.
  Bursts() {
    for (std::uint32_t i = 0; i < 4; ++i) {
      ids_.push_back(w(i));
      const Rate down = i == 1 ? mbps(10) : mbps(100);
      estimator_.join(w(i), mbps(400), down);
      problem_.workers.push_back({.name = to_string(w(i)),
                                  .uplink = mbps(400),
                                  .downlink = down,
                                  .min_receivers = 0,
                                  .volume = Bytes(1'000'000)});
    }
    const auto worker = [](std::uint32_t i) { return WorkerIndex(i); };
    allocated_ = {{{worker(0), worker(1)}, mbps(10)}, {{worker(2), worker(3)}, mbps(100)}};
  }
  double factor(std::size_t delivery, std::uint64_t round) const {
    const auto paced = plan_bursts(problem_, allocated_, estimator_, {.ids = ids_, .round = Round(round)});
    EXPECT_EQ(paced[delivery].pair, allocated_[delivery].pair);
    return paced[delivery].rate / allocated_[delivery].rate;
  }
  std::vector<WorkerId> ids_;
  BandwidthEstimator estimator_;
  plan::Problem problem_;
  std::vector<PairRate> allocated_;
};

TEST_F(Bursts, UnknownBindingLinkIsSearchedEveryRound) {
  for (std::uint64_t round = 0; round < 8; ++round) EXPECT_DOUBLE_EQ(factor(0, round), 1.5);
}

TEST_F(Bursts, KnownBindingLinkIsTriedEveryFourthRound) {
  estimator_.observe(std::vector{delivery(0, 1, 15, 10)});  // its end is seen
  // Due where (round + id 1) is divisible by 4.
  for (std::uint64_t round = 0; round < 12; ++round) {
    EXPECT_DOUBLE_EQ(factor(0, round), round % 4 == 3 ? 1.25 : 1) << "round " << round;
  }
}

TEST_F(Bursts, DeliveryThatEndsEarlyIsAlwaysPacedHigherAndNowAndThenUpToItsLinks) {
  estimator_.observe(std::vector{delivery(0, 1, 15, 10), delivery(2, 3, 150, 100)});
  // 100 of w2's uplink of 400 are allocated: 1.25 * 400 / 100, where (round + id 2) is divisible by 4. w3's downlink is
  // full at 100 already, and 1.25 is less than 1.5.
  for (std::uint64_t round = 0; round < 8; ++round)
    EXPECT_DOUBLE_EQ(factor(1, round), round % 4 == 2 ? 5 : 1.5) << "round " << round;
}

TEST_F(Bursts, ReceiversOfANetworkMulticastShareTheFactorOfTheLinkThatBinds) {
  // w0 -> {w1, w3}: w1 binds and is known, so it is tried in rounds 3, 7, ...; w3 does not bind and has no say.
  estimator_.observe(std::vector{delivery(0, 1, 15, 10)});
  problem_.multicast = plan::MulticastKind::network;
  allocated_ = {{{WorkerIndex(0), WorkerIndex(1)}, mbps(10)}, {{WorkerIndex(0), WorkerIndex(3)}, mbps(10)}};
  for (std::uint64_t round = 0; round < 8; ++round) {
    EXPECT_DOUBLE_EQ(factor(0, round), round % 4 == 3 ? 1.25 : 1) << "round " << round;
    EXPECT_DOUBLE_EQ(factor(1, round), factor(0, round));
  }
}

TEST_F(Bursts, ANetworkMulticastThatBindsNowhereIsTriedWhenALinkOfItIsDue) {
  // w2 -> w3 is done in a tenth of the time. Due where (round + 2) or (round + 3) is divisible by 4.
  problem_.multicast = plan::MulticastKind::network;
  for (std::uint64_t round = 0; round < 8; ++round)
    EXPECT_DOUBLE_EQ(factor(1, round), round % 4 == 2 || round % 4 == 1 ? 2 : 1) << "round " << round;
}

// w0's multicast to w1 and w2, and a copy of its own for w3: two copies on an uplink of 100 that was declared 200.
TEST(BandwidthEstimator, AnUplinkCarriesAMulticastOnceAndEachOwnCopyBesideIt) {
  auto estimator = workers(4, 200, 400);
  std::vector<DeliveryObservation> all{seen(delivery(0, 1, 100, 50), true),
                                       seen(delivery(0, 2, 100, 50), true), delivery(0, 3, 100, 50)};
  all[2].own_copy = true;
  std::vector<LinkJudgement> judged;
  for (int round = 0; round < 2; ++round) judged = estimator.observe(all, true);
  EXPECT_NEAR(estimator.uplink(w(0)).mbps(), 100, 0.5);
  for (const std::uint32_t k : {1, 2, 3}) EXPECT_NEAR(estimator.downlink(w(k)).mbps(), 400, 0.5);
  EXPECT_EQ(find(judged, {w(0), Direction::up})->paced, mbps(200));
}

// w0 to w1 by multicast and to w2 by a copy of its own, 20 each on an uplink of 45. Their downlinks bind and their ends
// are not known, so 1.5 times is due: the copy goes to 30, the multicast only to 25, as 45 - 20 are left.
TEST(MixedBursts, AMulticastLeavesRoomForTheStreamsBesideIt) {
  plan::Problem problem{.multicast = plan::MulticastKind::network, .workers = {}, .required = {}, .ages = {}};
  BandwidthEstimator estimator;
  for (std::uint32_t i = 0; i < 3; ++i) {
    problem.workers.push_back(
        {"w" + std::to_string(i), mbps(i == 0 ? 45 : 1000), mbps(20), 0, Bytes(1'000'000)});
    estimator.join(w(i), mbps(i == 0 ? 45 : 1000), mbps(20));
  }
  problem.unreached = {{WorkerIndex(0), WorkerIndex(2)}};
  const std::vector<PairRate> allocated{{{WorkerIndex(0), WorkerIndex(1)}, mbps(20)},
                                        {{WorkerIndex(0), WorkerIndex(2)}, mbps(20)}};
  const std::vector<WorkerId> ids{w(0), w(1), w(2)};
  const auto paced = plan_bursts(problem, allocated, estimator, {ids, Round(0)});
  EXPECT_NEAR(paced[0].rate.mbps(), 25, 1e-9);
  EXPECT_NEAR(paced[1].rate.mbps(), 30, 1e-9);
  problem.workers[0].uplink = mbps(30);
  EXPECT_NEAR(plan_bursts(problem, allocated, estimator, {ids, Round(0)})[0].rate.mbps(), 20, 1e-9);
}

}  // namespace
}  // namespace selmcast::sync
