// One worker's core in a training without rounds in common, against a manager and peers that the tests play by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "selmcast/worker/worker_core.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct OnlineWorkerCoreTest : WorkerCoreTest {
  std::uint64_t number = 0;  // of the last plan

  void SetUp() override { join(true); }
  void again() {
    core = made();
    join(true);
    number = 0;
  }
  WorkerActions update(std::vector<wire::Outgoing> outgoing, std::vector<wire::Incoming> incoming,
                       std::vector<wire::NewRate> rates = {}, Round round = Round(0)) {
    return manager_says(wire::PlanUpdate{
        {1, ++number}, round, std::move(outgoing), std::move(incoming), std::move(rates), {}});
  }
  // Its multicast is over, and it may go on.
  WorkerActions go_on(std::vector<TransferId> committed, Round round = Round(0)) {
    WorkerActions actions = manager_says(wire::MulticastOver{round, std::move(committed)});
    std::ranges::move(manager_says(wire::GoOn{round, 3}), std::back_inserter(actions));
    return actions;
  }
  static wire::NewRate rate(std::uint64_t transfer, double mbps) {
    return {TransferId(transfer), Rate::megabits_per_second(mbps)};
  }
  // Worker `sender` delivers a model of that value; it is committed.
  void receive(std::uint32_t sender, std::uint64_t transfer, float value) {
    update({}, {from(transfer, sender)});
    const LinkId link = peer_dials(sender);
    ASSERT_TRUE(offer(link, transfer, {1, number}).has_value());
    ASSERT_TRUE(chunk_arrives(link, transfer, model_of(value)).has_value());
    EXPECT_THAT(manager_says(wire::Commit{TransferId(transfer)}), IsEmpty());
  }
  // This worker streams transfer 1 to w1.
  LinkId streaming_to_w1() {
    ready();
    const LinkId link = all<Dial>(update({to(1, 1)}, {})).at(0).link;
    core.connected(link);
    EXPECT_THAT(all<StartStream>(*arrives(link, wire::grant_frame(TransferId(1)))), SizeIs(1));
    return link;
  }
};

TEST_F(OnlineWorkerCoreTest, WhatArrivesWhileTheWorkerComputesIsMixedWhenItsOwnMulticastIsComplete) {
  receive(1, 1, 3);  // computing
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(core.buffers_in_use(), 0u);  // folded at once
  ready();
  receive(2, 2, 5);
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
  const auto done = all<Synchronized>(go_on({}));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(parameters, ElementsAre(3, ::testing::FloatEq(10.0F / 3), ::testing::FloatEq(11.0F / 3), 4));
  EXPECT_THAT(done[0].report.mixed_with, ElementsAre(WorkerId(1), WorkerId(2)));
  EXPECT_EQ(done[0].report.round, Round(0));
  EXPECT_EQ(done[0].report.workers, 3u);
  receive(1, 3, 100);  // for the next one
  EXPECT_THAT(parameters[0], 3);
  EXPECT_THAT(said<wire::Ready>(ready()), ElementsAre(wire::Ready{Round(1)}));
  const auto next = all<Synchronized>(go_on({}, Round(1)));
  EXPECT_THAT(next.at(0).report.mixed_with, ElementsAre(WorkerId(1)));
  EXPECT_FLOAT_EQ(parameters[0], 51.5F);  // (3 + 100) / 2
}

TEST_F(OnlineWorkerCoreTest, AloneItGoesOnWithItsOwnParameters) {
  ready();
  const auto done =
      all<Synchronized>((manager_says(wire::MulticastOver{}), manager_says(wire::GoOn{Round(0), 1})));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(done[0].report.mixed_with, IsEmpty());
  EXPECT_EQ(done[0].report.workers, 1u);
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(OnlineWorkerCoreTest, ANewRateReachesARunningStreamAndOneThatHasNotBegun) {
  ready();
  const auto dials = all<Dial>(update({to(1, 1), to(2, 2)}, {}));
  core.connected(dials[0].link);
  core.connected(dials[1].link);
  ASSERT_TRUE(arrives(dials[0].link, wire::grant_frame(TransferId(1))).has_value());
  const auto changes = all<SetRate>(update({}, {}, {rate(1, 2), rate(2, 3)}));
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].link, dials[0].link);
  EXPECT_EQ(changes[0].transfer, TransferId(1));
  EXPECT_EQ(changes[0].rate.mbps(), 2);
  const auto started = all<StartStream>(*arrives(dials[1].link, wire::grant_frame(TransferId(2))));
  EXPECT_EQ(started.at(0).rate.mbps(), 3);
}

