// One worker's core with overlap: it sends a snapshot while it computes the next round.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <vector>

#include "selmcast/worker/mass_book.h"
#include "selmcast/worker/worker_core.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct OverlapTest : WorkerCoreTest {
  std::uint64_t number = 0;  // of the last plan

  void SetUp() override { join(true, true); }
  void again(MixingKind mixing = MixingKind::average) {
    core = made(2, mixing);
    join(true, true);
    number = 0;
  }
  WorkerActions update(std::vector<wire::Outgoing> outgoing, std::vector<wire::Incoming> incoming,
                       Round round = Round(0)) {
    return manager_says(
        wire::PlanUpdate{{1, ++number}, round, std::move(outgoing), std::move(incoming), {}, {}});
  }
  WorkerActions over(std::vector<TransferId> committed, Round round = Round(0)) {
    return manager_says(wire::MulticastOver{round, std::move(committed)});
  }
  WorkerActions go_on(Round round = Round(0)) { return manager_says(wire::GoOn{round, 3}); }
  void receive(std::uint32_t sender, std::uint64_t transfer, float value, wire::MixHeader mix = {}) {
    update({}, {from(transfer, sender)});
    const LinkId link = peer_dials(sender);
    ASSERT_TRUE(offer(link, transfer, {1, number}, mix).has_value());
    ASSERT_TRUE(chunk_arrives(link, transfer, model_of(value)).has_value());
    EXPECT_THAT(manager_says(wire::Commit{TransferId(transfer)}), IsEmpty());
  }
  // Round 0 goes to w1 as transfer 1, and the worker computes round 1. What its stream reads.
  std::span<const std::byte> stream_of_round_0() {
    ready();
    to_w1 = all<Dial>(update({to(1, 1)}, {})).at(0).link;
    EXPECT_THAT(all<Synchronized>(go_on()), SizeIs(1));
    core.connected(to_w1);
    return all<StartStream>(*arrives(to_w1, wire::grant_frame(TransferId(1)))).at(0).payload;
  }
  void compute(float progress) {
    for (float& parameter : parameters) parameter += progress;
  }
  LinkId to_w1;
};

TEST_F(OverlapTest, WhatIsSentIsWhatItWasWhenSynchronizeWasCalled) {
  const auto payload = stream_of_round_0();
  compute(100);
  std::vector<float> sent(4);
  std::memcpy(sent.data(), payload.data(), payload.size());
  EXPECT_THAT(sent, ElementsAre(1, 2, 3, 4));
}

TEST_F(OverlapTest, WhatCameIsMixedAtTheNextCallAndProgressMadeSinceIsKept) {
  stream_of_round_0();
  receive(1, 2, 6);
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4)) << "it computes: nobody writes but its owner";
  core.stream_sent(to_w1, TransferId(1));
  over({TransferId(1)});
  compute(10);
  ready();
  // x = y + 10, mixed = (y + 6) / 2: x + mixed - y = (y + 6) / 2 + 10.
  const auto done = all<Synchronized>((update({to(3, 2)}, {}, Round(1)), go_on(Round(1))));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(parameters, ElementsAre(13.5F, 14, 14.5F, 15));
  EXPECT_EQ(done[0].report.round, Round(1));
  EXPECT_THAT(done[0].report.mixed_with, ElementsAre(WorkerId(1)));
  EXPECT_THAT(done[0].report.sent_to, ElementsAre(WorkerId(1))) << "the multicast before";
}

TEST_F(OverlapTest, TheFirstCallMixesNothingAndLosesNothing) {
  receive(1, 1, 6);
  ready();
  EXPECT_THAT(all<Synchronized>(go_on()).at(0).report.mixed_with, IsEmpty());
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
  over({});
  ready();
  EXPECT_THAT(all<Synchronized>(go_on(Round(1))).at(0).report.mixed_with, ElementsAre(WorkerId(1)));
  EXPECT_THAT(parameters, ElementsAre(3.5F, 4, 4.5F, 5));
}

