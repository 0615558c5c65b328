// One worker's core against peers that the tests play by hand, honest and otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/worker/limits.h"
#include "selmcast/worker/worker_core.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- peers that send to us ----

TEST_F(WorkerCoreTest, StrangersAreCutOff) {
  const LinkId wrong_token = core.accepted(now);
  const auto refused = arrives(wrong_token, wire::hello_frame({kToken + 1, WorkerId(1)}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("wrong run token"));
  const LinkId no_hello = core.accepted(now);
  EXPECT_EQ(offer(no_hello, 1).error().code, ErrorCode::protocol);
  const LinkId twice = peer_dials(1);
  EXPECT_FALSE(arrives(twice, wire::hello_frame({kToken, WorkerId(2)})).has_value());
  const LinkId answers = peer_dials(1);
  EXPECT_FALSE(arrives(answers, wire::grant_frame(TransferId(1))).has_value());
}

TEST_F(WorkerCoreTest, WhoConnectsAndSaysNothingIsCutOffInTime) {
  const LinkId silent = core.accepted(now);
  peer_dials(1);  // said hello
  const Instant due = now + kHelloPatience;
  EXPECT_THAT(all<AbortLink>(core.tick(due)), ElementsAre(::testing::Field(&AbortLink::link, silent)));
}

TEST_F(WorkerCoreTest, AnOfferBeforeItsPlanWaitsAndIsGrantedThen) {
  ready();
  const LinkId link = peer_dials(1);
  EXPECT_THAT(*offer(link, 1), IsEmpty());
  EXPECT_THAT(frames(plan({}, {from(1, 1)})), ElementsAre(wire::FrameKind::grant));
}

TEST_F(WorkerCoreTest, AnOfferOfAnOldPlanIsRefused) {
  ready();
  plan({}, {}, {1, 3});
  const LinkId link = peer_dials(1);
  EXPECT_THAT(frames(*offer(link, 1, {1, 2})), ElementsAre(wire::FrameKind::refuse));
}

TEST_F(WorkerCoreTest, ACorruptChunkClosesTheLinkIsReportedAndNeverMixed) {
  ready();
  plan({}, {from(1, 1)});
  const LinkId link = peer_dials(1);
  offer(link, 1);
  auto bytes = model_of(9);
  const wire::FrameHeader header = wire::chunk_header(TransferId(1), 0, bytes);
  bytes[7] ^= std::byte{1};
  std::ranges::copy(bytes, core.chunk_place(link, header)->begin());
  const auto result = core.frame(link, header, bytes, now);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
  EXPECT_THAT(result.error().message, HasSubstr("from w1"));
  const auto told = said<wire::TransferFailed>(core.closed(link, result.error(), now));  // as the shell does
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].transfer, TransferId(1));
  manager_says(wire::Cancel{TransferId(1), told[0].reason});
  ASSERT_EQ(all<Synchronized>(end({})).size(), 1u);
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(WorkerCoreTest, OffersBeyondTheBuffersQueueUntilOneIsCommitted) {
  core = made(1);
  join();
  ready();
  plan({}, {from(1, 1), from(2, 2)});
  const LinkId one = peer_dials(1), two = peer_dials(2);
  EXPECT_THAT(frames(*offer(one, 1)), ElementsAre(wire::FrameKind::grant));
  EXPECT_THAT(*offer(two, 2), IsEmpty());
  EXPECT_FALSE(chunk_arrives(two, 2, model_of(1)).has_value());  // it was not granted
  ASSERT_TRUE(chunk_arrives(one, 1, model_of(1)).has_value());
  EXPECT_EQ(core.buffers_in_use(), 1u);
  EXPECT_THAT(frames(manager_says(wire::Commit{TransferId(1)})), ElementsAre(wire::FrameKind::grant));
  EXPECT_EQ(core.buffers_in_use(), 1u);
}

// The link reads the rest of a chunk straight into the buffer that it was shown. If the transfer is cancelled
// meanwhile, that buffer is the next one's: the link has to go, or it would write into a model that is
// verified already.
TEST_F(WorkerCoreTest, ACancelledTransferWritesNothingMoreIntoItsBuffer) {
  core = made(1);
  join();
  ready();
  plan({}, {from(1, 1), from(2, 2)});
  const LinkId one = peer_dials(1), two = peer_dials(2);
  offer(one, 1);
  offer(two, 2);
  const auto bytes = model_of(9);
  ASSERT_TRUE(core.chunk_place(one, wire::chunk_header(TransferId(1), 0, bytes)).has_value());  // being read
  const auto actions = manager_says(wire::Cancel{TransferId(1), "w1 left"});
  ASSERT_EQ(actions.size(), 2u);
  ASSERT_TRUE(std::holds_alternative<AbortLink>(actions[0]));  // before the buffer is another's
  EXPECT_EQ(std::get<AbortLink>(actions[0]).link, one);
  EXPECT_EQ(kind_of(std::get<SendFrame>(actions[1])), wire::FrameKind::grant);
  EXPECT_EQ(std::get<SendFrame>(actions[1]).link, two);
}

