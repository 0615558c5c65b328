#include "selmcast/sync/round_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

RoundSettings settings(const char* planner, int min_receivers = 1, std::uint32_t max_age = 3) {
  RoundSettings made;
  made.planner = plan::find_planner(planner);
  made.min_receivers = MinReceivers::count(min_receivers);
  made.max_age = max_age;
  return made;
}

RoundMachine machine_of(std::uint32_t workers, const RoundSettings& made) {
  RoundMachine machine(made);
  for (std::uint32_t w = 0; w < workers; ++w) {
    // Downlinks 8, 16, 24 ... Mbit/s under uplinks of 800.
    machine.join(WorkerId(w),
                 {"w" + std::to_string(w), Rate::megabits_per_second(800),
                  Rate::megabits_per_second(8 * (w + 1)), kModel, 8},
                 Instant());
  }
  return machine;
}

Actions all_ready(RoundMachine& machine, std::uint32_t workers, double now) {
  Actions last;
  for (std::uint32_t w = 0; w < workers; ++w) {
    auto actions = machine.ready(WorkerId(w), machine.round(), at(now));
    EXPECT_TRUE(actions.has_value());
    if (actions && !actions->empty()) last = *actions;
  }
  return last;
}

const RoundPlanned& planned(const Actions& actions) { return std::get<RoundPlanned>(actions.at(0)); }

// Every transfer of a plan arrives as allocated; returns the RoundEnded.
RoundEnded deliver_all(RoundMachine& machine, const RoundPlanned& plan, double now) {
  std::optional<RoundEnded> ended;
  for (const Transfer& t : plan.transfers) {
    const auto actions =
        machine.delivered(t.receiver, {t.id, t.bytes, Duration::seconds(0), t.bytes / t.allocated}, at(now));
    EXPECT_TRUE(actions.has_value());
    for (const Action& action : *actions) {
      if (const auto* end = std::get_if<RoundEnded>(&action)) ended = *end;
    }
  }
  EXPECT_TRUE(ended.has_value());
  return ended.value_or(RoundEnded{});
}

TEST(RoundMachine, PlansOnceEverybodyIsReady) {
  RoundMachine machine = machine_of(3, settings("paper"));
  EXPECT_TRUE(machine.ready(WorkerId(0), Round(0), at(1))->empty());
  EXPECT_TRUE(machine.ready(WorkerId(1), Round(0), at(2))->empty());
  const Actions actions = *machine.ready(WorkerId(2), Round(0), at(3));
  const RoundPlanned& plan = planned(actions);
  EXPECT_EQ(plan.number, 1u);
  EXPECT_EQ(plan.round, Round(0));
  EXPECT_GE(plan.transfers.size(), 3u);  // one receiver each at least
  EXPECT_GE(plan.predicted, plan.bound);
}

TEST(RoundMachine, ReadyForAnotherRoundOrTwiceIsAProtocolError) {
  RoundMachine machine = machine_of(2, settings("paper"));
  EXPECT_EQ(machine.ready(WorkerId(0), Round(1), at(0)).error().code, ErrorCode::protocol);
  EXPECT_TRUE(machine.ready(WorkerId(0), Round(0), at(0)).has_value());
  EXPECT_FALSE(machine.ready(WorkerId(0), Round(0), at(0)).has_value());
}

TEST(RoundMachine, RatesMakeTheLastDeliveryEndAtThePredictedTime) {
  for (const char* planner : {"paper", "random", "broadcast"}) {
    RoundMachine machine = machine_of(4, settings(planner));
    const Actions actions = all_ready(machine, 4, 0);
    Duration last;
    for (const Transfer& t : planned(actions).transfers) last = std::max(last, t.bytes / t.allocated);
    EXPECT_NEAR(last.in_seconds(), planned(actions).predicted.in_seconds(), 1e-9) << planner;
  }
}

TEST(RoundMachine, BroadcastTimeByHand) {
  // w0's downlink, 8 Mbit/s, takes 3 models of 8 Mbit: 3 s; the others 3 * 8 / 16 and less.
  RoundMachine machine = machine_of(4, settings("broadcast"));
  const Actions actions = all_ready(machine, 4, 0);
  EXPECT_EQ(planned(actions).transfers.size(), 12u);
  EXPECT_DOUBLE_EQ(planned(actions).predicted.in_seconds(), 3.0);
}

