// ManagerCore in a training whose multicasts go by IP multicast.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "selmcast/manager/groups.h"
#include "selmcast/manager/manager_core_testing.h"
#include "selmcast/manager/training_choice.h"

namespace selmcast::manager {
namespace {

TEST_F(ManagerCoreTest, ANetworkPlanNamesOneGroupASenderToBothSides) {
  settings.rounds.multicast = plan::MulticastKind::network;
  start();
  std::set<std::uint64_t> streams;
  for (const std::uint64_t round : {0, 1}) {
    const Outputs outputs = everybody_ready(Round(round));
    std::map<WorkerId, wire::MulticastGroup> groups;
    for (std::uint32_t k = 0; k < 3; ++k) {
      const auto plan = told<wire::RoundPlan>(outputs, k).at(0);
      ASSERT_TRUE(plan.group.has_value());
      groups[WorkerId(k)] = *plan.group;
      EXPECT_TRUE(streams.insert(plan.group->stream).second);
      EXPECT_EQ(plan.group->address >> 16, 0xef4du);
      // One rate for all receivers: there is one stream.
      for (const wire::Outgoing& out : plan.outgoing) EXPECT_EQ(out.rate, plan.outgoing.front().rate);
    }
    EXPECT_NE(groups.at(WorkerId(0)).address, groups.at(WorkerId(1)).address);
    for (std::uint32_t k = 0; k < 3; ++k) {
      const auto plan = told<wire::RoundPlan>(outputs, k).at(0);
      for (const wire::Incoming& in : plan.incoming) EXPECT_EQ(in.group, groups.at(in.sender));
    }
    // 1 MB at 800 Mbit/s up is 10 ms; two of them at 8 Mbit/s down are 2 s, as for unicast.
    EXPECT_NEAR(all<Planned>(outputs).at(0).plan.predicted.in_seconds(), 2, 1e-6);
    const Planned planned = all<Planned>(outputs).at(0);
    for (const sync::Transfer& t : planned.plan.transfers)
      says(t.receiver.value(), wire::Delivered{t.id, t.bytes, {}, Duration::seconds(2)});
  }
}

TEST_F(ManagerCoreTest, AUnicastPlanNamesNoGroup) {
  start();
  const Outputs outputs = everybody_ready(Round(0));
  const auto plan = told<wire::RoundPlan>(outputs, 0).at(0);
  EXPECT_FALSE(plan.group.has_value());
  EXPECT_FALSE(plan.incoming.at(0).group.has_value());
}

TEST(GroupsTest, AreAsManyAsWorkersAndTheSameEveryEightPlans) {
  std::set<std::pair<std::uint32_t, std::uint16_t>> places;
  for (std::uint32_t k = 0; k < 600; ++k) {
    // Who was in the group of one plan may still get what is sent to it while the next seven are carried out.
    for (std::uint64_t plan = 1; plan <= kGroupTurns; ++plan) {
      const auto group = group_of(WorkerId(k), plan, 5, 1440);
      EXPECT_EQ(group.address >> 16, 0xef4du);
      EXPECT_TRUE(places.emplace(group.address, group.port).second) << k;
    }
    const auto group = group_of(WorkerId(k), 1, 5, 1440);
    const auto again = group_of(WorkerId(k), 1 + kGroupTurns, 5, 1440);
    EXPECT_EQ(again.address, group.address);
    EXPECT_EQ(again.port, group.port);
    EXPECT_NE(again.stream, group.stream);
  }
}

TEST_F(ManagerCoreTest, ANetworkBurstIsToldWithThePlannedRateAndASlowReceiverIsHeardOf) {
  settings.rounds.multicast = plan::MulticastKind::network;
  start();
  const Outputs outputs = everybody_ready(Round(0));
  // No link's end is known yet: all that bind are tried at 1.5 times their rate.
  bool some = false;
  const Planned planned = all<Planned>(outputs).at(0);
  for (const sync::Transfer& t : planned.plan.transfers) {
    const auto sent = told<wire::RoundPlan>(outputs, t.sender.value()).at(0).outgoing;
    const auto out = std::ranges::find(sent, t.id, &wire::Outgoing::transfer);
    ASSERT_NE(out, sent.end());
    EXPECT_EQ(out->rate, t.paced);
    EXPECT_EQ(out->planned, t.paced > t.allocated ? std::optional(t.allocated) : std::nullopt);
    some = some || out->planned;
    EXPECT_TRUE(says(t.sender.value(), wire::Slow{t.id, Rate::megabits_per_second(1)}).empty());
  }
  EXPECT_TRUE(some);
  const sync::Transfer& first = planned.plan.transfers.at(0);
  const std::uint32_t another = (first.sender.value() + 1) % 3;
  EXPECT_FALSE(says(another, wire::Slow{first.id, Rate::megabits_per_second(1)}).empty());  // expelled
}

TEST(TrainingChoiceTest, NetworkIsForAllSyncsAndRelayForRoundsInCommon) {
  TrainingChoice choice;
  choice.workers = 3;
  choice.multicast = "network";
  EXPECT_EQ(settings_of(choice)->rounds.multicast, plan::MulticastKind::network);
  choice.sync = "ssp";
  EXPECT_EQ(settings_of(choice)->rounds.multicast, plan::MulticastKind::network);
  EXPECT_TRUE(check_settings(*settings_of(choice)).has_value());
  choice.multicast = "relay";
  EXPECT_FALSE(check_settings(*settings_of(choice)).has_value());
  choice.sync = "bsp";
  choice.multicast = "smoke signals";
  EXPECT_FALSE(settings_of(choice).has_value());
}

}  // namespace
}  // namespace selmcast::manager