TEST_F(WorkerCoreTest, ALinkWhoseTransferIsCompleteIsKeptWhenThatIsCancelled) {
  ready();
  plan({}, {from(1, 1)});
  const LinkId link = peer_dials(1);
  offer(link, 1);
  ASSERT_TRUE(chunk_arrives(link, 1, model_of(9)).has_value());
  EXPECT_THAT(manager_says(wire::Cancel{TransferId(1), "too late"}), IsEmpty());
}

// ---- peers that send to us over several connections ----

struct StripedTest : WorkerCoreTest {
  LinkId offered, beside;
  std::vector<std::byte> bytes = model_of(9);
  wire::FrameHeader stripe = wire::chunk_header(TransferId(1), 0, bytes, wire::FrameKind::stripe);

  void SetUp() override {
    core = made(1);
    join();
    ready();
    plan({}, {from(1, 1), from(2, 2)});
    offered = peer_dials(1);
    beside = peer_dials(1);
    EXPECT_THAT(frames(*offer(offered, 1)), ElementsAre(wire::FrameKind::grant));
    const auto place = core.chunk_place(beside, stripe);
    ASSERT_TRUE(place.has_value());
    std::ranges::copy(bytes, place->begin());
  }
};

TEST_F(StripedTest, TheAcknowledgementGoesWhereTheOfferCame) {
  core.chunk_bytes(beside, kModel, now);
  const auto actions = core.frame(beside, stripe, bytes, now);
  ASSERT_TRUE(actions.has_value());
  EXPECT_THAT(frames(*actions), ElementsAre(wire::FrameKind::ack));
  EXPECT_EQ(all<SendFrame>(*actions)[0].link, offered);
  EXPECT_EQ(said<wire::Delivered>(*actions).size(), 1u);
  EXPECT_EQ(all<SendToManager>(*actions)[0].came_over, beside);  // whose kernel knows
  manager_says(wire::Commit{TransferId(1)});
  manager_says(wire::Cancel{TransferId(2), "w2 left"});
  ASSERT_EQ(all<Synchronized>(end({TransferId(1)})).size(), 1u);
  EXPECT_THAT(parameters, ElementsAre(5, 5.5, 6, 6.5));  // halfway to 9
}

TEST_F(StripedTest, ACancelEndsAllItsConnectionsBeforeTheBufferIsAnothers) {
  const LinkId two = peer_dials(2);
  offer(two, 2);
  const auto actions = manager_says(wire::Cancel{TransferId(1), "w1 left"});
  ASSERT_EQ(actions.size(), 3u);
  EXPECT_EQ(std::get<AbortLink>(actions[0]).link, offered);
  EXPECT_EQ(std::get<AbortLink>(actions[1]).link, beside);
  EXPECT_EQ(std::get<SendFrame>(actions[2]).link, two);
  EXPECT_EQ(core.held().links, 1u);
}

TEST_F(StripedTest, OneLostConnectionEndsTheOthersAndIsToldOnce) {
  for (const LinkId lost : {beside, offered}) {
    if (lost == offered) SetUp();
    const auto actions = core.closed(lost, {ErrorCode::unavailable, "reset"}, now);
    EXPECT_THAT(all<AbortLink>(actions),
                ElementsAre(::testing::Field(&AbortLink::link, lost == beside ? offered : beside)));
    EXPECT_EQ(said<wire::TransferFailed>(actions).size(), 1u);
    EXPECT_EQ(core.held().links, 0u);
    manager_says(wire::Cancel{TransferId(1), "reset"});
    EXPECT_EQ(core.buffers_in_use(), 0u);
  }
}

TEST_F(StripedTest, AStripeBeforeHelloIsRefused) {
  EXPECT_EQ(core.chunk_place(core.accepted(now), stripe).error().code, ErrorCode::protocol);
}

// ---- peers that we send to ----

TEST_F(WorkerCoreTest, SendsTheCallersSpanAtThePlansRate) {
  const LinkId link = offered_to_w1();
  const auto streams = all<StartStream>(*arrives(link, wire::grant_frame(TransferId(1))));
  ASSERT_EQ(streams.size(), 1u);
  EXPECT_EQ(streams[0].payload.data(), std::as_bytes(std::span(parameters)).data());  // no copy
  EXPECT_EQ(streams[0].payload.size(), 16u);
  EXPECT_EQ(streams[0].rate, Rate::megabits_per_second(8));
  core.stream_sent(link, TransferId(1));
  ASSERT_TRUE(arrives(link, wire::ack_frame(TransferId(1))).has_value());
  EXPECT_THAT(all<Synchronized>(end({})).at(0).report.sent_to, ElementsAre(WorkerId(1)));
}