TEST(RoundMachine, ARoundEndsWhenEveryTransferIsSettled) {
  RoundMachine machine = machine_of(3, settings("broadcast"));
  const Actions actions = all_ready(machine, 3, 0);
  const RoundEnded ended = deliver_all(machine, planned(actions), 2);
  EXPECT_EQ(ended.transfers.size(), 6u);
  EXPECT_EQ(ended.last_commit, at(2));
  EXPECT_EQ(machine.round(), Round(1));
  EXPECT_TRUE(machine.gathering());
}

TEST(RoundMachine, EveryPairMeetsWithinMaxAgePlusOneRounds) {
  for (const char* planner : {"paper", "random"}) {
    for (std::uint32_t max_age : {0u, 1u, 3u, 6u}) {
      RoundMachine machine = machine_of(6, settings(planner, 1, max_age));
      std::map<std::pair<WorkerId, WorkerId>, int> last_met;
      int widest = 0;
      for (int round = 0; round < 40; ++round) {
        const Actions actions = all_ready(machine, 6, round);
        for (const Transfer& t : planned(actions).transfers) {
          int& last = last_met[{t.sender, t.receiver}];
          widest = std::max(widest, round + 1 - last);
          last = round + 1;
        }
        const RoundEnded ended = deliver_all(machine, planned(actions), round + 0.5);
        EXPECT_LE(ended.widest_gap, max_age + 1);
      }
      EXPECT_EQ(last_met.size(), 30u) << planner << " max_age " << max_age;  // all ordered pairs of six
      EXPECT_LE(widest, static_cast<int>(max_age) + 1) << planner;
    }
  }
}

TEST(RoundMachine, StaggeredAgesSpareTheRoundInWhichEverybodyMustSendToEverybody) {
  // Six workers, one of them slow (8 Mbit/s, the next 16): planned by need alone it is left out until max_age.
  const auto longest = [](AgeStart start) {
    RoundSettings made = settings("paper", 1, 5);
    made.age_start = start;
    RoundMachine machine = machine_of(6, made);
    Duration longest_predicted;
    for (int round = 0; round < 24; ++round) {
      const Actions actions = all_ready(machine, 6, round);
      longest_predicted = std::max(longest_predicted, planned(actions).predicted);
      deliver_all(machine, planned(actions), round + 0.5);
    }
    return longest_predicted;
  };
  // From zero: w0 gets all five models at once, 5 * 8 Mbit / 8 Mbit/s = 5 s. Staggered: one or two a round.
  EXPECT_DOUBLE_EQ(longest(AgeStart::zero).in_seconds(), 5.0);
  EXPECT_LE(longest(AgeStart::staggered).in_seconds(), 2.0);
}

TEST(RoundMachine, AFailedDeliveryGoesOnAgeingAndIsRequiredAgain) {
  RoundSettings made = settings("paper", 0, 1);  // nobody must send, but every other round
  made.age_start = AgeStart::zero;
  RoundMachine machine = machine_of(2, made);
  const auto none = all_ready(machine, 2, 0);
  // Spare bandwidth may be used only within the completion time of the empty plan, 0: nothing is sent.
  ASSERT_EQ(planned(none).transfers.size(), 0u);
  const Actions second = all_ready(machine, 2, 1);
  ASSERT_EQ(planned(second).transfers.size(), 2u);
  EXPECT_EQ(planned(second).transfers[0].reason, plan::Reason::required);
  for (const Transfer& t : planned(second).transfers) {
    ASSERT_TRUE(machine.failed(t.sender, {t.id, "link lost"}, at(1.5)).has_value());
  }
  const Actions third = all_ready(machine, 2, 2);
  EXPECT_EQ(planned(third).transfers.size(), 2u);
  EXPECT_EQ(deliver_all(machine, planned(third), 3).widest_gap,
            3u);  // one more than max_age + 1: it failed once
}

