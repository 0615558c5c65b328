// One worker's core in a round that goes by IP multicast; the test plays manager, peers and shell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/worker/worker_core.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Segments of 16 bytes, the whole of the model of 16.
constexpr wire::MulticastGroup kGroup{0xef4d0001, 7700, 4711, 16};

template <class Order>
std::vector<Order> ordered(const WorkerActions& actions) {
  std::vector<Order> found;
  for (const GroupOrder& order : all<GroupOrder>(actions)) {
    if (const auto* one = std::get_if<Order>(&order)) found.push_back(*one);
  }
  return found;
}

// Without rounds in common: one plan at a time, and new rates.
struct WorkerCoreOnlineGroupTest : WorkerCoreTest {
  void SetUp() override { join(true); }
};

TEST_F(WorkerCoreOnlineGroupTest, ANewRateIsTheGroupsAndTheEndStopsIt) {
  ready();
  wire::PlanUpdate update{{1, 1}, Round(0), {to(1, 1), to(2, 2)}, {}, {}, {}, kGroup};
  const auto planned = manager_says(update);
  ASSERT_EQ(ordered<StartGroup>(planned).size(), 1u);
  std::uint64_t transfer = 0;
  for (const Dial& dial : all<Dial>(planned)) {
    core.connected(dial.link);
    const auto joined = arrives(dial.link, wire::joined_frame(TransferId(++transfer), {0x7f000001, 99}));
    ASSERT_TRUE(joined.has_value()) << joined.error().message;
    EXPECT_EQ(ordered<PeerJoined>(*joined).size(), 1u);
  }
  wire::PlanUpdate faster{{1, 2}, Round(0), {}, {}, {}, {}};
  faster.rates = {{TransferId(1), Rate::megabits_per_second(7)},
                  {TransferId(2), Rate::megabits_per_second(5)}};
  const auto rates = ordered<SetGroupRate>(manager_says(faster));
  ASSERT_EQ(rates.size(), 1u);
  EXPECT_EQ(rates[0].rate, Rate::megabits_per_second(5));
  // The slow one is dropped: it leaves the group's stream, and does not hold it back any more.
  EXPECT_EQ(ordered<DropPeer>(manager_says(wire::Cancel{TransferId(2), "dropped"})).size(), 1u);
  wire::PlanUpdate again{{1, 3}, Round(0), {}, {}, {}, {}};
  again.rates = {{TransferId(1), Rate::megabits_per_second(8)}};
  EXPECT_EQ(ordered<SetGroupRate>(manager_says(again)).at(0).rate, Rate::megabits_per_second(8));
  const auto over = manager_says(wire::MulticastOver{Round(0), {TransferId(1)}});
  EXPECT_EQ(ordered<StopGroup>(over).size(), 1u);
  EXPECT_EQ(all<Synchronized>(manager_says(wire::GoOn{Round(0), 3})).size(), 1u);
}

TEST_F(WorkerCoreOnlineGroupTest, WhatComesByMulticastWhileItComputesIsMixed) {
  wire::PlanUpdate update{{1, 1}, Round(0), {}, {from(5, 1)}, {}, {}};
  update.incoming[0].group = kGroup;
  manager_says(update);
  const LinkId link = peer_dials(1);
  const auto offered = offer(link, 5, {1, 1});
  ASSERT_TRUE(offered.has_value());
  const auto joins = ordered<JoinGroup>(*offered);
  ASSERT_EQ(joins.size(), 1u);
  core.group_joined(TransferId(5), wire::JoinedBody{0x7f000001, 99});
  const auto model = model_of(3);
  std::ranges::copy(model, joins[0].place.begin());
  EXPECT_EQ(all<SendToManager>(core.group_complete(TransferId(5), now, now)).size(), 1u);
  EXPECT_THAT(manager_says(wire::Commit{TransferId(5)}), IsEmpty());
  ready();
  manager_says(wire::MulticastOver{Round(0), {}});
  const auto done = all<Synchronized>(manager_says(wire::GoOn{Round(0), 3}));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_THAT(done[0].report.mixed_with, ElementsAre(WorkerId(1)));
}