TEST_F(OnlineWorkerCoreTest, ADroppedStreamIsCutOffAtOnceAndItsReceiverDialledAnewNextTime) {
  const LinkId link = streaming_to_w1();
  const auto cut = all<AbortLink>(manager_says(wire::Cancel{TransferId(1), "dropped"}));
  ASSERT_THAT(cut, SizeIs(1));
  EXPECT_EQ(cut[0].link, link);
  EXPECT_THAT(manager_says(wire::Cancel{TransferId(1), "again"}), IsEmpty());
  const auto done = all<Synchronized>(go_on({}));
  EXPECT_THAT(done.at(0).report.sent_to, IsEmpty());
  ready();
  EXPECT_THAT(all<Dial>(update({to(2, 1)}, {}, {}, Round(1))), SizeIs(1));
}

TEST_F(OnlineWorkerCoreTest, ADroppedReceiverCutsTheLinkAndKeepsNothing) {
  update({}, {from(1, 1)});
  const LinkId link = peer_dials(1);
  ASSERT_TRUE(offer(link, 1, {1, 1}).has_value());
  EXPECT_EQ(core.buffers_in_use(), 1u);
  EXPECT_THAT(all<AbortLink>(manager_says(wire::Cancel{TransferId(1), "dropped"})), SizeIs(1));
  EXPECT_EQ(core.buffers_in_use(), 0u);
  EXPECT_THAT(error_of(manager_says(wire::Commit{TransferId(1)})), HasSubstr("not verified"));
}

TEST_F(OnlineWorkerCoreTest, APeerThatIsPlannedBeforeThisWorkerHasItsWelcomeIsNotTurnedAway) {
  core = made();
  core.start(now);
  const LinkId friendly = peer_dials(1);
  EXPECT_THAT(*offer(friendly, 1, {1, 1}), IsEmpty());
  const LinkId stranger = core.accepted(now);
  ASSERT_TRUE(arrives(stranger, wire::hello_frame({kToken + 1, WorkerId(2)})).has_value());
  const wire::Welcome welcome{WorkerId(0),           1,   kToken, 3, Duration::milliseconds(500),
                              Duration::seconds(10), true};
  const auto aborted = all<AbortLink>(manager_says(welcome));
  ASSERT_THAT(aborted, SizeIs(1));
  EXPECT_EQ(aborted[0].link, stranger);
  EXPECT_THAT(frames(update({}, {from(1, 1)})), ElementsAre(wire::FrameKind::grant));
}

TEST_F(OnlineWorkerCoreTest, AnOfferOfAnEarlierPlanIsAsGoodAsOneOfTheLast) {
  update({}, {from(1, 1)});
  update({}, {from(2, 2)});
  const LinkId link = peer_dials(1);
  EXPECT_THAT(frames(*offer(link, 1, {1, 1})), ElementsAre(wire::FrameKind::grant));
  const LinkId other = peer_dials(2);
  EXPECT_THAT(frames(*offer(other, 2, {1, 1})), ElementsAre(wire::FrameKind::refuse));  // not that plan's
}

TEST_F(OnlineWorkerCoreTest, AnOfferThatComesAfterItsTransferWasCancelledIsRefused) {
  update({}, {from(1, 1)});
  manager_says(wire::Cancel{TransferId(1), "dropped"});
  const LinkId link = peer_dials(1);
  EXPECT_THAT(frames(*offer(link, 1, {1, 1})), ElementsAre(wire::FrameKind::refuse));
  // One of a plan that is still on its way waits for it.
  EXPECT_THAT(*offer(link, 2, {1, 2}), IsEmpty());
  EXPECT_THAT(frames(update({}, {from(2, 1)})), ElementsAre(wire::FrameKind::grant));
}

TEST_F(OnlineWorkerCoreTest, TheManagersWordCountsWhereTheLinkBrokeAfterTheLastByte) {
  const LinkId link = streaming_to_w1();
  core.stream_sent(link, TransferId(1));
  const auto lost = core.closed(link, {ErrorCode::unavailable, "reset"}, now);  // before the acknowledgement
  EXPECT_THAT(said<wire::TransferFailed>(lost), SizeIs(1));
  const auto done = all<Synchronized>(go_on({TransferId(1)}));  // the receiver has all of it
  EXPECT_THAT(done.at(0).report.sent_to, ElementsAre(WorkerId(1)));
}