TEST(RoundMachine, AWorkerThatLeavesTakesItsTransfersAlongAndTheRoundEnds) {
  RoundMachine machine = machine_of(3, settings("broadcast"));
  const Actions actions = all_ready(machine, 3, 0);
  const RoundPlanned plan = planned(actions);
  for (const Transfer& t : plan.transfers) {
    const bool with_2 = t.sender == WorkerId(2) || t.receiver == WorkerId(2);
    if (!with_2) {
      ASSERT_TRUE(
          machine.delivered(t.receiver, {t.id, t.bytes, {}, Duration::seconds(1)}, at(1)).has_value());
    }
  }
  EXPECT_FALSE(machine.gathering());
  const Actions left = machine.leave(WorkerId(2), "killed", at(2));
  EXPECT_EQ(std::ranges::count_if(
                left, [](const Action& a) { return std::holds_alternative<TransferCancelled>(a); }),
            4);
  const auto* ended = std::get_if<RoundEnded>(&left.back());
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->members, (std::vector<WorkerId>{WorkerId(0), WorkerId(1)}));
}

TEST(RoundMachine, TheLastOneLeftGoesOnAlone) {
  RoundMachine machine = machine_of(2, settings("paper"));
  machine.leave(WorkerId(1), "killed", at(0));
  const Actions actions = *machine.ready(WorkerId(0), Round(0), at(1));
  EXPECT_TRUE(planned(actions).transfers.empty());
  EXPECT_TRUE(std::holds_alternative<RoundEnded>(actions.at(1)));
}

TEST(RoundMachine, DeliveriesOutOfTimeAreCancelled) {
  RoundSettings made = settings("broadcast");
  made.delivery_patience_min = Duration::seconds(10);
  made.delivery_patience_factor = 2;
  RoundMachine machine = machine_of(3, made);
  all_ready(machine, 3, 0);
  // Predicted: w0 takes 2 * 8 Mbit at 8 Mbit/s = 2 s, so the minimum of 10 s holds.
  EXPECT_EQ(machine.deadline(), at(10));
  EXPECT_TRUE(machine.tick(at(9.9)).empty());
  const Actions late = machine.tick(at(10));
  EXPECT_EQ(late.size(), 7u);  // six cancelled, one end
  EXPECT_TRUE(machine.gathering());
}

TEST(RoundMachine, ALinkTooSlowForItsTimeIsLearntAndGivenMoreTime) {
  // 1 MB, declared 8 Mbit/s and more: a second, and 10 s of patience. Nothing arrives: the links carry 0.8 Mbit/s at
  // most.
  RoundSettings made = settings("broadcast");
  made.bursts = false;
  made.delivery_patience_min = Duration::seconds(10);
  made.delivery_patience_factor = 5;
  RoundMachine machine = machine_of(2, made);
  ASSERT_EQ(planned(all_ready(machine, 2, 0)).transfers.size(), 2u);
  const Actions late = machine.tick(at(10));
  const auto& ended = std::get<RoundEnded>(late.back());
  EXPECT_FALSE(ended.transfers[0].committed);
  // One look lowers nobody more than fourfold: to 2 and 4 Mbit/s. So w0's delivery takes 4 s.
  for (const Estimate& estimate : ended.estimates)
    EXPECT_NEAR(std::min(estimate.uplink, estimate.downlink).mbps(), 8.0 * (estimate.worker.value() + 1) / 4,
                1e-6);
  all_ready(machine, 2, 10);
  EXPECT_NEAR((machine.deadline() - at(10)).in_seconds(), 5 * 4, 1e-6);
}

TEST(RoundMachine, WhoComputesTooLongIsEvictedAndTheOthersGoOn) {
  RoundSettings made = settings("paper");
  made.compute_patience = Duration::seconds(30);
  RoundMachine machine = machine_of(3, made);
  ASSERT_TRUE(machine.ready(WorkerId(0), Round(0), at(5)).has_value());
  ASSERT_TRUE(machine.ready(WorkerId(1), Round(0), at(6)).has_value());
  EXPECT_EQ(machine.deadline(), at(35));
  const Actions actions = machine.tick(at(35));
  EXPECT_EQ(std::get<Evicted>(actions.at(0)).worker, WorkerId(2));
  EXPECT_TRUE(std::holds_alternative<RoundPlanned>(actions.at(1)));
}