struct WorkerCoreGroupTest : WorkerCoreTest {
  WorkerActions group_plan(std::vector<wire::Outgoing> outgoing, std::vector<wire::Incoming> incoming) {
    wire::RoundPlan plan{kFirst, Round(0), std::move(outgoing), std::move(incoming), {}};
    if (!plan.outgoing.empty()) plan.group = kGroup;
    for (wire::Incoming& in : plan.incoming) in.group = kGroup;
    return manager_says(plan);
  }
  // w0 sends transfers 1 to w1 and 2 to w2, and both have joined.
  std::vector<LinkId> sending_to_two() {
    ready();
    const auto planned = group_plan({to(1, 1), to(2, 2)}, {});
    const auto starts = ordered<StartGroup>(planned);
    EXPECT_EQ(starts.size(), 1u);
    EXPECT_THAT(starts.at(0).peers, ElementsAre(TransferId(1), TransferId(2)));
    EXPECT_EQ(starts.at(0).payload.data(), std::as_bytes(std::span(parameters)).data());
    std::vector<LinkId> links;
    for (const Dial& dial : all<Dial>(planned)) {
      links.push_back(dial.link);
      core.connected(dial.link);
      const TransferId transfer(links.size());
      const auto joined = arrives(dial.link, wire::joined_frame(transfer, {0x7f000001, 99}));
      EXPECT_EQ(ordered<PeerJoined>(*joined).at(0).repairs, (wire::JoinedBody{0x7f000001, 99}));
      EXPECT_THAT(all<StartStream>(*joined), IsEmpty());
    }
    return links;
  }
  // w0 is to receive transfer 5 from w1, who has offered it.
  LinkId offered_by_w1(std::span<std::byte>* place = nullptr) {
    ready();
    group_plan({}, {from(5, 1)});
    const LinkId link = peer_dials(1);
    const auto answer = offer(link, 5);
    EXPECT_THAT(all<SendFrame>(*answer), IsEmpty());  // not before the group is joined
    const auto joins = ordered<JoinGroup>(*answer);
    EXPECT_EQ(joins.size(), 1u);
    EXPECT_EQ(joins.at(0).place.size(), 16u);
    if (place) *place = joins.at(0).place;
    return link;
  }
};

TEST_F(WorkerCoreGroupTest, WhoDoesNotHearTheGroupGetsAStreamAtARateOfItsOwn) {
  ready();
  std::vector<wire::Outgoing> outgoing{to(1, 1), to(2, 2)};
  outgoing[1].apart = true;
  outgoing[1].rate = Rate::megabits_per_second(3);
  const auto planned = group_plan(outgoing, {});
  const auto starts = ordered<StartGroup>(planned);
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_THAT(starts[0].peers, ElementsAre(TransferId(1)));
  EXPECT_EQ(starts[0].rate, outgoing[0].rate);
  const auto dials = all<Dial>(planned);
  ASSERT_EQ(dials.size(), 2u);
  core.connected(dials[1].link);
  // It cannot join what it is no part of.
  EXPECT_FALSE(arrives(dials[1].link, wire::joined_frame(TransferId(2), {0x7f000001, 99})).has_value());
  const auto granted = arrives(dials[1].link, wire::grant_frame(TransferId(2)));
  ASSERT_TRUE(granted.has_value());
  EXPECT_THAT(ordered<DropPeer>(*granted), IsEmpty());
  ASSERT_EQ(all<StartStream>(*granted).size(), 1u);
  EXPECT_EQ(all<StartStream>(*granted)[0].rate, Rate::megabits_per_second(3));
}

TEST_F(WorkerCoreGroupTest, WithNobodyToHearItThereIsNoGroup) {
  ready();
  std::vector<wire::Outgoing> outgoing{to(1, 1)};
  outgoing[0].apart = true;
  EXPECT_THAT(ordered<StartGroup>(group_plan(outgoing, {})), IsEmpty());
}

TEST_F(WorkerCoreGroupTest, OneMulticastIsStartedAndWordsOfReceiversReachIt) {
  const auto links = sending_to_two();
  const mcast::Status status{1, 1, 0, 0, {0, 1}, {std::byte{0}}};
  const auto told = arrives(links[0], wire::status_frame(TransferId(1), mcast::encode(status)));
  EXPECT_EQ(ordered<PeerStatus>(*told).at(0).status, status);
  for (const std::size_t k : {0, 1}) {
    const auto acknowledged = arrives(links[k], wire::ack_frame(TransferId(k + 1)));
    EXPECT_EQ(ordered<PeerAcknowledged>(*acknowledged).at(0).transfer, TransferId(k + 1));
  }
  const auto ended = end({});
  EXPECT_EQ(ordered<StopGroup>(ended).size(), 1u);
  EXPECT_THAT(all<Synchronized>(ended).at(0).report.sent_to, ElementsAre(WorkerId(1), WorkerId(2)));
}