TEST_F(OnlineWorkerCoreTest, NothingReadsTheParametersOnceTheyAreMixed) {
  const LinkId link = streaming_to_w1();
  receive(2, 2, 9);
  // It counts already, however that may be, while the stream has not ended here.
  const auto actions = go_on({TransferId(1)});
  EXPECT_THAT(all<AbortLink>(actions), SizeIs(1));
  EXPECT_EQ(all<AbortLink>(actions)[0].link, link);
  EXPECT_THAT(all<Synchronized>(actions), SizeIs(1));
}

TEST_F(OnlineWorkerCoreTest, PlansThatMakeNoSenseEndTheSession) {
  wire::Incoming other_size = from(1, 1);
  other_size.bytes = Bytes(20);
  struct Case {
    const char* what;
    std::vector<wire::Outgoing> outgoing;
    std::vector<wire::Incoming> incoming;
    std::vector<wire::NewRate> rates;
    Round round;
  };
  const Case cases[] = {
      {"is for round 1", {to(1, 1)}, {}, {}, Round(1)},
      {"its own receiver", {to(1, 0)}, {}, {}, Round(0)},
      {"a receiver twice", {to(1, 1), to(2, 1)}, {}, {}, Round(0)},
      {"a transfer twice", {to(1, 1), to(1, 2)}, {}, {}, Round(0)},
      {"its own sender", {}, {from(1, 0)}, {}, Round(0)},
      {"last transfer is not settled", {}, {from(1, 1), from(2, 1)}, {}, Round(0)},
      {"another size", {}, {other_size}, {}, Round(0)},
      {"does not run", {}, {}, {rate(7, 1)}, Round(0)},
      {"not positive", {to(1, 1)}, {}, {rate(1, 0)}, Round(0)},
  };
  for (const Case& c : cases) {
    again();
    ready();
    if (!c.rates.empty() && !c.outgoing.empty()) update(c.outgoing, {});
    const auto actions =
        update(c.rates.empty() ? c.outgoing : std::vector<wire::Outgoing>{}, c.incoming, c.rates, c.round);
    EXPECT_THAT(error_of(actions), HasSubstr(c.what));
    EXPECT_TRUE(core.is_over());
  }
  again();
  EXPECT_THAT(error_of(update({to(1, 1)}, {})), HasSubstr("not ready"));
  again();
  ready();
  update({to(1, 1)}, {});
  EXPECT_THAT(error_of(update({to(2, 2)}, {})), HasSubstr("second one"));
  again();
  update({}, {from(1, 1)});
  EXPECT_THAT(error_of(update({}, {from(2, 1)})), HasSubstr("last transfer is not settled"));
  again();
  update({}, {});
  number = 0;
  EXPECT_THAT(error_of(update({}, {})), HasSubstr("not newer"));
  again();
  EXPECT_THAT(error_of(manager_says(wire::PlanUpdate{{2, 9}, Round(0), {}, {}, {}, {}})),
              HasSubstr("another epoch"));
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(OnlineWorkerCoreTest, ALeaveToGoOnThatDoesNotAddUpEndsTheSession) {
  EXPECT_THAT(error_of(manager_says(wire::GoOn{Round(0), 3})), HasSubstr("not in"));  // it computes
  again();
  EXPECT_THAT(error_of(manager_says(wire::MulticastOver{Round(0), {}})), HasSubstr("does not send"));
  again();
  ready();
  EXPECT_THAT(error_of(manager_says(wire::GoOn{Round(0), 3})), HasSubstr("not in"));  // it sends
  again();
  ready();
  manager_says(wire::MulticastOver{Round(0), {}});
  EXPECT_THAT(error_of(manager_says(wire::GoOn{Round(1), 3})), HasSubstr("not in"));
  again();
  ready();
  EXPECT_THAT(error_of(go_on({}, Round(1))), HasSubstr("does not send"));
  again();
  ready();
  update({to(1, 1)}, {});
  EXPECT_THAT(error_of(go_on({})), HasSubstr("transfer 1 is not settled"));
  again();
  ready();
  update({to(1, 1)}, {});
  manager_says(wire::Cancel{TransferId(1), "dropped"});
  EXPECT_THAT(error_of(go_on({TransferId(1)})), HasSubstr("transfer 1 is cancelled"));
  again();
  ready();
  EXPECT_THAT(error_of(go_on({TransferId(5)})), HasSubstr("did not send"));
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(OnlineWorkerCoreTest, TheTwoKindsOfTrainingAreNotMixedUp) {
  ready();
  EXPECT_THAT(error_of(plan({}, {})), HasSubstr("rounds in common, which this one has not"));
  core = made();
  join(false);
  EXPECT_THAT(error_of(update({}, {})), HasSubstr("without rounds in common, which this one has"));
}

}  // namespace
}  // namespace selmcast::worker
