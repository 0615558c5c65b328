// The manager's core against workers that the tests play by hand, honest and otherwise.
#include "selmcast/manager/manager_core.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "selmcast/manager/manager_core_testing.h"

namespace selmcast::manager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- joining ----

TEST_F(ManagerCoreTest, IdsFollowTheNaturalOrderOfTheNamesWhateverTheOrderOfArrival) {
  make();
  EXPECT_THAT(comes(7, hello_of("w10")), IsEmpty());
  EXPECT_THAT(comes(8, hello_of("w9")), IsEmpty());
  const Outputs outputs = comes(9, hello_of("w2"));
  EXPECT_EQ(told<wire::Welcome>(outputs, 9).at(0).id, WorkerId(0));  // w2 < w9 < w10
  EXPECT_EQ(told<wire::Welcome>(outputs, 8).at(0).id, WorkerId(1));
  const wire::Welcome last = told<wire::Welcome>(outputs, 7).at(0);
  EXPECT_EQ(last.id, WorkerId(2));
  EXPECT_EQ(last.run_token, 99u);
  EXPECT_EQ(last.epoch, 4u);
  EXPECT_EQ(last.workers, 3u);
  ASSERT_THAT(all<Started>(outputs), SizeIs(1));
  EXPECT_EQ(all<Started>(outputs)[0].names[2].second, "w10");
}

TEST_F(ManagerCoreTest, WhoDoesNotFitIsTurnedAwayWithTheReasonAndTheOthersWait) {
  make();
  comes(1, hello_of("w1"));
  const auto refused = [&](std::uint64_t session, const wire::Hello& hello) {
    const Outputs outputs = comes(session, hello);
    EXPECT_TRUE(closes(outputs, session));
    EXPECT_THAT(all<TurnedAway>(outputs), SizeIs(1));
    EXPECT_THAT(told<wire::Reject>(outputs, 1), IsEmpty());
    const auto reject = told<wire::Reject>(outputs, session);
    return reject.size() == 1 ? reject[0].reason : std::string();
  };
  EXPECT_THAT(refused(2, hello_of("w1")), HasSubstr("another worker is called 'w1'"));
  wire::Hello at_home = hello_of("w2");
  at_home.data_host = "127.0.0.1";
  EXPECT_THAT(refused(5, at_home),
              HasSubstr("find 'w2' at 127.0.0.1, which is loopback, and 'w1' at 10.0.0.1"));
  wire::Hello other = hello_of("w2");
  other.protocol_version = 99;
  EXPECT_THAT(refused(3, other),
              ::testing::AllOf(HasSubstr("version 99"),
                               HasSubstr("speaks " + std::to_string(wire::kControlProtocolVersion))));
  other = hello_of("w2");
  other.model.tensors[1].shape = {999};
  EXPECT_THAT(refused(4, other), HasSubstr("its tensor 'bias' [999] should be 'bias' [1000]"));
  other = hello_of("w2");
  other.model.mixing = wire::MixingKind::push_sum;
  EXPECT_THAT(refused(4, other), HasSubstr("it mixes by push_sum instead of average"));
  other = hello_of("w2");
  other.model.payload = payload::Format::bfloat16;
  EXPECT_THAT(refused(4, other), HasSubstr("its payload is bfloat16 instead of float32"));
  other = hello_of("w2");
  other.model.tensors[0].name = "kernel";  // the first difference is named
  other.model.tensors[1].shape = {999};
  EXPECT_THAT(refused(5, other), HasSubstr("'kernel' [1000, 249] should be 'weight' [1000, 249]"));
  other = hello_of("w2");
  other.model.tensors.pop_back();
  EXPECT_THAT(refused(6, other), HasSubstr("lacks tensor 'bias'"));
  other = hello_of("w2");
  other.model.tensors.push_back({"extra", {1}});
  EXPECT_THAT(refused(7, other), HasSubstr("'extra' [1] is one too many"));
  comes(8, hello_of("w2"));
  EXPECT_FALSE(core->started());
  EXPECT_THAT(all<Started>(comes(9, hello_of("w3"))), SizeIs(1));
}

TEST_F(ManagerCoreTest, ARunningTrainingTakesNobodyIn) {
  start();
  const Outputs outputs = comes(50, hello_of("w50"));
  EXPECT_THAT(told<wire::Reject>(outputs, 50).at(0).reason, HasSubstr("has started already"));
  EXPECT_TRUE(closes(outputs, 50));
}