TEST(RoundMachine, HostileReportsAreProtocolErrorsAndLateOnesAreIgnored) {
  RoundMachine machine = machine_of(3, settings("broadcast"));
  const Actions actions = all_ready(machine, 3, 0);
  const Transfer t = planned(actions).transfers.at(0);
  const Duration second = Duration::seconds(1);
  EXPECT_FALSE(machine.delivered(t.receiver, {TransferId(99), t.bytes, {}, second}, at(1)).has_value());
  EXPECT_FALSE(machine.delivered(t.sender, {t.id, t.bytes, {}, second}, at(1)).has_value());
  EXPECT_FALSE(machine.delivered(t.receiver, {t.id, Bytes(1), {}, second}, at(1)).has_value());
  EXPECT_TRUE(machine.failed(t.sender, {t.id, "lost"}, at(1)).has_value());
  const auto late = machine.delivered(t.receiver, {t.id, t.bytes, {}, second}, at(1));
  ASSERT_TRUE(late.has_value());
  EXPECT_TRUE(late->empty());
}

TEST(RoundMachine, DeliveriesThatTakeTurnsArePacedFasterByTheirShareOfTheTime) {
  // Four senders, receiver buffers for two: each has its turn half of the time, at twice its rate.
  RoundSettings made = settings("broadcast");
  made.bursts = false;
  RoundMachine machine(made);
  for (std::uint32_t w = 0; w < 5; ++w) {
    machine.join(
        WorkerId(w),
        {"w", Rate::megabits_per_second(800), Rate::megabits_per_second(8), kModel, w == 0 ? 2u : 9u},
        Instant());
  }
  const Actions actions = all_ready(machine, 5, 0);
  for (const Transfer& t : planned(actions).transfers) {
    EXPECT_DOUBLE_EQ(t.paced / t.allocated, t.receiver == WorkerId(0) ? 2.0 : 1.0);
  }
}

TEST(RoundMachine, UnpacedPlansStillPredict) {
  RoundSettings made = settings("paper");
  made.paced = false;
  RoundMachine machine = machine_of(3, made);
  const Actions actions = all_ready(machine, 3, 0);
  for (const Transfer& t : planned(actions).transfers) {
    EXPECT_TRUE(t.paced.is_unlimited());
    EXPECT_TRUE(t.allocated.is_positive_finite());
  }
}

TEST(RoundMachine, SameSeedAndObservationsSamePlans) {
  const auto story = [](std::uint64_t seed) {
    RoundSettings made = settings("random", 2);
    made.seed = seed;
    RoundMachine machine = machine_of(5, made);
    std::vector<std::pair<WorkerId, WorkerId>> all;
    for (int round = 0; round < 10; ++round) {
      const Actions actions = all_ready(machine, 5, round);
      for (const Transfer& t : planned(actions).transfers) all.emplace_back(t.sender, t.receiver);
      deliver_all(machine, planned(actions), round + 0.5);
    }
    return all;
  };
  EXPECT_EQ(story(1), story(1));
  EXPECT_NE(story(1), story(2));
}

TEST(MinReceivers, FractionsAreOfTheWorkersThatAreThere) {
  EXPECT_EQ(MinReceivers::from(0.3)->of(8), 2);   // floor(2.4)
  EXPECT_EQ(MinReceivers::from(0.3)->of(10), 3);  // 0.3 * 10 is 2.9999... in doubles
  EXPECT_EQ(MinReceivers::from(0.05)->of(8), 1);  // at least one
  EXPECT_EQ(MinReceivers::from(5)->of(3), 2);     // nobody has more than n - 1
  EXPECT_EQ(MinReceivers::from(0.3)->of(1), 0);
  for (double bad : {-1.0, 1.5, std::numeric_limits<double>::quiet_NaN(), 1e9}) {
    EXPECT_FALSE(MinReceivers::from(bad).has_value()) << bad;
  }
}

// ---- relay ----

// w0 has a slow uplink, so that w1, w2 or w3 send its model on.
RoundMachine relays_of_four() {
  RoundSettings made = settings("broadcast");
  made.multicast = plan::MulticastKind::relay;
  RoundMachine machine(made);
  for (std::uint32_t w = 0; w < 4; ++w) {
    const Rate uplink = Rate::megabits_per_second(w == 0 ? 8 : 80);
    machine.join(WorkerId(w), {"w" + std::to_string(w), uplink, Rate::megabits_per_second(80), kModel, 8},
                 Instant());
  }
  return machine;
}