TEST_F(WorkerCoreGroupTest, WhoCannotJoinGetsAStream) {
  ready();
  const auto dials = all<Dial>(group_plan({to(1, 1)}, {}));
  core.connected(dials.at(0).link);
  const auto granted = arrives(dials.at(0).link, wire::grant_frame(TransferId(1)));
  EXPECT_EQ(all<StartStream>(*granted).size(), 1u);
  EXPECT_EQ(ordered<DropPeer>(*granted).size(), 1u);  // the multicast does not wait for it
}

TEST_F(WorkerCoreGroupTest, WhoIsHandedOverGetsPatchesAndMayAcknowledgeBeforeTheLastOne) {
  const auto links = sending_to_two();
  const auto handed = core.group_handed_over(TransferId(2), {{0, 0, 16}}, Rate::megabits_per_second(3));
  const auto streams = all<StreamParts>(handed);
  ASSERT_EQ(streams.size(), 1u);
  EXPECT_EQ(streams[0].link, links[1]);
  EXPECT_EQ(streams[0].rate, Rate::megabits_per_second(3));
  EXPECT_TRUE(
      arrives(links[1], wire::status_frame(TransferId(2), mcast::encode({}))).has_value());  // was under way
  EXPECT_TRUE(arrives(links[1], wire::ack_frame(TransferId(2))).has_value());
  core.stream_sent(links[1], TransferId(2));
  EXPECT_TRUE(arrives(links[0], wire::ack_frame(TransferId(1))).has_value());
  EXPECT_THAT(all<Synchronized>(end({})).at(0).report.sent_to, ElementsAre(WorkerId(1), WorkerId(2)));
}

TEST_F(WorkerCoreGroupTest, ABurstIsStartedAbovePlanAndASlowReceiverIsReportedWhileItIsServed) {
  ready();
  std::vector<wire::Outgoing> outgoing = {to(1, 1), to(2, 2)};
  for (wire::Outgoing& out : outgoing) {
    out.rate = Rate::megabits_per_second(15);
    out.planned = Rate::megabits_per_second(10);
  }
  const auto start = ordered<StartGroup>(group_plan(outgoing, {})).at(0);
  EXPECT_EQ(start.rate, Rate::megabits_per_second(10));
  EXPECT_EQ(start.burst, Rate::megabits_per_second(15));
  const wire::Slow slow{TransferId(1), Rate::megabits_per_second(7), true};
  EXPECT_THAT(core.group_slow(slow), IsEmpty());  // has not joined
}

TEST_F(WorkerCoreGroupTest, ASlowReceiverIsReportedToTheManager) {
  sending_to_two();
  const wire::Slow slow{TransferId(1), Rate::megabits_per_second(7), true};
  EXPECT_EQ(said<wire::Slow>(core.group_slow(slow)).at(0), slow);
  core.group_peer_dead(TransferId(1), "silent", now);
  EXPECT_THAT(core.group_slow(slow), IsEmpty());
}

TEST_F(WorkerCoreGroupTest, ADeadReceiverIsReportedAndDropped) {
  sending_to_two();
  const auto dead = core.group_peer_dead(TransferId(1), "silent", now);
  EXPECT_EQ(said<wire::TransferFailed>(dead).at(0).transfer, TransferId(1));
  EXPECT_EQ(ordered<DropPeer>(dead).at(0).transfer, TransferId(1));
  EXPECT_THAT(core.group_peer_dead(TransferId(1), "again", now), IsEmpty());
}

TEST_F(WorkerCoreGroupTest, ACancelledTransferIsDroppedFromTheMulticast) {
  const auto links = sending_to_two();
  const auto cancelled = manager_says(wire::Cancel{TransferId(1), "left"});
  EXPECT_EQ(ordered<DropPeer>(cancelled).at(0).transfer, TransferId(1));
  EXPECT_EQ(all<AbortLink>(cancelled).at(0).link, links[0]);
}

TEST_F(WorkerCoreGroupTest, WordsThatMakeNoSenseCloseTheLink) {
  const auto links = sending_to_two();
  EXPECT_FALSE(arrives(links[0], wire::status_frame(TransferId(1), std::vector<std::byte>(5))).has_value());
  EXPECT_FALSE(arrives(links[0], wire::joined_frame(TransferId(1), {})).has_value());  // twice
  EXPECT_FALSE(arrives(links[0], wire::grant_frame(TransferId(1))).has_value());
}

TEST_F(WorkerCoreGroupTest, ATransferWithoutAGroupCannotBeJoined) {
  const LinkId link = offered_to_w1();
  EXPECT_FALSE(arrives(link, wire::joined_frame(TransferId(1), {})).has_value());
}