// At 8 Mbit/s a MiB may be under way for 8 * 2^20 / 8e6 = 1.049 s.
TEST_F(WorkerCoreTest, AReceiverThatTakesAllAndDoesNotAcknowledgeIsGivenUpAndNamed) {
  const LinkId link = offered_to_w1();
  arrives(link, wire::grant_frame(TransferId(1)));
  const Instant sent = Instant::at_seconds(50);
  core.stream_sent(link, TransferId(1), sent);
  const Instant due = sent + kAckPatience + Duration::seconds(1.048576);
  EXPECT_NEAR((core.deadline() - due).in_seconds(), 0, 1e-9);
  EXPECT_THAT(core.tick(due - Duration::milliseconds(1)), IsEmpty());
  const auto actions = core.tick(due + Duration::milliseconds(1));
  EXPECT_THAT(all<AbortLink>(actions), SizeIs(1));
  const auto said = all<SendToManager>(actions);
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_EQ(std::get<wire::TransferFailed>(said[0].message).reason,
            "w1 was sent all of it and does not acknowledge");
  EXPECT_EQ(core.deadline(), Instant::never());
}

TEST_F(WorkerCoreTest, ALinkIsDialledOnceAndKept) {
  const LinkId link = offered_to_w1();
  arrives(link, wire::grant_frame(TransferId(1)));
  core.stream_sent(link, TransferId(1));
  arrives(link, wire::ack_frame(TransferId(1)));
  end({});
  ready();
  const auto again = plan({to(2, 1)}, {}, {1, 2}, Round(1));
  EXPECT_THAT(all<Dial>(again), IsEmpty());
  EXPECT_THAT(frames(again), ElementsAre(wire::FrameKind::offer));
}

TEST_F(WorkerCoreTest, AnswersThatDoNotFitCloseTheLink) {
  const LinkId link = offered_to_w1();
  EXPECT_FALSE(arrives(link, wire::ack_frame(TransferId(1))).has_value());  // nothing was sent
  EXPECT_FALSE(arrives(link, wire::offer_frame(TransferId(1), {kFirst, kModel})).has_value());
  ASSERT_TRUE(arrives(link, wire::grant_frame(TransferId(1))).has_value());
  EXPECT_FALSE(arrives(link, wire::grant_frame(TransferId(1))).has_value());  // twice
  EXPECT_FALSE(arrives(link, wire::refuse_frame(TransferId(1), "no")).has_value());
  EXPECT_THAT(*arrives(link, wire::grant_frame(TransferId(99))), IsEmpty());  // of a round long past
}

// Else the stream would run on while the round ends, reading parameters that are being mixed, and the next
// stream on the link would begin in its middle.
TEST_F(WorkerCoreTest, AnAcknowledgementOfAStreamThatStillRunsIsAProtocolError) {
  const LinkId link = offered_to_w1();
  arrives(link, wire::grant_frame(TransferId(1)));
  const auto result = arrives(link, wire::ack_frame(TransferId(1)));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::protocol);
}

TEST_F(WorkerCoreTest, AStreamThatStillRunsWhenTheRoundEndsIsCutOffBeforeTheMix) {
  const LinkId link = offered_to_w1();
  arrives(link, wire::grant_frame(TransferId(1)));
  const auto actions = end({});
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(std::get<AbortLink>(actions[0]).link, link);
  EXPECT_TRUE(std::holds_alternative<Synchronized>(actions[1]));
}

TEST_F(WorkerCoreTest, ARefusalALostLinkAndACancelAreToldOnceEach) {
  LinkId link = offered_to_w1();
  const auto refused =
      said<wire::TransferFailed>(*arrives(link, wire::refuse_frame(TransferId(1), "no such transfer")));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_THAT(refused[0].reason, HasSubstr("w1 refused: no such transfer"));
  EXPECT_THAT(said<wire::TransferFailed>(core.closed(link, {ErrorCode::unavailable, "reset"}, now)),
              IsEmpty());
  core = made();
  join();
  link = offered_to_w1();
  const auto lost = said<wire::TransferFailed>(core.closed(link, {ErrorCode::unavailable, "reset"}, now));
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_THAT(lost[0].reason, HasSubstr("link to w1: reset"));
  core = made();
  join();
  link = offered_to_w1();
  const auto cancelled = manager_says(wire::Cancel{TransferId(1), "w1 left"});
  EXPECT_EQ(all<AbortLink>(cancelled).size(), 1u);
  EXPECT_THAT(said<wire::TransferFailed>(cancelled), IsEmpty());
  EXPECT_THAT(all<Synchronized>(end({})).at(0).report.sent_to, IsEmpty());
}

}  // namespace
}  // namespace selmcast::worker
