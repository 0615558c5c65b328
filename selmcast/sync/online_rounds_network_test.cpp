// Network multicast without rounds in common: one flow a multicast. Models of 8 Mbit, w0 sends over 6 Mbit/s up; w1, w2
// and w3 take 4, 8 and 8 Mbit/s down. All numbers by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "selmcast/sync/online_rounds.h"
#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

using plan::MulticastKind;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

template <class One>
std::vector<One> all(const Result<Actions>& actions) {
  EXPECT_TRUE(actions.has_value());
  return sync::all<One>(actions.value_or(Actions{}));
}

struct OnlineNetwork : ::testing::Test {
  RoundSettings common;
  OnlineChoice choice;
  std::unique_ptr<OnlineRounds> machine;
  Instant now = Instant::at_seconds(10);

  OnlineNetwork() {
    common.multicast = MulticastKind::network;
    common.age_start = AgeStart::zero;
    choice.policy = "broadcast";
  }
  void start() {
    machine = std::make_unique<OnlineRounds>(common, choice);
    const double up[] = {6, 100, 100, 100}, down[] = {100, 4, 8, 8};
    for (std::uint32_t w = 0; w < 4; ++w) {
      machine->join(WorkerId(w),
                    {"w" + std::to_string(w), Rate::megabits_per_second(up[w]),
                     Rate::megabits_per_second(down[w]), kModel, 8},
                    now);
    }
  }
  void at(double seconds) { now = Instant::at_seconds(10 + seconds); }
  Result<Actions> ready(std::uint32_t worker, std::uint64_t round = 0) {
    return machine->ready(WorkerId(worker), Round(round), now);
  }
  Result<Actions> delivered(std::uint32_t receiver, std::uint64_t transfer) {
    return machine->delivered(WorkerId(receiver),
                              {TransferId(transfer), kModel, Duration(), Duration::seconds(2)}, now);
  }
  static std::vector<double> paces(const std::vector<Transfer>& transfers) {
    std::vector<double> mbps;
    for (const Transfer& transfer : transfers) mbps.push_back(transfer.paced.mbps());
    return mbps;
  }
};

TEST_F(OnlineNetwork, AMulticastGoesAtTheRateOfItsSlowestLinkAndCountsOnceOnTheUplink) {
  start();
  const auto plans = all<PlanChanged>(ready(0));
  ASSERT_THAT(plans, SizeIs(1));
  EXPECT_EQ(plans[0].multicast, MulticastKind::network);
  ASSERT_THAT(plans[0].started, SizeIs(3));
  // w1's 4 Mbit/s; unicast would share 6 Mbit/s of uplink among three. No burst above it, though bursts are on.
  EXPECT_THAT(paces(plans[0].started), Each(DoubleNear(4, 1e-9)));
  EXPECT_NEAR(plans[0].predicted.in_seconds(), 2, 1e-6);  // 8 Mbit / 4, not 24 / 6
}

TEST_F(OnlineNetwork, WhenTheSlowestHasItTheOthersGoOnFaster) {
  start();
  ready(0);
  at(1);
  const auto plans = all<PlanChanged>(delivered(1, 1));
  ASSERT_THAT(plans, SizeIs(1));
  ASSERT_THAT(plans[0].new_rates, SizeIs(2));
  for (const auto& change : plans[0].new_rates) EXPECT_NEAR(change.transfer.paced.mbps(), 6, 1e-9);
  EXPECT_THAT(all<MulticastEnded>(delivered(2, 2)), IsEmpty());
  const auto last = delivered(3, 3);
  EXPECT_THAT(all<MulticastEnded>(last), SizeIs(1));
  EXPECT_THAT(all<WentOn>(last), SizeIs(1));
  EXPECT_EQ(machine->running(), 0U);
}

TEST_F(OnlineNetwork, TwoMulticastsShareTheDownlinksThatBothNeed) {
  start();
  ready(0);
  const auto plans = all<PlanChanged>(ready(2));
  ASSERT_THAT(plans, SizeIs(1));
  // Both go to w1, 2 Mbit/s each; w0's others are held to the same.
  EXPECT_THAT(paces(plans[0].started), Each(DoubleNear(2, 1e-9)));
  ASSERT_THAT(plans[0].new_rates, SizeIs(3));
  for (const auto& change : plans[0].new_rates) EXPECT_NEAR(change.transfer.paced.mbps(), 2, 1e-9);
}