// Of w0: the delivery that another sends on, and who does.
Transfer sent_on(const RoundPlanned& plan) {
  const auto found = std::ranges::find_if(
      plan.transfers, [](const Transfer& t) { return t.sender == WorkerId(0) && t.via.has_value(); });
  EXPECT_NE(found, plan.transfers.end());
  return *found;
}

TEST(RelayRounds, TheSlowUplinkCarriesOneCopyAndEverySourceIsADelivery) {
  RoundMachine machine = relays_of_four();
  const Actions actions = all_ready(machine, 4, 0);
  const RoundPlanned plan = planned(actions);
  int by_w0 = 0;
  for (const Transfer& t : plan.transfers) {
    by_w0 += t.via.value_or(t.sender) == WorkerId(0) ? 1 : 0;
    if (!t.via) continue;
    const auto source = std::ranges::find(plan.transfers, *t.source, &Transfer::id);
    ASSERT_NE(source, plan.transfers.end());
    EXPECT_EQ(source->sender, t.sender);
    EXPECT_EQ(source->receiver, *t.via);
  }
  EXPECT_EQ(by_w0, 1);
  EXPECT_GT(plan.predicted, plan.bound) << "the latency of the pipeline comes on top";
}

TEST(RelayRounds, WhatARelayCannotSendOnItsSenderTakesOverOnce) {
  RoundMachine machine = relays_of_four();
  const Transfer t = sent_on(planned(all_ready(machine, 4, 0)));
  const WorkerId relay = *t.via;
  const auto rerouted = all<TransferRerouted>(*machine.failed(t.receiver, {t.id, "reset", relay}, at(1)));
  ASSERT_EQ(rerouted.size(), 1u);
  EXPECT_EQ(rerouted[0].before, relay);
  EXPECT_FALSE(rerouted[0].transfer.via.has_value());
  // Both ends of the lost link have something to say about it; the second one comes late.
  EXPECT_TRUE(machine.failed(relay, {t.id, "reset", t.receiver}, at(1))->empty());
  EXPECT_TRUE(machine.failed(t.receiver, {t.id, "reset", relay}, at(1))->empty());
  const Actions again = *machine.failed(t.receiver, {t.id, "reset", t.sender}, at(2));
  EXPECT_EQ(all<TransferRerouted>(again).size(), 0u);
  EXPECT_EQ(all<TransferCancelled>(again).size(), 1u);
}

TEST(RelayRounds, WhoLeavesIsReplacedBySendersAndItsOwnAreCancelled) {
  RoundMachine machine = relays_of_four();
  const RoundPlanned plan = planned(all_ready(machine, 4, 0));
  const WorkerId relay = *sent_on(plan).via;
  const Actions actions = machine.leave(relay, "crashed", at(1));
  for (const TransferCancelled& cancelled : all<TransferCancelled>(actions))
    EXPECT_TRUE(cancelled.transfer.sender == relay || cancelled.transfer.receiver == relay);
  std::size_t expected = 0;
  for (const Transfer& t : plan.transfers) expected += t.via == relay && t.sender != relay ? 1 : 0;
  EXPECT_EQ(all<TransferRerouted>(actions).size(), expected);
  EXPECT_GT(expected, 0u);
}

TEST(RelayRounds, WhoDoesNotGetItCannotSendItOn) {
  RoundMachine machine = relays_of_four();
  const RoundPlanned plan = planned(all_ready(machine, 4, 0));
  const Transfer t = sent_on(plan);
  const auto source = *std::ranges::find(plan.transfers, *t.source, &Transfer::id);
  if (source.via) GTEST_FAIL() << "w0 sends one copy, so the first one does not come by another";
  const Actions actions = *machine.failed(source.receiver, {source.id, "reset", source.sender}, at(1));
  ASSERT_EQ(all<TransferCancelled>(actions).size(), 1u);
  bool taken_over = false;
  for (const TransferRerouted& rerouted : all<TransferRerouted>(actions))
    taken_over |= rerouted.transfer.id == t.id;
  EXPECT_TRUE(taken_over);
}

}  // namespace
}  // namespace selmcast::sync