TEST_F(ManagerCoreTest, WhoLeavesBeforeTheStartFreesItsNameAndIsWaitedFor) {
  make();
  comes(1, hello_of("w1"));
  core->closed(SessionId(1), "connection lost", now);
  comes(2, hello_of("w1"));
  comes(3, hello_of("w2"));
  EXPECT_FALSE(core->started());
  EXPECT_THAT(all<Started>(comes(4, hello_of("w3"))), SizeIs(1));
}

TEST_F(ManagerCoreTest, TooFewInTimeTellsEverybodyAndFinishesWithAnError) {
  make();
  comes(1, hello_of("w1"));
  now = now + Duration::seconds(59.5);
  core->opened(SessionId(2), now);  // has not said hello
  now = now + Duration::seconds(0.5);
  EXPECT_EQ(core->deadline(), now);
  const Outputs outputs = core->tick(now);
  EXPECT_THAT(told<wire::Reject>(outputs, 1).at(0).reason, HasSubstr("only 1 of 3 workers came within 60"));
  EXPECT_THAT(told<wire::Reject>(outputs, 2), SizeIs(1));
  EXPECT_TRUE(closes(outputs, 1) && closes(outputs, 2));
  const auto finished = all<Finished>(outputs);
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].error->code, ErrorCode::timeout);
  EXPECT_EQ(core->deadline(), Instant::never());
}

TEST_F(ManagerCoreTest, SpeakingOutOfTurnEndsOnlyTheOwnSession) {
  make();
  core->opened(SessionId(1), now);
  EXPECT_TRUE(closes(says(1, wire::Ready{Round(0)}), 1));  // before hello
  comes(2, hello_of("w2"));
  EXPECT_TRUE(closes(says(2, wire::Heartbeat{}), 2));  // before its welcome
  EXPECT_THAT(says(2, wire::Heartbeat{}), IsEmpty());  // nobody there any more
  start();
  const Outputs outputs = says(1, hello_of("w1"));
  EXPECT_THAT(told<wire::Reject>(outputs, 1).at(0).reason, HasSubstr("hello twice"));
  EXPECT_THAT(all<Left>(outputs), SizeIs(1));
  EXPECT_THAT(all<Close>(outputs), SizeIs(1));
}

// ---- rounds ----

TEST_F(ManagerCoreTest, APlanGoesToBothSidesOfEveryTransfer) {
  start();
  const Outputs outputs = everybody_ready(Round(0));
  const auto planned = all<Planned>(outputs);
  ASSERT_THAT(planned, SizeIs(1));
  EXPECT_EQ(planned[0].version, (PlanVersion{4, 1}));
  EXPECT_THAT(planned[0].plan.transfers, SizeIs(6));  // broadcast: three senders to two others each
  std::map<TransferId, std::pair<WorkerId, WorkerId>> outgoing, incoming;  // sender, receiver
  for (std::uint32_t k = 0; k < 3; ++k) {
    const auto parts = told<wire::RoundPlan>(outputs, k);
    ASSERT_THAT(parts, SizeIs(1));
    EXPECT_EQ(parts[0].version, (PlanVersion{4, 1}));
    EXPECT_EQ(parts[0].round, Round(0));
    for (const auto& out : parts[0].outgoing) {
      outgoing[out.transfer] = {WorkerId(k), out.receiver.id};
      EXPECT_EQ(out.receiver.host, "10.0.0.1");
      EXPECT_EQ(out.receiver.port, 4000);
      EXPECT_TRUE(out.rate.is_positive_finite());
    }
    for (const auto& in : parts[0].incoming) {
      incoming[in.transfer] = {in.sender, WorkerId(k)};
      EXPECT_EQ(in.bytes, kModel);
    }
  }
  EXPECT_THAT(outgoing, SizeIs(6));
  EXPECT_EQ(outgoing, incoming);
  for (const sync::Transfer& t : planned[0].plan.transfers) {
    EXPECT_EQ(outgoing.at(t.id), std::pair(t.sender, t.receiver));
  }
}

