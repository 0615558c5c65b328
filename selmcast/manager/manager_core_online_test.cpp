// The manager's core in a training without rounds in common, against workers that the tests play by hand. What is
// decided is tested in sync/online_rounds_test.cpp; here, who is told what.
#include <map>
#include <set>
#include <string>

#include "selmcast/manager/manager_core.h"
#include "selmcast/manager/manager_core_testing.h"

namespace selmcast::manager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct OnlineManagerCoreTest : ManagerCoreTest {
  OnlineManagerCoreTest() {
    settings.rounds.planner = nullptr;
    settings.rounds.bursts = false;
    settings.rounds.age_start = sync::AgeStart::zero;
    settings.online = sync::OnlineChoice{.policy = "broadcast", .staleness = 1};
  }
  Outputs ready(std::uint64_t worker, std::uint64_t round) { return says(worker, wire::Ready{Round(round)}); }
  Outputs delivered(std::uint64_t worker, std::uint64_t transfer) {
    now = now + Duration::seconds(0.5);
    return says(worker, wire::Delivered{TransferId(transfer), kModel, {}, Duration::seconds(0.5)});
  }
};

TEST_F(OnlineManagerCoreTest, TheWelcomeSaysThatThereAreNoRoundsInCommon) {
  make();
  for (std::uint32_t k = 0; k < 2; ++k) comes(k, hello_of("w" + std::to_string(k)));
  EXPECT_TRUE(told<wire::Welcome>(comes(2, hello_of("w2")), 2).at(0).online);
}

TEST_F(OnlineManagerCoreTest, ANetworkMulticastNamesItsGroupToBothSidesAndItsStreamIsItsOwn) {
  settings.rounds.multicast = plan::MulticastKind::network;
  start();
  std::set<std::uint64_t> streams;
  for (const std::uint64_t sender : {0, 1}) {
    const Outputs outputs = ready(sender, 0);
    const auto sending = told<wire::PlanUpdate>(outputs, sender).at(0);
    ASSERT_TRUE(sending.group.has_value());
    EXPECT_TRUE(streams.insert(sending.group->stream).second);
    for (const wire::Outgoing& out : sending.outgoing) {
      EXPECT_EQ(out.rate, sending.outgoing.front().rate);
      const auto receiving = told<wire::PlanUpdate>(outputs, out.receiver.id.value()).at(0);
      EXPECT_EQ(receiving.incoming.at(0).group, sending.group);
    }
  }
}

TEST_F(OnlineManagerCoreTest, EveryoneConcernedIsToldItsPartOfAChangeAndNobodyElse) {
  start();
  const Outputs first = ready(0, 0);
  const auto to_sender = told<wire::PlanUpdate>(first, 0);
  ASSERT_THAT(to_sender, SizeIs(1));
  EXPECT_EQ(to_sender[0].version, (PlanVersion{4, 1}));
  ASSERT_THAT(to_sender[0].outgoing, SizeIs(2));
  EXPECT_EQ(to_sender[0].outgoing[1].receiver.id, WorkerId(2));
  EXPECT_EQ(to_sender[0].outgoing[1].receiver.port, 4000);
  EXPECT_EQ(to_sender[0].outgoing[1].rate.mbps(), 8);
  EXPECT_THAT(to_sender[0].incoming, IsEmpty());
  EXPECT_NEAR(to_sender[0].predicted.in_seconds(), 1, 1e-9);
  for (const std::uint32_t k : {1u, 2u}) {
    const auto update = told<wire::PlanUpdate>(first, k);
    ASSERT_THAT(update, SizeIs(1));
    EXPECT_THAT(update[0].incoming, ElementsAre(wire::Incoming{TransferId(k), WorkerId(0), kModel}));
    EXPECT_THAT(update[0].outgoing, IsEmpty());
  }
  // 0 -> 2 has half of w2's downlink from now on; 0 -> 1 and 1 -> 0 keep theirs.
  const auto rates = told<wire::PlanUpdate>(ready(1, 0), 0);
  ASSERT_THAT(rates, SizeIs(1));
  ASSERT_THAT(rates[0].rates, SizeIs(1));
  EXPECT_EQ(rates[0].rates[0].transfer, TransferId(2));
  EXPECT_NEAR(rates[0].rates[0].rate.mbps(), 4, 1e-9);
  EXPECT_THAT(rates[0].incoming, SizeIs(1));
  EXPECT_EQ(rates[0].version, (PlanVersion{4, 2}));
  const Outputs committed = delivered(1, 1);  // nobody's rate changes
  EXPECT_THAT(all<Send>(committed), SizeIs(1));
  EXPECT_THAT(told<wire::Commit>(committed, 1), ElementsAre(wire::Commit{TransferId(1)}));
}

