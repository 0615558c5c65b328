#include "selmcast/manager/multicast_probing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "selmcast/manager/groups.h"
#include "selmcast/manager/manager_core_testing.h"
#include "selmcast/manager/training_choice.h"

namespace selmcast::manager {
namespace {

using plan::MulticastKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A training of four on four machines, in which the test says what each saw.
struct AutoMulticast : ManagerCoreTest {
  Outputs started;

  AutoMulticast() {
    settings.workers = 4;
    settings.choose_multicast = true;
    settings.elastic = true;
    settings.heartbeat_timeout = Duration::seconds(1000);
  }
  static wire::Hello hello_at(std::uint32_t host) {
    wire::Hello hello = hello_of("w" + std::to_string(host));
    hello.data_host = "10.0.0." + std::to_string(host + 1);
    return hello;
  }
  void start_on_machines() {
    make();
    for (std::uint32_t k = 0; k < settings.workers; ++k) started = comes(k, hello_at(k));
    ASSERT_TRUE(core->started());
  }
  wire::Probe probe_of(const Outputs& outputs, std::uint64_t session) {
    return told<wire::Probe>(outputs, session).at(0);
  }
  static wire::Probed all_is_well(std::uint32_t worker, std::uint32_t workers, std::uint64_t number = 1) {
    wire::Probed seen{.number = number, .sees_floods = true};
    for (std::uint32_t k = 0; k < workers; ++k) {
      if (k != worker) seen.heard.push_back(WorkerId(k));
    }
    return seen;
  }
  Outputs everybody_saw(std::uint32_t workers, std::uint64_t number = 1) {
    Outputs last;
    for (std::uint32_t k = 0; k < workers; ++k) last = says(k, all_is_well(k, workers, number));
    return last;
  }
  // Of a round in which everybody is ready.
  MulticastKind planned(Round round) {
    const Outputs outputs = everybody_ready(round);
    const Planned plan = all<Planned>(outputs).at(0);
    const auto part = told<wire::RoundPlan>(outputs, 0).at(0);
    EXPECT_EQ(part.group.has_value(), plan.plan.multicast == MulticastKind::network);
    EXPECT_EQ(part.relay, plan.plan.multicast == MulticastKind::relay);
    deliver(plan);
    return plan.plan.multicast;
  }
};

TEST_F(AutoMulticast, HostsTakeTurnsAndBothGroupsHaveMembers) {
  start_on_machines();
  std::set<std::uint32_t> joined;
  for (std::uint32_t k = 0; k < 4; ++k) {
    const wire::Probe probe = probe_of(started, k);
    EXPECT_EQ(probe.number, 1U);
    EXPECT_NE(probe.joined.address, probe.other.address);
    EXPECT_EQ(probe.joined.stream, probe.other.stream);
    EXPECT_EQ(probe.joined.address, probe_of(started, k % 2).joined.address);
    joined.insert(probe.joined.address);
    for (std::uint64_t plan = 1; plan <= kGroupTurns; ++plan) {  // no model goes there
      for (std::uint32_t worker = 0; worker < 600; ++worker)
        EXPECT_NE(group_of(WorkerId(worker), plan, settings.run_token, 1440).address, probe.joined.address);
    }
  }
  EXPECT_THAT(joined, SizeIs(2));
}

TEST_F(AutoMulticast, UnicastUntilItIsDecidedAndNetworkFromTheNextPlanOn) {
  start_on_machines();
  EXPECT_EQ(planned(Round(0)), MulticastKind::unicast);
  for (std::uint32_t k = 0; k < 3; ++k)
    EXPECT_THAT(all<MulticastChosen>(says(k, all_is_well(k, 4))), IsEmpty());
  const auto chosen = all<MulticastChosen>(says(3, all_is_well(3, 4)));
  ASSERT_THAT(chosen, SizeIs(1));
  EXPECT_EQ(chosen[0].choice.kind, MulticastKind::network);
  EXPECT_EQ(planned(Round(1)), MulticastKind::network);
  EXPECT_THAT(all<MulticastChosen>(says(3, all_is_well(3, 4))), IsEmpty());  // said again
}

// The plan that is under way stays what it is.
TEST_F(AutoMulticast, ADecisionWhileDeliveriesRunIsOfTheNextRound) {
  start_on_machines();
  const Outputs outputs = everybody_ready(Round(0));
  everybody_saw(4);
  deliver(all<Planned>(outputs).at(0));
  EXPECT_EQ(planned(Round(1)), MulticastKind::network);
}

// It began with unicast: what counts is the plan's kind.
TEST_F(AutoMulticast, BurstsAreToldAsSuchOnceNetworkIsChosen) {
  start_on_machines();
  const auto told_as_bursts = [&](const Outputs& outputs) {
    int count = 0;
    const Planned planned = all<Planned>(outputs).at(0);
    for (const sync::Transfer& t : planned.plan.transfers) {
      const auto sent = told<wire::RoundPlan>(outputs, t.sender.value()).at(0).outgoing;
      const auto out = std::ranges::find(sent, t.id, &wire::Outgoing::transfer);
      if (!out->planned) continue;
      EXPECT_EQ(*out->planned, t.allocated);
      ++count;
    }
    return count;
  };
  const Outputs unicast = everybody_ready(Round(0));
  EXPECT_EQ(told_as_bursts(unicast), 0);
  everybody_saw(4);
  deliver(all<Planned>(unicast).at(0));
  EXPECT_GT(told_as_bursts(everybody_ready(Round(1))), 0);
}

TEST_F(AutoMulticast, RelayWhereItFloodsWithTheReason) {
  start_on_machines();
  for (std::uint32_t k = 0; k < 3; ++k) says(k, all_is_well(k, 4));
  wire::Probed seen = all_is_well(3, 4);
  seen.flooded = {WorkerId(0)};
  const auto chosen = all<MulticastChosen>(says(3, seen));
  ASSERT_THAT(chosen, SizeIs(1));
  EXPECT_EQ(chosen[0].choice.kind, MulticastKind::relay);
  EXPECT_THAT(chosen[0].choice.why, HasSubstr("from w0 to w3"));
  EXPECT_EQ(planned(Round(0)), MulticastKind::relay);
}

TEST_F(AutoMulticast, WhoDoesNotAnswerIsWaitedForSoLongAndNoLonger) {
  start_on_machines();
  for (std::uint32_t k = 0; k < 3; ++k) says(k, all_is_well(k, 4));
  now = now + kProbePatience - Duration::milliseconds(1);
  EXPECT_THAT(all<MulticastChosen>(core->tick(now)), IsEmpty());
  now = now + Duration::milliseconds(1);
  EXPECT_LE(core->deadline(), now);
  const auto chosen = all<MulticastChosen>(core->tick(now));
  ASSERT_THAT(chosen, SizeIs(1));
  EXPECT_THAT(chosen[0].choice.why, ::testing::StartsWith("w3 did not answer the probe in time"));
  EXPECT_GT(core->deadline(), now);
}

// Downlinks, 8 Mbit/s, bind whatever the kind, so network it is: with a copy of its own for who hears nobody.
TEST_F(AutoMulticast, TheOneThatMulticastDoesNotReachGetsAStreamBesideIt) {
  settings.rounds.planner = plan::find_planner("broadcast");
  start_on_machines();
  for (std::uint32_t k = 0; k < 3; ++k) says(k, all_is_well(k, 4));
  wire::Probed deaf = all_is_well(3, 4);
  deaf.heard.clear();
  const auto chosen = all<MulticastChosen>(says(3, deaf)).at(0).choice;
  EXPECT_EQ(chosen.kind, MulticastKind::network);
  EXPECT_THAT(chosen.groups, ::testing::ElementsAre("from w0, w1 and w2: network to w0, w1 and w2, TCP to w3",
                                                    "from w3: network to w0, w1 and w2"));
  const Outputs outputs = everybody_ready(Round(0));
  for (std::uint32_t k = 0; k < 4; ++k) {
    const auto plan = told<wire::RoundPlan>(outputs, k).at(0);
    ASSERT_TRUE(plan.group.has_value());
    for (const wire::Outgoing& out : plan.outgoing) EXPECT_EQ(out.apart, out.receiver.id == WorkerId(3));
    for (const wire::Outgoing& out : plan.outgoing) EXPECT_FALSE(out.apart && out.planned);
    for (const wire::Incoming& in : plan.incoming) EXPECT_EQ(in.group.has_value(), k != 3);
  }
}

TEST_F(AutoMulticast, WhenTheOneThatMulticastDoesNotReachLeavesTheOthersUseIt) {
  start_on_machines();
  for (std::uint32_t k = 0; k < 3; ++k) says(k, all_is_well(k, 4));
  wire::Probed deaf = all_is_well(3, 4);
  deaf.heard.clear();
  EXPECT_THAT(all<MulticastChosen>(says(3, deaf)).at(0).choice.unreached, SizeIs(3));
  const auto chosen = all<MulticastChosen>(says(3, wire::Goodbye{"done"}));
  ASSERT_THAT(chosen, SizeIs(1));
  EXPECT_EQ(chosen[0].choice.kind, MulticastKind::network);
  EXPECT_THAT(chosen[0].choice.unreached, IsEmpty());
}

// Probes, or its word that it joined, may have been lost in full links: w3 seems deaf, and is not.
TEST_F(AutoMulticast, WhoSeemedDeafIsAskedAgainAndHeardOnceIsHeard) {
  start_on_machines();
  for (std::uint32_t k = 0; k < 3; ++k) says(k, all_is_well(k, 4));
  wire::Probed deaf = all_is_well(3, 4);
  deaf.heard = {WorkerId(0)};
  EXPECT_THAT(all<MulticastChosen>(says(3, deaf)).at(0).choice.unreached, SizeIs(2));
  EXPECT_EQ(core->deadline(), now + kProbeAgain);
  now = now + kProbeAgain;
  const Outputs asked = core->tick(now);
  for (std::uint32_t k = 0; k < 4; ++k) EXPECT_EQ(probe_of(asked, k).number, 2U);
  EXPECT_THAT(all<MulticastChosen>(asked), IsEmpty());
  for (std::uint32_t k = 0; k < 3; ++k) says(k, all_is_well(k, 4, 2));
  deaf = all_is_well(3, 4, 2);
  deaf.heard = {WorkerId(1), WorkerId(2)};  // and w0 before
  const auto chosen = all<MulticastChosen>(says(3, deaf));
  ASSERT_THAT(chosen, SizeIs(1));
  EXPECT_THAT(chosen[0].choice.unreached, IsEmpty());
  EXPECT_GT(core->deadline(), now + kProbeAgain);  // no more
}

TEST_F(AutoMulticast, WhoIsDeafIsAskedSoOftenAndNoMore) {
  start_on_machines();
  for (std::uint64_t number = 1; number <= kProbings; ++number) {
    Outputs last;
    for (std::uint32_t k = 0; k < 4; ++k) {
      wire::Probed seen = all_is_well(k, 4, number);
      if (k == 3) seen.heard.clear();
      last = says(k, seen);
    }
    EXPECT_THAT(all<MulticastChosen>(last), SizeIs(number == 1 ? 1 : 0));  // nothing new
    now = now + kProbeAgain;
    EXPECT_THAT(told<wire::Probe>(core->tick(now), 0), SizeIs(number < kProbings ? 1 : 0));
  }
}

TEST_F(AutoMulticast, AsksAgainWhenAWorkerHasCome) {
  settings.rounds.planner = plan::find_planner("broadcast");
  start_on_machines();
  everybody_saw(4);
  comes(4, hello_at(4));
  says(4, wire::CatchUp{});
  const Outputs ready = everybody_ready(Round(0));
  const Outputs over = deliver(all<Planned>(ready).at(0));
  ASSERT_THAT(all<sync::CaughtUp>(over), SizeIs(1));
  for (std::uint32_t k = 0; k < 5; ++k) EXPECT_EQ(probe_of(over, k).number, 2U);
  EXPECT_THAT(all<MulticastChosen>(everybody_saw(5, 1)), IsEmpty());  // late answers of the first
  EXPECT_THAT(all<MulticastChosen>(everybody_saw(5, 2)), SizeIs(1));
}

TEST_F(AutoMulticast, OnOneMachineNothingCanFlood) {
  settings.workers = 3;
  make();
  for (std::uint32_t k = 0; k < 3; ++k) {
    wire::Hello hello = hello_at(k);
    hello.data_host = "127.0.0." + std::to_string(k + 1);
    started = comes(k, hello);
  }
  EXPECT_EQ(probe_of(started, 0).joined, probe_of(started, 1).joined);
  for (std::uint32_t k = 0; k < 2; ++k) says(k, all_is_well(k, 3));
  wire::Probed seen = all_is_well(2, 3);
  seen.sees_floods = false;
  EXPECT_EQ(all<MulticastChosen>(says(2, seen)).at(0).choice.kind, MulticastKind::network);
}

TEST_F(AutoMulticast, AsksNobodyWhereTheKindIsPinned) {
  settings.choose_multicast = false;
  start_on_machines();
  for (std::uint32_t k = 0; k < 4; ++k) EXPECT_THAT(told<wire::Probe>(started, k), IsEmpty());
  EXPECT_THAT(all<MulticastChosen>(everybody_saw(4)), IsEmpty());
  EXPECT_EQ(planned(Round(0)), MulticastKind::unicast);
}

TEST(TrainingChoiceTest, AutoIsForAllSyncs) {
  TrainingChoice choice;
  choice.workers = 3;
  choice.multicast = "auto";
  for (const char* sync : {"bsp", "ssp", "asp"}) {
    choice.sync = sync;
    ASSERT_TRUE(settings_of(choice).has_value());
    EXPECT_TRUE(settings_of(choice)->choose_multicast);
  }
}

}  // namespace
}  // namespace selmcast::manager