TEST_F(ManagerCoreTest, EveryDeliveryIsCommittedAtItsReceiverAndTheRoundEndCountsThem) {
  start();
  const Planned planned = all<Planned>(everybody_ready(Round(0))).at(0);
  now = now + Duration::seconds(2);
  const sync::Transfer first = planned.plan.transfers.front();
  const Outputs committed =
      says(first.receiver.value(), wire::Delivered{first.id, first.bytes, {}, Duration::seconds(1)});
  EXPECT_THAT(told<wire::Commit>(committed, first.receiver.value()), ElementsAre(wire::Commit{first.id}));
  EXPECT_THAT(all<Send>(committed), SizeIs(1));  // the sender has its acknowledgement
  const Outputs outputs = deliver(planned);      // the first one again: a late word, no harm
  for (std::uint32_t k = 0; k < 3; ++k) {
    const auto end = told<wire::RoundEnd>(outputs, k);
    ASSERT_THAT(end, SizeIs(1));
    EXPECT_THAT(end[0].committed, SizeIs(2));  // from the two others
    EXPECT_TRUE(std::ranges::is_sorted(end[0].committed));
    EXPECT_EQ(end[0].workers, 3u);
  }
  EXPECT_THAT(all<RoundOver>(outputs), SizeIs(1));
  EXPECT_EQ(all<RoundOver>(outputs)[0].round.round, Round(0));
}

TEST_F(ManagerCoreTest, PlanNumbersAndTransferIdsOnlyRise) {
  start();
  std::set<TransferId> seen;
  for (std::uint64_t round = 0; round < 5; ++round) {
    const Planned planned = all<Planned>(everybody_ready(Round(round))).at(0);
    EXPECT_EQ(planned.version, (PlanVersion{4, round + 1}));
    for (const sync::Transfer& t : planned.plan.transfers) {
      EXPECT_TRUE(seen.empty() || *seen.rbegin() < t.id);
      seen.insert(t.id);
    }
    now = now + Duration::seconds(2);
    deliver(planned);
  }
}

TEST_F(ManagerCoreTest, AFailureOnOneSideIsCancelledOnBoth) {
  start();
  const Planned planned = all<Planned>(everybody_ready(Round(0))).at(0);
  const sync::Transfer t = planned.plan.transfers.at(2);
  const Outputs outputs = says(t.sender.value(), wire::TransferFailed{t.id, "link lost"});
  EXPECT_THAT(told<wire::Cancel>(outputs, t.sender.value()), ElementsAre(wire::Cancel{t.id, "link lost"}));
  EXPECT_THAT(told<wire::Cancel>(outputs, t.receiver.value()), ElementsAre(wire::Cancel{t.id, "link lost"}));
  EXPECT_THAT(all<Send>(outputs), SizeIs(2));
}

TEST_F(ManagerCoreTest, LiesAboutTransfersEndTheSessionOfTheLiar) {
  for (const auto& lie : std::vector<wire::FromWorker>{
           wire::Delivered{TransferId(99), kModel, {}, Duration::seconds(1)},
           wire::TransferFailed{TransferId(99), "x"}, wire::Ready{Round(0)}, wire::Ready{Round(7)}}) {
    start();
    everybody_ready(Round(0));
    const Outputs outputs = says(1, lie);
    EXPECT_THAT(told<wire::Reject>(outputs, 1), SizeIs(1));
    EXPECT_THAT(all<Left>(outputs), SizeIs(1));
    EXPECT_THAT(all<Close>(outputs), SizeIs(1));
  }
}

// A worker says itself how long its deliveries took. Taken at its word, one that claims 1e200 s would teach the manager
// a link that no plan can be made for.
TEST_F(ManagerCoreTest, NoDeliveryTookLongerThanItsPlanIsOld) {
  settings.rounds.paced = false;  // so that the time alone says what the links carry
  start();
  const Planned planned = all<Planned>(everybody_ready(Round(0))).at(0);
  now = now + Duration::seconds(2);
  Outputs outputs;
  for (const sync::Transfer& t : planned.plan.transfers) {
    outputs = says(t.receiver.value(), wire::Delivered{t.id, t.bytes, {}, Duration::seconds(1e200)});
  }
  const RoundOver over = all<RoundOver>(outputs).at(0);
  for (const sync::Settled& settled : over.round.transfers) EXPECT_EQ(settled.finished, Duration::seconds(2));
  for (const sync::Estimate& estimate : over.round.estimates) {
    // The least that 8 Mbit in 2 s can mean.
    EXPECT_GE(estimate.uplink, Rate::megabits_per_second(4) * 0.999);
    EXPECT_GE(estimate.downlink, Rate::megabits_per_second(4) * 0.999);
  }
  EXPECT_THAT(all<Planned>(everybody_ready(Round(1))), SizeIs(1));
}

