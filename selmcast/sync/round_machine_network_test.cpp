// Rounds of network multicasts: receivers of which their sender says that they do not get all that is sent.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "selmcast/sync/round_machine.h"
#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

constexpr Bytes kBigModel(10'000'000);  // 80 Mbit
constexpr std::uint32_t kWorkers = 4;

Rate mbps(double value) { return Rate::megabits_per_second(value); }

// Uplinks of 800, downlinks of 80 Mbit/s: a model is through a downlink in a second.
struct NetworkRounds : testing::Test {
  NetworkRounds() : machine(settings()) {
    for (std::uint32_t w = 0; w < kWorkers; ++w)
      machine.join(WorkerId(w), {"w" + std::to_string(w), mbps(800), mbps(80), kBigModel, 8}, Instant());
  }
  static RoundSettings settings() {
    RoundSettings made;
    made.planner = plan::find_planner("broadcast");
    made.multicast = plan::MulticastKind::network;
    made.min_receivers = MinReceivers::count(1);
    made.max_age = 3;
    return made;
  }
  void use(const char* planner) {
    RoundSettings made = settings();
    made.planner = plan::find_planner(planner);
    machine = RoundMachine(made);
    // w0's links are such that all can take w0's multicast besides others.
    for (std::uint32_t w = 0; w < kWorkers; ++w)
      machine.join(WorkerId(w), {"w" + std::to_string(w), mbps(800), mbps(w == 1 ? 80 : 400), kBigModel, 8},
                   Instant());
  }
  RoundPlanned plan(double now) {
    std::optional<RoundPlanned> planned;
    for (std::uint32_t w = 0; w < kWorkers; ++w) {
      const auto actions = machine.ready(WorkerId(w), machine.round(), at(now));
      for (const Action& action : *actions) {
        if (const auto* made = std::get_if<RoundPlanned>(&action)) planned = *made;
      }
    }
    EXPECT_TRUE(planned.has_value());
    return planned.value_or(RoundPlanned{});
  }
  // One that its sender can do without.
  static const Transfer* spare(const RoundPlanned& plan) {
    const auto found = std::ranges::find_if(plan.transfers, [&](const Transfer& t) {
      const auto of_sender = std::ranges::count(plan.transfers, t.sender, &Transfer::sender);
      return t.reason == plan::Reason::spare && of_sender > 1;
    });
    return found == plan.transfers.end() ? nullptr : &*found;
  }
  RoundMachine machine;
};

bool has_cancelled(const Actions& actions, TransferId transfer) {
  return std::ranges::any_of(actions, [&](const Action& action) {
    const auto* cancelled = std::get_if<TransferCancelled>(&action);
    return cancelled != nullptr && cancelled->transfer.id == transfer;
  });
}

TEST_F(NetworkRounds, OnlyItsSenderMaySaySo) {
  const RoundPlanned planned = plan(0);
  const Transfer& t = planned.transfers.at(0);
  EXPECT_FALSE(machine.slow(t.receiver, {t.id, mbps(1)}, at(0.1)).has_value());
  EXPECT_FALSE(machine.slow(t.sender, {TransferId(1000), mbps(1)}, at(0.1)).has_value());
  EXPECT_FALSE(machine.slow(t.sender, {t.id, Rate()}, at(0.1)).has_value());
  EXPECT_TRUE(machine.slow(t.sender, {t.id, mbps(1)}, at(0.1))->empty());
}

TEST_F(NetworkRounds, WhatNobodyNeedsIsDroppedOnceBurstsAreOver) {
  use("exact");
  const RoundPlanned planned = plan(0);
  const Transfer* t = spare(planned);
  ASSERT_NE(t, nullptr);
  // At a tenth of its rate it would take ten times as long as planned.
  EXPECT_TRUE(machine.slow(t->sender, {t->id, t->allocated * 0.1}, at(0.2))->empty());
  const auto actions = machine.slow(t->sender, {t->id, t->allocated * 0.1}, at(0.6));
  EXPECT_TRUE(has_cancelled(*actions, t->id));
  EXPECT_TRUE(machine.slow(t->sender, {t->id, t->allocated * 0.1}, at(0.7))->empty());  // settled: too late
}

TEST_F(NetworkRounds, WhatIsLittleLateIsNotDropped) {
  use("exact");
  const RoundPlanned planned = plan(0);
  const Transfer* t = spare(planned);
  ASSERT_NE(t, nullptr);
  EXPECT_TRUE(machine.slow(t->sender, {t->id, t->allocated * 0.9}, at(0.6))->empty());
}

