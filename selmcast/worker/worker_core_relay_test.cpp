// One worker's core that sends on what comes to it, and whose own model others send on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/worker/worker_core.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::FrameKind;

constexpr wire::MixHeader kMix{Round(0), 12345};

// w0 gets transfer 1 of w1 and sends it on to w2 as transfer 2.
struct RelayTest : WorkerCoreTest {
  WorkerActions relay_plan(std::vector<wire::Outgoing> outgoing, std::vector<wire::Incoming> incoming) {
    ready();
    return manager_says(
        wire::RoundPlan{kFirst, Round(0), std::move(outgoing), std::move(incoming), {}, true});
  }
  static wire::Outgoing sent_on(std::uint64_t transfer, std::uint32_t receiver, std::uint64_t source) {
    wire::Outgoing out = to(transfer, receiver);
    out.source = TransferId(source);
    return out;
  }
  static wire::Outgoing elsewhere(std::uint64_t transfer, std::uint32_t receiver) {
    wire::Outgoing out = to(transfer, receiver);
    out.elsewhere = true;
    return out;
  }
  // The link to w2, connected; the link from w1, which has offered.
  struct Links {
    LinkId to_w2, from_w1;
  };
  Links offered_both_ways() {
    const LinkId out = all<Dial>(relay_plan({sent_on(2, 2, 1)}, {from(1, 1)})).at(0).link;
    EXPECT_THAT(frames(core.connected(out)), ElementsAre(FrameKind::hello)) << "nothing to offer yet";
    const LinkId in = peer_dials(1);
    EXPECT_THAT(frames(offer(in, 1, kFirst, kMix).value()), ElementsAre(FrameKind::grant, FrameKind::offer));
    return {out, in};
  }
};

TEST_F(RelayTest, WhatComesIsSentOnAsItComesWithWhatItsSenderSaidOfIt) {
  const LinkId out = all<Dial>(relay_plan({sent_on(2, 2, 1)}, {from(1, 1)})).at(0).link;
  core.connected(out);
  const LinkId in = peer_dials(1);
  const auto answered = all<SendFrame>(offer(in, 1, kFirst, kMix).value());
  ASSERT_THAT(answered, SizeIs(2));
  EXPECT_EQ(wire::decode_offer(std::span(answered[1].frame).subspan(wire::kHeaderBytes))->mix, kMix);

  const auto streams = all<StartStream>(arrives(out, wire::grant_frame(TransferId(2))).value());
  ASSERT_THAT(streams, SizeIs(1));
  EXPECT_EQ(streams[0].cut->available, Bytes(0));
  const auto came = chunk_arrives(in, 1, model_of(7)).value();
  const auto more = all<ExtendStream>(came);
  ASSERT_THAT(more, SizeIs(1));
  EXPECT_EQ(more[0].available, kModel);
  EXPECT_EQ(std::vector(streams[0].payload.begin(), streams[0].payload.end()), model_of(7));
  EXPECT_THAT(said<wire::Delivered>(came), SizeIs(1));
}

TEST_F(RelayTest, ABufferIsKeptUntilAllOfItIsSentOn) {
  const Links links = offered_both_ways();
  arrives(links.to_w2, wire::grant_frame(TransferId(2))).value();
  chunk_arrives(links.from_w1, 1, model_of(7)).value();
  manager_says(wire::Commit{TransferId(1)});
  EXPECT_EQ(core.buffers_in_use(), 1u) << "mixed, but not sent on";
  core.stream_sent(links.to_w2, TransferId(2));
  EXPECT_EQ(core.buffers_in_use(), 0u);
}

TEST_F(RelayTest, WhoIsTakenOffStopsAndSaysNothing) {
  const Links links = offered_both_ways();
  arrives(links.to_w2, wire::grant_frame(TransferId(2))).value();
  const auto stopped = manager_says(wire::Reroute{TransferId(2), "too slow"});
  EXPECT_THAT(all<AbortLink>(stopped), ElementsAre(::testing::Field(&AbortLink::link, links.to_w2)));
  EXPECT_THAT(all<SendToManager>(stopped), IsEmpty());
}

TEST_F(RelayTest, WhatIsCancelledIsNotSentOn) {
  const Links links = offered_both_ways();
  arrives(links.to_w2, wire::grant_frame(TransferId(2))).value();
  EXPECT_THAT(all<AbortLink>(manager_says(wire::Cancel{TransferId(1), "w1 left"})), SizeIs(2)) << "both ways";
  EXPECT_EQ(core.buffers_in_use(), 0u);
}

TEST_F(RelayTest, ALostLinkIsReportedWithItsOtherEnd) {
  const Links links = offered_both_ways();
  const auto lost =
      said<wire::TransferFailed>(core.closed(links.to_w2, {ErrorCode::unavailable, "reset"}, now));
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].transfer, TransferId(2));
  EXPECT_EQ(lost[0].peer, WorkerId(2));
  const auto source =
      said<wire::TransferFailed>(core.closed(links.from_w1, {ErrorCode::unavailable, "reset"}, now));
  ASSERT_THAT(source, SizeIs(1));
  EXPECT_EQ(source[0].peer, WorkerId(1));
}

// w0's model goes to w1, and from there to w2, until w1 is lost.
TEST_F(RelayTest, TheSenderTakesOverFromTheChunkThatIsMissing) {
  const auto dials = all<Dial>(relay_plan({to(1, 1), elsewhere(2, 2)}, {}));
  ASSERT_THAT(dials, SizeIs(1)) << "w1 alone";
  const auto taken = all<Dial>(manager_says(wire::Reroute{TransferId(2), "w1 left"}));
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].peer.id, WorkerId(2));
  EXPECT_THAT(frames(core.connected(taken[0].link)), ElementsAre(FrameKind::hello, FrameKind::offer));
  // The model is one chunk: there is no second one that a receiver could begin with.
  EXPECT_FALSE(arrives(taken[0].link, wire::grant_frame(TransferId(2), 1)).has_value());
  const auto streams = all<StartStream>(arrives(taken[0].link, wire::grant_frame(TransferId(2))).value());
  ASSERT_THAT(streams, SizeIs(1));
  EXPECT_EQ(streams[0].cut->available, kModel);
}

TEST_F(RelayTest, WhatOthersSentCountsAsSentAndTheRoundEnds) {
  relay_plan({to(1, 1), elsewhere(2, 2)}, {});
  const auto done = all<Synchronized>(end({}));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(done[0].report.sent_to, ElementsAre(WorkerId(1), WorkerId(2)));
}

TEST_F(RelayTest, APlanThatMakesItSendOnWhatDoesNotComeIsRefused) {
  EXPECT_THAT(error_of(relay_plan({sent_on(2, 2, 9)}, {from(1, 1)})),
              HasSubstr("send on what does not come"));
}

TEST_F(RelayTest, ARerouteWithoutRelaysIsAnError) {
  ready();
  plan({to(1, 1)}, {});
  EXPECT_THAT(error_of(manager_says(wire::Reroute{TransferId(1), "no"})),
              HasSubstr("without a plan of relays"));
}

}  // namespace
}  // namespace selmcast::worker