// ---- leaving ----

TEST_F(ManagerCoreTest, AWorkerThatGoesInMidRoundIsCancelledWithTheOthersAndTheRoundEnds) {
  start();
  const Planned planned = all<Planned>(everybody_ready(Round(0))).at(0);
  now = now + Duration::seconds(1);
  for (const sync::Transfer& t : planned.plan.transfers) {
    if (t.sender == WorkerId(1) || t.receiver == WorkerId(1)) continue;
    says(t.receiver.value(), wire::Delivered{t.id, t.bytes, {}, Duration::seconds(1)});
  }
  const Outputs outputs = core->closed(SessionId(1), "connection reset", now);
  const auto left = all<Left>(outputs);
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_EQ(left[0].worker, WorkerId(1));
  EXPECT_EQ(left[0].remaining, 2u);
  EXPECT_THAT(left[0].why, HasSubstr("connection reset"));
  for (std::uint64_t k : {0U, 2U}) {
    EXPECT_THAT(told<wire::Cancel>(outputs, k), SizeIs(2));  // its transfer to w1 and that from w1
    EXPECT_EQ(told<wire::RoundEnd>(outputs, k).at(0).workers, 2u);
    EXPECT_THAT(told<wire::RoundEnd>(outputs, k).at(0).committed, SizeIs(1));
  }
  EXPECT_THAT(told<wire::Cancel>(outputs, 1), IsEmpty());
  // The next round is planned without it.
  says(0, wire::Ready{Round(1)});
  const Planned next = all<Planned>(says(2, wire::Ready{Round(1)})).at(0);
  for (const sync::Transfer& t : next.plan.transfers) {
    EXPECT_NE(t.sender, WorkerId(1));
    EXPECT_NE(t.receiver, WorkerId(1));
  }
}

TEST_F(ManagerCoreTest, ARoundIsEndedWithTheVersionItWasPlannedWithAndTheNextOneHasTheNewEpoch) {
  start();  // epoch 4
  const Planned first = all<Planned>(everybody_ready(Round(0))).at(0);
  EXPECT_EQ(first.version, (PlanVersion{4, 1}));
  core->restarted(5, Duration::seconds(3), now);
  EXPECT_EQ(told<wire::RoundEnd>(deliver(first), 0).at(0).version, (PlanVersion{4, 1}));
  EXPECT_EQ(all<Planned>(everybody_ready(Round(1))).at(0).version, (PlanVersion{5, 2}));
}

TEST_F(ManagerCoreTest, WhatADeadManagerDidNotHearInItsAbsenceIsNotLate) {
  start();
  everybody_ready(Round(0));
  const Instant due = core->deadline();
  core->restarted(5, Duration::seconds(30), now + Duration::seconds(31));
  EXPECT_EQ(core->deadline(), due + Duration::seconds(30));
}

TEST_F(ManagerCoreTest, WhoOnlyWaitedForTheStartMustComeAgain) {
  make();
  comes(1, hello_of("w1"));
  now = now + Duration::seconds(50);
  EXPECT_TRUE(closes(core->restarted(5, Duration::seconds(1), now), 1));
  EXPECT_EQ(core->deadline(), now + settings.join_patience);
  comes(2, hello_of("w1"));  // not taken
  comes(3, hello_of("w2"));
  EXPECT_THAT(all<Started>(comes(4, hello_of("w3"))), SizeIs(1));
}

TEST_F(ManagerCoreTest, WhoComputesTooLongIsToldAndTheOthersArePlanned) {
  settings.rounds.compute_patience = Duration::seconds(1);
  start();
  says(0, wire::Ready{Round(0)});
  says(1, wire::Ready{Round(0)});
  now = now + Duration::seconds(1);
  const Outputs outputs = core->tick(now);
  EXPECT_THAT(told<wire::Reject>(outputs, 2).at(0).reason, HasSubstr("did not finish computing round 0"));
  EXPECT_THAT(all<Planned>(outputs), SizeIs(1));
  EXPECT_THAT(told<wire::RoundPlan>(outputs, 2), IsEmpty());
  EXPECT_THAT(told<wire::RoundPlan>(outputs, 0), SizeIs(1));
}

