// Parts of a model that only measure a link (sync/soundings.h): sent, reported, mixed by nobody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "selmcast/worker/mass_book.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Bytes kPart(8);  // of a model of 16

struct SoundingTest : WorkerCoreTest {
  static wire::Outgoing sounding_to(std::uint64_t transfer, std::uint32_t receiver, Bytes bytes = kPart) {
    wire::Outgoing out = to(transfer, receiver);
    out.sounding = bytes;
    return out;
  }
  static wire::Incoming sounding_from(std::uint64_t transfer, std::uint32_t sender, Bytes bytes = kPart) {
    wire::Incoming in = from(transfer, sender);
    in.bytes = bytes;
    in.sounding = true;
    return in;
  }
  Result<WorkerActions> offer_part(LinkId link, std::uint64_t transfer) {
    return arrives(link, wire::offer_frame(TransferId(transfer), {kFirst, kPart}));
  }
};

TEST_F(SoundingTest, APartOfTheModelIsSentAndCarriesNoMass) {
  core = made(2, MixingKind::push_sum);
  join();
  ready();
  const auto dials = all<Dial>(plan({to(1, 1), sounding_to(2, 2)}, {}));
  ASSERT_THAT(dials, SizeIs(2));
  EXPECT_NEAR(core.mixer().own_weight(), 0.5, 1e-11);  // of two: itself and w1
  const auto sent = all<SendFrame>(core.connected(dials[1].link));
  ASSERT_THAT(sent, SizeIs(2));
  const auto body = wire::decode_offer(std::span(sent[1].frame).subspan(wire::kHeaderBytes));
  EXPECT_EQ(body->total, kPart);
  EXPECT_EQ(body->mix, (wire::MixHeader{Round(0), 0}));
  const auto streams = all<StartStream>(*arrives(dials[1].link, wire::grant_frame(TransferId(2))));
  ASSERT_THAT(streams, SizeIs(1));
  EXPECT_EQ(streams[0].payload.size(), 8U);
  EXPECT_EQ(streams[0].payload.data(), std::as_bytes(std::span(parameters)).data());

  core.connected(dials[0].link);
  arrives(dials[0].link, wire::grant_frame(TransferId(1)));
  for (const auto& [link, id] : {std::pair(dials[0].link, 1), std::pair(dials[1].link, 2)}) {
    core.stream_sent(link, TransferId(static_cast<std::uint64_t>(id)));
    arrives(link, wire::ack_frame(TransferId(static_cast<std::uint64_t>(id))));
  }
  const auto done = all<Synchronized>(end({}));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(done[0].report.sent_to, ElementsAre(WorkerId(1)));
  EXPECT_EQ(done[0].report.own_weight, 0.5);
}

TEST_F(SoundingTest, WhatComesIsReportedOnceAndItsBufferIsFreeAtOnce) {
  core = made(1);
  join();
  ready();
  plan({}, {sounding_from(1, 1), from(2, 2)});
  const LinkId link = peer_dials(1);
  EXPECT_THAT(frames(*offer_part(link, 1)), ElementsAre(wire::FrameKind::grant));
  EXPECT_EQ(core.buffers_in_use(), 1U);
  const LinkId other = peer_dials(2);
  EXPECT_THAT(frames(*offer(other, 2)), IsEmpty());  // the only buffer is in use
  const auto part = std::vector(8, std::byte{1});
  const auto actions = *chunk_arrives(link, 1, part);
  EXPECT_THAT(frames(actions), ElementsAre(wire::FrameKind::ack, wire::FrameKind::grant));
  const auto delivered = said<wire::Delivered>(actions);
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].transfer, TransferId(1));
  EXPECT_EQ(delivered[0].bytes, kPart);

  ASSERT_TRUE(chunk_arrives(other, 2, model_of(11)).has_value());
  EXPECT_THAT(manager_says(wire::Cancel{TransferId(1), "the round is over"}),
              IsEmpty());  // crossed on the way
  manager_says(wire::Commit{TransferId(2)});
  const auto done = all<Synchronized>(end({TransferId(2)}));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(done[0].report.mixed_with, ElementsAre(WorkerId(2)));
  EXPECT_EQ(core.buffers_in_use(), 0U);
}

TEST_F(SoundingTest, NobodyMayCommitOne) {
  ready();
  plan({}, {sounding_from(1, 1)});
  const LinkId link = peer_dials(1);
  ASSERT_TRUE(offer_part(link, 1).has_value());
  ASSERT_TRUE(chunk_arrives(link, 1, std::vector(8, std::byte{1})).has_value());
  EXPECT_THAT(error_of(manager_says(wire::Commit{TransferId(1)})),
              HasSubstr("the manager broke its protocol"));
}

TEST_F(SoundingTest, WhatIsUnderWayIsCutOffWithItsLink) {
  ready();
  const auto dials = all<Dial>(plan({sounding_to(1, 1)}, {sounding_from(2, 2)}));
  core.connected(dials.at(0).link);
  arrives(dials.at(0).link, wire::grant_frame(TransferId(1)));
  const LinkId link = peer_dials(2);
  ASSERT_TRUE(offer_part(link, 2).has_value());
  EXPECT_THAT(all<AbortLink>(manager_says(wire::Cancel{TransferId(1), "the round is over"})), SizeIs(1));
  EXPECT_THAT(all<AbortLink>(manager_says(wire::Cancel{TransferId(2), "the round is over"})), SizeIs(1));
  EXPECT_THAT(all<Synchronized>(end({})), SizeIs(1));
}

TEST_F(SoundingTest, OnlyPartsOfTheOwnModelAndOnlyInPlansOfStreams) {
  const auto fault = [&](const wire::RoundPlan& bad) {
    core = made();
    join();
    ready();
    return error_of(manager_says(bad));
  };
  wire::RoundPlan good{kFirst, Round(0), {sounding_to(1, 1)}, {sounding_from(2, 2)}, {}};
  EXPECT_EQ(fault(good), "");
  wire::RoundPlan bad = good;
  bad.outgoing[0].sounding = Bytes(17);
  EXPECT_THAT(fault(bad), HasSubstr("more than a model"));
  bad = good;
  bad.incoming[0].bytes = Bytes(17);
  EXPECT_THAT(fault(bad), HasSubstr("another size"));
  bad.incoming[0].bytes = Bytes(8);
  bad.incoming[0].sounding = false;
  EXPECT_THAT(fault(bad), HasSubstr("another size"));
  bad = good;
  bad.relay = true;
  EXPECT_THAT(fault(bad), HasSubstr("sounds a link of a multicast"));
  bad.relay = false;
  bad.group = wire::MulticastGroup{0xef4d0101, 7000, 1, 1440};
  EXPECT_THAT(fault(bad), HasSubstr("sounds a link of a multicast"));
  bad = good;
  bad.outgoing[0].source = TransferId(2);
  EXPECT_THAT(fault(bad), HasSubstr("where that is not done"));

  core = made();
  join(true);
  ready();
  EXPECT_THAT(error_of(manager_says(wire::PlanUpdate{kFirst, Round(0), {sounding_to(1, 1)}, {}, {}, {}})),
              HasSubstr("where that is not done"));
  core = made();
  join(true);
  EXPECT_THAT(error_of(manager_says(wire::PlanUpdate{kFirst, Round(0), {}, {sounding_from(1, 1)}, {}, {}})),
              HasSubstr("another size"));
}

}  // namespace
}  // namespace selmcast::worker