TEST_F(OnlineManagerCoreTest,
       AWorkerIsLetGoOnWithWhatWasCommittedOnceItsMulticastIsCompleteAndTheRuleAllows) {
  start();
  ready(0, 0);
  delivered(1, 1);
  const Outputs complete = delivered(2, 2);
  EXPECT_THAT(told<wire::MulticastOver>(complete, 0),
              ElementsAre(wire::MulticastOver{Round(0), {TransferId(1), TransferId(2)}}));
  EXPECT_THAT(told<wire::GoOn>(complete, 0), ElementsAre(wire::GoOn{Round(0), 3}));
  EXPECT_THAT(all<sync::MulticastEnded>(complete), SizeIs(1));
  EXPECT_THAT(all<sync::WentOn>(complete), SizeIs(1));
  ready(0, 1);
  delivered(1, 3);
  // Complete, but two rounds ahead of w1 and w2.
  const Outputs ahead = says(2, wire::TransferFailed{TransferId(4), "link lost"});
  EXPECT_THAT(told<wire::MulticastOver>(ahead, 0),
              ElementsAre(wire::MulticastOver{Round(1), {TransferId(3)}}));
  EXPECT_THAT(told<wire::GoOn>(ahead, 0), IsEmpty());
  ready(1, 0);
  delivered(0, 5);
  EXPECT_THAT(told<wire::GoOn>(delivered(2, 6), 1), SizeIs(1));
  ready(2, 0);
  delivered(0, 7);
  const Outputs slowest = delivered(1, 8);
  EXPECT_THAT(told<wire::GoOn>(slowest, 2), SizeIs(1));
  EXPECT_THAT(told<wire::GoOn>(slowest, 0), ElementsAre(wire::GoOn{Round(1), 3}));
}

TEST_F(OnlineManagerCoreTest, WithOverlapTheNextMulticastIsPlannedAfterTheLastIsSaidToBeOver) {
  settings.online->overlap = true;
  start();
  const Outputs first = ready(0, 0);
  EXPECT_THAT(told<wire::PlanUpdate>(first, 0), SizeIs(1));
  EXPECT_THAT(told<wire::GoOn>(first, 0), ElementsAre(wire::GoOn{Round(0), 3}));
  EXPECT_THAT(all<Send>(ready(0, 1)), IsEmpty()) << "held";
  delivered(1, 1);
  std::string order;
  for (const Send& send : all<Send>(delivered(2, 2))) {
    if (send.session != SessionId(0)) continue;
    if (std::holds_alternative<wire::MulticastOver>(send.message)) order += "over ";
    if (std::holds_alternative<wire::PlanUpdate>(send.message)) order += "plan ";
    if (std::holds_alternative<wire::GoOn>(send.message)) order += "on ";
  }
  EXPECT_EQ(order, "over plan ") << "two rounds computed, none completed by the others";
}

TEST_F(OnlineManagerCoreTest, AFaultOrALossIsToldToBothSidesAndTheOthersGoOn) {
  start();
  ready(0, 0);
  const Outputs failed = says(1, wire::TransferFailed{TransferId(1), "corrupt"});
  for (const std::uint64_t k : {0u, 1u})
    EXPECT_THAT(told<wire::Cancel>(failed, k), ElementsAre(wire::Cancel{TransferId(1), "corrupt"}));
  const Outputs lost = core->closed(SessionId(2), "reset", now);
  ASSERT_THAT(told<wire::Cancel>(lost, 0), SizeIs(1));
  EXPECT_THAT(told<wire::Cancel>(lost, 0)[0].reason, HasSubstr("w2 left: reset"));
  EXPECT_THAT(told<wire::GoOn>(lost, 0), ElementsAre(wire::GoOn{Round(0), 2}));
  EXPECT_THAT(told<wire::MulticastOver>(lost, 0), ElementsAre(wire::MulticastOver{Round(0), {}}));
  EXPECT_THAT(all<Left>(lost), SizeIs(1));
}

TEST_F(OnlineManagerCoreTest, AWordThatBreaksTheProtocolCostsItsSpeakerTheSession) {
  start();
  const Outputs twice = (ready(0, 0), ready(0, 0));
  EXPECT_THAT(told<wire::Reject>(twice, 0), SizeIs(1));
  EXPECT_TRUE(closes(twice, 0));
  EXPECT_THAT(told<wire::Cancel>(twice, 1), SizeIs(1));  // 0 -> 1
}

TEST_F(OnlineManagerCoreTest, AtTheEndItIsSaidHowThePromisesWereKept) {
  start();
  ready(0, 0);
  delivered(1, 1);
  delivered(2, 2);
  Outputs last;
  for (std::uint32_t k = 0; k < 3; ++k) last = says(k, wire::Goodbye{"done"});
  ASSERT_THAT(all<Kept>(last), SizeIs(1));
  EXPECT_EQ(all<Kept>(last)[0].promises, (sync::Promises{.widest_gap = 1, .widest_lead = 1}));
  EXPECT_THAT(all<Finished>(last), SizeIs(1));
}

TEST_F(OnlineManagerCoreTest, SettingsWithoutSenseAreRefusedByName) {
  const auto objection = [&] { return check_settings(settings).error().message; };
  EXPECT_TRUE(check_settings(settings).has_value());
  settings.online->policy = "exact";
  EXPECT_THAT(objection(), HasSubstr("no planner 'exact' for ssp and asp; there are auto, "));
  settings.online->policy = "auto";
  settings.online->keep_fraction = 1.5;
  EXPECT_THAT(objection(), HasSubstr("keep_fraction 1.5"));
  settings.online->keep_fraction = 0.5;
  settings.online->overlap = true;
  EXPECT_TRUE(check_settings(settings).has_value());
  settings.online->staleness = 0;
  EXPECT_THAT(objection(), HasSubstr("staleness of at least 1"));
  settings.online->staleness.reset();  // asp
  EXPECT_TRUE(check_settings(settings).has_value());
}

}  // namespace
}  // namespace selmcast::manager