TEST_F(ManagerCoreTest, EndsWithoutAnErrorWhenTheLastOneSaysGoodbye) {
  start();
  EXPECT_THAT(all<Finished>(says(0, wire::Goodbye{"done"})), IsEmpty());
  EXPECT_THAT(all<Finished>(says(1, wire::Goodbye{"done"})), IsEmpty());
  const Outputs outputs = says(2, wire::Goodbye{""});
  EXPECT_EQ(all<Left>(outputs).at(0).why, "goodbye");
  ASSERT_THAT(all<Finished>(outputs), SizeIs(1));
  EXPECT_FALSE(all<Finished>(outputs)[0].error.has_value());
  EXPECT_THAT(told<wire::Reject>(outputs, 2), IsEmpty());
}

TEST_F(ManagerCoreTest, WithFewerWorkersThanItNeedsATrainingEndsAndSaysWhy) {
  settings.min_workers = 2;
  start();  // three
  EXPECT_THAT(all<Finished>(core->closed(SessionId(0), "reset", now)), IsEmpty());
  const Outputs outputs = core->closed(SessionId(1), "reset", now);
  EXPECT_THAT(told<wire::Reject>(outputs, 2).at(0).reason, HasSubstr("only 1 workers are left of the 2"));
  ASSERT_THAT(all<Finished>(outputs), SizeIs(1));
  EXPECT_EQ(all<Finished>(outputs)[0].error->code, ErrorCode::unavailable);
}

TEST_F(ManagerCoreTest, ATrainingThatHasLostAllItsWorkersHasFailed) {
  start();
  for (const int k : {0, 1}) core->closed(SessionId(static_cast<std::uint64_t>(k)), "reset", now);
  const Outputs outputs = core->closed(SessionId(2), "reset", now);
  ASSERT_THAT(all<Finished>(outputs), SizeIs(1));
  ASSERT_TRUE(all<Finished>(outputs)[0].error.has_value());
  EXPECT_EQ(all<Finished>(outputs)[0].error->code, ErrorCode::unavailable);
}

TEST_F(ManagerCoreTest, WhoIsDoneIsNotMissed) {
  settings.min_workers = 2;
  start();
  says(0, wire::Goodbye{"done"});
  says(1, wire::Goodbye{"done"});
  const Outputs outputs = core->closed(SessionId(2), "reset", now);
  ASSERT_THAT(all<Finished>(outputs), SizeIs(1));
  EXPECT_FALSE(all<Finished>(outputs)[0].error.has_value());
}

// Two of three go home early, and two are needed: as with two that died.
TEST_F(ManagerCoreTest, WhoIsInterruptedIsMissed) {
  settings.min_workers = 2;
  start();
  EXPECT_THAT(all<Finished>(says(0, wire::Goodbye{"interrupted"})), IsEmpty());
  const Outputs outputs = says(1, wire::Goodbye{"KeyboardInterrupt: "});
  ASSERT_THAT(all<Finished>(outputs), SizeIs(1));
  EXPECT_EQ(all<Finished>(outputs)[0].error->code, ErrorCode::unavailable);
}

TEST_F(ManagerCoreTest, StoppingTellsEverybodyAndFinishesOnce) {
  start();
  everybody_ready(Round(0));
  const Outputs outputs = core->stop("stopped by a signal", now);
  for (std::uint64_t k : {0U, 1U, 2U}) {
    EXPECT_THAT(told<wire::Reject>(outputs, k).at(0).reason, HasSubstr("stopped by a signal"));
    EXPECT_TRUE(closes(outputs, k));
  }
  ASSERT_THAT(all<Finished>(outputs), SizeIs(1));
  EXPECT_EQ(all<Finished>(outputs)[0].error->code, ErrorCode::cancelled);
  EXPECT_THAT(core->stop("again", now), IsEmpty());
  EXPECT_THAT(says(0, wire::Heartbeat{}), IsEmpty());
  EXPECT_THAT(core->closed(SessionId(0), "stream ended", now), IsEmpty());
  EXPECT_THAT(core->tick(now + Duration::seconds(1000)), IsEmpty());
}

}  // namespace
}  // namespace selmcast::manager