TEST_F(OverlapTest, WhileTheLastMulticastRunsTheNextWaitsAndItsSnapshotStays) {
  const auto payload = stream_of_round_0();
  compute(10);
  EXPECT_THAT(said<wire::Ready>(ready()), ElementsAre(wire::Ready{Round(1)})) << "it has computed";
  EXPECT_EQ(reinterpret_cast<const float*>(payload.data())[0], 1.0F);
  receive(2, 2, 7);
  core.stream_sent(to_w1, TransferId(1));
  EXPECT_THAT(all<Synchronized>(over({TransferId(1)})), IsEmpty());
  EXPECT_THAT(parameters, ElementsAre(14, 14.5F, 15, 15.5F)) << "(y + 7) / 2 + 10";
  EXPECT_THAT(all<SendFrame>(update({to(3, 1)}, {}, Round(1))), SizeIs(1));
  const auto done = all<Synchronized>(go_on(Round(1)));
  EXPECT_THAT(done.at(0).report.sent_to, ElementsAre(WorkerId(1)));
}

TEST_F(OverlapTest, DrainWaitsForTheLastMulticastAndMixesOnceMore) {
  stream_of_round_0();
  receive(2, 2, 7);
  EXPECT_THAT(*core.drain(parameters, now), IsEmpty());
  EXPECT_FALSE(core.synchronize(parameters, now).has_value()) << "one at a time";
  core.stream_sent(to_w1, TransferId(1));
  const auto done = all<Synchronized>(over({TransferId(1)}));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(parameters, ElementsAre(4, 4.5F, 5, 5.5F));
  EXPECT_THAT(done[0].report.mixed_with, ElementsAre(WorkerId(2)));
  EXPECT_THAT(done[0].report.sent_to, ElementsAre(WorkerId(1)));
  // And may go on afterwards: what comes now was not mixed with what was sent then.
  receive(2, 3, 100);
  compute(1);
  ready();
  go_on(Round(1));
  EXPECT_THAT(parameters, ElementsAre(5, 5.5F, 6, 6.5F));
}

TEST_F(OverlapTest, DrainHasNothingToDoWithoutOverlapOrBeforeTheFirstCall) {
  EXPECT_THAT(all<Synchronized>(*core.drain(parameters, now)), SizeIs(1));
  core = made();
  join(true, false);
  ready();
  over({});
  go_on();
  EXPECT_THAT(all<Synchronized>(*core.drain(parameters, now)), SizeIs(1));
  core = made();
  join(false);
  EXPECT_THAT(all<Synchronized>(*core.drain(parameters, now)), SizeIs(1));
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(OverlapTest, ADroppedReceiverOfARunningMulticastGivesItsShareBack) {
  again(MixingKind::push_sum);
  ready();
  const auto dials = all<Dial>(update({to(1, 1), to(2, 2), to(3, 3)}, {}));
  ASSERT_THAT(dials, SizeIs(3));
  go_on();
  compute(8);
  receive(1, 4, 9, {Round(0), kMassUnit / 2});
  manager_says(wire::Cancel{TransferId(2), "dropped"});  // while it computes
  over({TransferId(1), TransferId(3)});
  ready();
  const auto done = all<Synchronized>(go_on(Round(1)));
  EXPECT_EQ(done.at(0).report.own_weight, 1.0) << "a quarter kept, a quarter back, half arrived";
  EXPECT_THAT(parameters, ElementsAre(13, 13.5F, 14, 14.5F)) << "(y + 9) / 2 + 8";
}

TEST_F(OverlapTest, OrdersThatDoNotFitEndTheSession) {
  stream_of_round_0();
  ready();
  EXPECT_THAT(error_of(update({to(2, 2)}, {}, Round(1))), HasSubstr("not ready")) << "the last one runs";
  again();
  stream_of_round_0();
  ready();
  EXPECT_THAT(error_of(go_on(Round(1))), HasSubstr("not in"));
  again();
  stream_of_round_0();
  EXPECT_THAT(error_of(over({TransferId(1)}, Round(1))), HasSubstr("does not send"));
  again();
  stream_of_round_0();
  over({TransferId(1)});
  EXPECT_THAT(error_of(over({TransferId(1)})), HasSubstr("does not send")) << "twice";
  EXPECT_THAT(parameters, Each(::testing::Gt(0)));
}

TEST_F(OverlapTest, AnOutstandingDrainIsAnsweredWhenTheManagerIsLost) {
  stream_of_round_0();
  EXPECT_THAT(*core.drain(parameters, now), IsEmpty());
  EXPECT_THAT(error_of(core.manager_lost({ErrorCode::unavailable, "reset"})), HasSubstr("lost the manager"));
  EXPECT_THAT(all<Over>(*core.drain(parameters, now)), SizeIs(1));
}

}  // namespace
}  // namespace selmcast::worker