TEST_F(NetworkRounds, OneAtATimeIsDroppedForAReceiverAndNoSenderIsLeftWithTooFew) {
  use("exact");
  const RoundPlanned planned = plan(0);
  std::map<WorkerId, std::size_t> left;
  for (const Transfer& t : planned.transfers) ++left[t.sender];
  std::map<WorkerId, double> dropped_at;
  for (double now = 0.6; now < 2; now += 0.1) {
    for (const Transfer& t : planned.transfers) {
      const auto actions = machine.slow(t.sender, {t.id, t.allocated * 0.1}, at(now));
      ASSERT_TRUE(actions.has_value());
      if (!has_cancelled(*actions, t.id)) continue;
      if (dropped_at.contains(t.receiver)) {
        EXPECT_GE(now, dropped_at[t.receiver] + 0.25);
      }
      dropped_at[t.receiver] = now;
      EXPECT_NE(t.reason, plan::Reason::required);
      EXPECT_GE(--left[t.sender], 1u);
    }
  }
  EXPECT_FALSE(dropped_at.empty());
}

TEST_F(NetworkRounds, BroadcastDropsNobody) {
  const RoundPlanned planned = plan(0);
  for (const Transfer& t : planned.transfers)
    EXPECT_TRUE(machine.slow(t.sender, {t.id, mbps(0.1)}, at(1))->empty());
}

// Everybody sends to all three others, each at a third of the downlinks' 80 Mbit/s, in 3 s. w1 gets it in 6 s.
TEST_F(NetworkRounds, ANarrowDownlinkIsLearntForTheNextPlanAndADelayIsNot) {
  for (const bool lossy : {true, false}) {
    machine = RoundMachine(settings());
    for (std::uint32_t w = 0; w < kWorkers; ++w)
      machine.join(WorkerId(w), {"w" + std::to_string(w), mbps(800), mbps(80), kBigModel, 8}, Instant());
    const RoundPlanned planned = plan(0);
    std::optional<RoundEnded> ended;
    for (const Transfer& t : planned.transfers) {
      const double takes = t.receiver == WorkerId(1) ? 6 : 3;
      if (lossy && takes > 3) {
        ASSERT_TRUE(machine.slow(t.sender, {t.id, t.allocated * 0.5, true}, at(0.3)).has_value());
      }
      const auto actions =
          machine.delivered(t.receiver, {t.id, t.bytes, Duration(), Duration::seconds(takes)}, at(6));
      for (const Action& action : *actions) {
        if (const auto* end = std::get_if<RoundEnded>(&action)) ended = *end;
      }
    }
    ASSERT_TRUE(ended.has_value());
    // Three models in 6 s are 40 Mbit/s.
    EXPECT_NEAR(ended->estimates.at(1).downlink.bps(), lossy ? 40e6 : 80e6, 1e3);
    for (const Estimate& estimate : ended->estimates) EXPECT_EQ(estimate.uplink, mbps(800));
    EXPECT_NEAR(plan(7).predicted.in_seconds(), lossy ? 6 : 3, 1e-3);
  }
}

// Three multicasts come to each: with one buffer one after the other, so three times the patience. What is late then
// has waited for its turn, and no link is believed to be slower for it.
TEST_F(NetworkRounds, WhoHasFewerBuffersThanSendersIsWaitedForAndNotBlamed) {
  plan(0);
  const Duration with_buffers = machine.deadline() - at(0);
  machine = RoundMachine(settings());
  for (std::uint32_t w = 0; w < kWorkers; ++w)
    machine.join(WorkerId(w), {"w" + std::to_string(w), mbps(800), mbps(80), kBigModel, 1}, Instant());
  plan(0);
  EXPECT_NEAR((machine.deadline() - at(0)) / with_buffers, 3, 1e-9);
  std::optional<RoundEnded> ended;
  for (const Action& action : machine.tick(machine.deadline())) {
    if (const auto* one = std::get_if<RoundEnded>(&action)) ended = *one;
  }
  ASSERT_TRUE(ended.has_value());
  for (const Settled& settled : ended->transfers) EXPECT_TRUE(settled.late);
  for (const Estimate& estimate : ended->estimates) {
    EXPECT_EQ(estimate.uplink, mbps(800));
    EXPECT_EQ(estimate.downlink, mbps(80));
  }
}

// w3 does not hear w0: its transfer is marked, and is paced by itself.
TEST_F(NetworkRounds, WhoDoesNotHearASenderHasACopyOfItsOwn) {
  machine.set_multicast(plan::MulticastKind::network,
                        {{WorkerId(0), WorkerId(3)}, {WorkerId(0), WorkerId(9)}});
  const RoundPlanned planned = plan(0);
  for (const Transfer& t : planned.transfers)
    EXPECT_EQ(t.own_copy, t.sender == WorkerId(0) && t.receiver == WorkerId(3));
  // Once it is over, that pair is still not reached; by unicast nobody has an "own" copy.
  machine.set_multicast(plan::MulticastKind::unicast, {});
  for (const Transfer& t : planned.transfers)
    ASSERT_TRUE(machine.delivered(t.receiver, {t.id, t.bytes, {}, Duration::seconds(3)}, at(3)).has_value());
  for (const Transfer& t : plan(4).transfers) EXPECT_FALSE(t.own_copy);
}

}  // namespace
}  // namespace selmcast::sync