TEST_F(WorkerCoreGroupTest, AModelThatCameByMulticastIsAcknowledgedReportedAndMixed) {
  std::span<std::byte> place;
  const LinkId link = offered_by_w1(&place);
  const auto joined = core.group_joined(TransferId(5), wire::JoinedBody{0x7f000001, 99});
  EXPECT_THAT(frames(joined), ElementsAre(wire::FrameKind::joined));
  EXPECT_THAT(frames(core.group_status(TransferId(5), {})), ElementsAre(wire::FrameKind::status));
  std::ranges::copy(model_of(9), place.begin());
  const auto complete = core.group_complete(TransferId(5), now, now + Duration::milliseconds(7));
  EXPECT_THAT(frames(complete), ElementsAre(wire::FrameKind::ack));
  EXPECT_EQ(all<SendToManager>(complete)[0].came_over, std::nullopt);  // no TCP
  const auto delivered = said<wire::Delivered>(complete).at(0);
  EXPECT_EQ(delivered.bytes, kModel);
  EXPECT_NEAR(delivered.finished.in_milliseconds(), 7, 1e-9);
  // Patches that were under way go nowhere.
  const auto bytes = model_of(1);
  EXPECT_TRUE(patch(link, 5, 0, bytes).has_value());
  manager_says(wire::Commit{TransferId(5)});
  end({TransferId(5)});
  EXPECT_EQ(parameters[0], 5);  // (1 + 9) / 2
}

TEST_F(WorkerCoreGroupTest, PatchesGoToTheirPlaceIfTheyAreWholeSegmentsAndIntact) {
  std::span<std::byte> place;
  const LinkId link = offered_by_w1(&place);
  core.group_joined(TransferId(5), wire::JoinedBody{0x7f000001, 99});
  const auto bytes = model_of(9);
  const auto placed = patch(link, 5, 0, bytes);
  ASSERT_TRUE(placed.has_value());
  EXPECT_EQ(ordered<PlacePatch>(*placed).at(0).payload.data(), place.data());
  EXPECT_TRUE(std::ranges::equal(place, bytes));
  EXPECT_FALSE(patch(link, 5, 1, bytes).has_value());                      // beyond the model
  EXPECT_FALSE(patch(link, 5, 0, std::span(bytes).first(8)).has_value());  // half a segment
  wire::FrameHeader damaged = wire::chunk_header(TransferId(5), 0, bytes, wire::FrameKind::patch);
  ++damaged.payload_crc;
  EXPECT_EQ(core.frame(link, damaged, bytes, now).error().code, ErrorCode::corrupt);
  EXPECT_FALSE(chunk_arrives(link, 5, bytes).has_value());  // it was not granted as a stream
}

TEST_F(WorkerCoreGroupTest, WhereTheGroupCannotBeJoinedTheModelComesAsAStream) {
  const LinkId link = offered_by_w1();
  EXPECT_THAT(frames(core.group_joined(TransferId(5), std::nullopt)), ElementsAre(wire::FrameKind::grant));
  const auto complete = chunk_arrives(link, 5, model_of(9));
  ASSERT_TRUE(complete.has_value());
  EXPECT_EQ(said<wire::Delivered>(*complete).size(), 1u);
}

TEST_F(WorkerCoreGroupTest, ACancelledOrLostStreamIsLeftAtOnce) {
  const LinkId link = offered_by_w1();
  core.group_joined(TransferId(5), wire::JoinedBody{0x7f000001, 99});
  const auto lost = core.closed(link, {ErrorCode::unavailable, "gone"}, now);
  EXPECT_EQ(ordered<LeaveGroup>(lost).at(0).transfer, TransferId(5));
  EXPECT_EQ(said<wire::TransferFailed>(lost).size(), 1u);
  EXPECT_EQ(ordered<LeaveGroup>(manager_says(wire::Cancel{TransferId(5), "lost"})).size(), 1u);
  EXPECT_EQ(core.buffers_in_use(), 0u);
  EXPECT_THAT(core.group_complete(TransferId(5), now, now), IsEmpty());
}

TEST_F(WorkerCoreGroupTest, ASilentSenderIsReported) {
  offered_by_w1();
  core.group_joined(TransferId(5), wire::JoinedBody{0x7f000001, 99});
  const auto failed =
      said<wire::TransferFailed>(core.group_lost(TransferId(5), {ErrorCode::timeout, "silent"}));
  EXPECT_EQ(failed.at(0).reason, "multicast from w1: silent");
}

}  // namespace
}  // namespace selmcast::worker