TEST_F(OnlineNetwork, AReceiverThatLeavesOrFailsIsTakenOffAndTheMulticastEndsOnce) {
  start();
  ready(0);
  const Actions left = machine->leave(WorkerId(1), "gone", now);
  ASSERT_THAT(all<TransferCancelled>(left), SizeIs(1));
  const auto faster = all<PlanChanged>(left);
  ASSERT_THAT(faster, SizeIs(1));
  EXPECT_THAT(faster[0].new_rates, SizeIs(2));
  EXPECT_NEAR(faster[0].new_rates.at(0).transfer.paced.mbps(), 6, 1e-9);
  EXPECT_THAT(all<TransferCancelled>(machine->failed(WorkerId(2), {TransferId(2), "a fault"}, now)),
              SizeIs(1));
  EXPECT_THAT(all<TransferCancelled>(machine->failed(WorkerId(0), {TransferId(2), "too"}, now)), IsEmpty());
  const auto last = delivered(3, 3);
  EXPECT_THAT(all<MulticastEnded>(last), SizeIs(1));
  EXPECT_THAT(all<TransferCommitted>(last), SizeIs(1));
}

TEST_F(OnlineNetwork, ASenderThatLeavesEndsItAll) {
  start();
  ready(0);
  EXPECT_THAT(all<TransferCancelled>(machine->leave(WorkerId(0), "gone", now)), SizeIs(3));
  EXPECT_EQ(machine->running(), 0U);
}

TEST_F(OnlineNetwork, AReportThatOneIsSlowIsOfTheSenderAndOfWhatRuns) {
  start();
  ready(0);
  const TrainingMachine::SlowTransfer slow{TransferId(1), Rate::megabits_per_second(2), true};
  EXPECT_THAT(machine->slow(WorkerId(0), slow, now).value(), IsEmpty());
  EXPECT_FALSE(machine->slow(WorkerId(1), slow, now).has_value());
  EXPECT_FALSE(machine->slow(WorkerId(2), slow, now).has_value());
  EXPECT_FALSE(machine->slow(WorkerId(0), {TransferId(4), slow.goodput, true}, now).has_value());
  at(1);
  delivered(1, 1);
  EXPECT_THAT(machine->slow(WorkerId(0), slow, now).value(), IsEmpty());  // too late, no error
}

// w0 sends to w2 and w3 at its 6 Mbit/s; w2 gets 3, w3 leaves. Half of w0's 6 is likelier than 3 / 8 of w2's 8, but for
// w3, which got all. What was declared is given up when it happens a second time.
TEST_F(OnlineNetwork, WhatOneAloneDoesNotGetIsNotForWantOfUplink) {
  for (const bool alone : {false, true}) {
    now = Instant::at_seconds(10);
    start();
    machine->leave(WorkerId(1), "gone", now);
    std::uint64_t first = 1;
    for (std::uint64_t round = 0; round < 2; ++round) {
      EXPECT_THAT(paces(all<PlanChanged>(ready(0, round)).at(0).started), Each(DoubleNear(6, 1e-9)));
      EXPECT_TRUE(machine->slow(WorkerId(0), {TransferId(first), Rate::megabits_per_second(3), alone}, now)
                      .has_value());
      if (round == 0) machine->leave(WorkerId(3), "gone", now);
      const auto took = [this](std::uint32_t receiver, std::uint64_t transfer, double seconds) {
        now = now + Duration::seconds(seconds);
        return machine->delivered(
            WorkerId(receiver), {TransferId(transfer), kModel, Duration(), Duration::seconds(seconds)}, now);
      };
      EXPECT_THAT(all<MulticastEnded>(took(2, first, 8.0 / 3)), SizeIs(1));
      const auto back = all<PlanChanged>(ready(2, round)).at(0).started;
      ASSERT_THAT(back, SizeIs(1));
      const auto learnt =
          all<Learnt>(took(0, back[0].id.value(), 8.0 / 100));  // as many multicasts as workers: a look
      ASSERT_THAT(learnt, SizeIs(1));
      ASSERT_THAT(learnt[0].estimates, SizeIs(2));
      const bool is_known = round == 1;
      EXPECT_NEAR(learnt[0].estimates[0].uplink.mbps(), is_known && !alone ? 3 : 6, 0.01);
      EXPECT_NEAR(learnt[0].estimates[1].downlink.mbps(), is_known && alone ? 3 : 8, 0.01);
      first = back[0].id.value() + 1;
    }
  }
}

// What runs goes on as it was planned, whatever is chosen meanwhile.
TEST_F(OnlineNetwork, AKindThatIsChosenIsOfTheNextMulticast) {
  common.multicast = MulticastKind::unicast;
  common.bursts = false;
  start();
  EXPECT_EQ(all<PlanChanged>(ready(0)).at(0).multicast, MulticastKind::unicast);
  machine->set_multicast(MulticastKind::network, {});
  const auto plans = all<PlanChanged>(ready(3));
  EXPECT_EQ(plans.at(0).multicast, MulticastKind::network);
  at(1);
  for (const std::uint64_t transfer : {1, 2, 3})
    EXPECT_THAT(all<TransferCommitted>(delivered(static_cast<std::uint32_t>(transfer), transfer)), SizeIs(1));
  EXPECT_EQ(machine->running(), 3U);
}

}  // namespace
}  // namespace selmcast::sync
