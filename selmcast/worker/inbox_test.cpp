#include "selmcast/worker/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "selmcast/worker/limits.h"

namespace selmcast::worker {
namespace {

using ::testing::HasSubstr;

// A model is four parameters, 16 bytes.
constexpr Bytes kModel(16);
const PlanVersion kPlan{1, 5};

std::vector<std::byte> model_of(float value) {
  const std::vector<float> parameters(4, value);
  const auto bytes = std::as_bytes(std::span(parameters));
  return {bytes.begin(), bytes.end()};
}

// Transfers 1 .. n from workers 1 .. n.
wire::RoundPlan plan_of(std::uint32_t senders, PlanVersion version = kPlan) {
  wire::RoundPlan plan{version, Round(0), {}, {}, {}};
  for (std::uint32_t k = 1; k <= senders; ++k) plan.incoming.push_back({TransferId(k), WorkerId(k), kModel});
  return plan;
}

struct InboxTest : ::testing::Test {
  Inbox inbox{2};
  Instant now = Instant::at_seconds(10);

  // Worker k offers transfer k on link k.
  Result<Inbox::Answers> offer(std::uint32_t k, wire::OfferBody body = {kPlan, kModel}) {
    return inbox.offered(LinkId(k), WorkerId(k), TransferId(k), body, now);
  }
  // The bytes [from, from + length) of a model as one chunk.
  Result<bool> chunk(std::uint32_t k, std::uint32_t sequence, std::span<const std::byte> bytes) {
    const wire::FrameHeader header = wire::chunk_header(TransferId(k), sequence, bytes);
    const auto place = inbox.place(LinkId(k), header);
    if (!place) return std::unexpected(place.error());
    std::ranges::copy(bytes, place->begin());
    inbox.bytes_arrived(LinkId(k), Bytes(static_cast<std::int64_t>(bytes.size())), now);
    return inbox.chunk_complete(LinkId(k), header);
  }
  Result<bool> whole(std::uint32_t k, float value) { return chunk(k, 0, model_of(value)); }
};

TEST_F(InboxTest, AGrantedTransferIsVerifiedWithItsLastChunk) {
  inbox.open(plan_of(1), Instant::at_seconds(8));
  const auto answers = offer(1);
  ASSERT_EQ(answers->grants.size(), 1u);
  EXPECT_EQ(answers->grants[0].transfer, TransferId(1));
  const auto bytes = model_of(3);
  EXPECT_EQ(chunk(1, 0, std::span(bytes).first(12)), false);
  EXPECT_EQ(inbox.verified(TransferId(1)).error().code, ErrorCode::protocol);  // not mixed before it is whole
  now = Instant::at_seconds(11);
  EXPECT_EQ(chunk(1, 1, std::span(bytes).subspan(12)), true);
  EXPECT_THAT(*inbox.verified(TransferId(1)), ::testing::ElementsAreArray(model_of(3)));
  const Inbox::Timing timing = inbox.timing(TransferId(1));
  EXPECT_EQ(timing.started, Duration::seconds(2));   // 10 - 8, from the receipt of the plan
  EXPECT_EQ(timing.finished, Duration::seconds(3));  // 11 - 8
  EXPECT_EQ(timing.bytes, kModel);
  // 12 of kModel bytes came at 10 s, the others at 11 s.
  ASSERT_EQ(timing.progress.size(), kProgressParts - 1);
  for (std::size_t k = 1; k < kProgressParts; ++k) {
    const bool early =
        12 * static_cast<std::int64_t>(kProgressParts) >= kModel.count() * static_cast<std::int64_t>(k);
    EXPECT_EQ(timing.progress[k - 1], Duration::seconds(early ? 2 : 3)) << k;
  }
}

TEST_F(InboxTest, AnOfferBeforeThePlanWaitsForItAndIsGranted) {
  inbox.open(plan_of(1, {1, 4}), now);
  const auto early = offer(1);
  EXPECT_TRUE(early->grants.empty() && early->refusals.empty());
  EXPECT_EQ(inbox.open(plan_of(1), now).grants.size(), 1u);
  EXPECT_EQ(inbox.deadline(), Instant::never());
}

TEST_F(InboxTest, AnOfferWhosePlanNeverComesIsRefusedInTime) {
  offer(1, {{1, 99}, kModel});
  EXPECT_EQ(inbox.deadline(), now + kEarlyOfferPatience);
  EXPECT_TRUE(inbox.expire(now).refusals.empty());
  EXPECT_EQ(inbox.expire(inbox.deadline()).refusals.size(), 1u);
  EXPECT_EQ(inbox.deadline(), Instant::never());
}

TEST_F(InboxTest, OffersThatThePlanDoesNotNameAreRefusedWithTheReason) {
  inbox.open(plan_of(2), now);
  const auto refused = [&](LinkId link, WorkerId sender, TransferId transfer, wire::OfferBody body) {
    const auto answers = inbox.offered(link, sender, transfer, body, now);
    EXPECT_TRUE(answers && answers->grants.empty() && answers->refusals.size() == 1);
    return answers->refusals.empty() ? std::string() : answers->refusals[0].why;
  };
  EXPECT_THAT(refused(LinkId(1), WorkerId(1), TransferId(1), {{1, 4}, kModel}), HasSubstr("another plan"));
  EXPECT_THAT(refused(LinkId(1), WorkerId(1), TransferId(9), {kPlan, kModel}), HasSubstr("no such transfer"));
  EXPECT_THAT(refused(LinkId(1), WorkerId(1), TransferId(2), {kPlan, kModel}), HasSubstr("another sender"));
  EXPECT_THAT(refused(LinkId(1), WorkerId(1), TransferId(1), {kPlan, Bytes(20)}), HasSubstr("another size"));
  ASSERT_EQ(offer(1)->grants.size(), 1u);
  EXPECT_THAT(refused(LinkId(7), WorkerId(1), TransferId(1), {kPlan, kModel}), HasSubstr("before"));
  EXPECT_EQ(inbox.buffers_in_use(), 1u);
}

TEST_F(InboxTest, ASecondOfferOnALinkThatHasOneOpenIsAProtocolError) {
  inbox.open(plan_of(2), now);
  ASSERT_TRUE(offer(1).has_value());
  const auto second = inbox.offered(LinkId(1), WorkerId(1), TransferId(2), {kPlan, kModel}, now);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::protocol);
}

TEST_F(InboxTest, OffersQueueInOrderWhileAllBuffersAreInUse) {
  inbox.open(plan_of(4), now);
  EXPECT_EQ(offer(1)->grants.size(), 1u);
  EXPECT_EQ(offer(2)->grants.size(), 1u);
  EXPECT_EQ(offer(4)->grants.size(), 0u);  // two buffers
  EXPECT_EQ(offer(3)->grants.size(), 0u);
  ASSERT_EQ(whole(1, 1), true);
  EXPECT_EQ(inbox.buffers_in_use(), 2u);  // verified is not mixed yet
  const auto after_commit = inbox.release(TransferId(1), now);
  ASSERT_EQ(after_commit.grants.size(), 1u);
  EXPECT_EQ(after_commit.grants[0].transfer, TransferId(4));  // first come, first served
  EXPECT_EQ(inbox.release(TransferId(2), now).grants[0].transfer, TransferId(3));
  EXPECT_EQ(inbox.buffers_in_use(), 2u);
  EXPECT_TRUE(inbox.release(TransferId(2), now).grants.empty());  // once only
  inbox.close();
  EXPECT_EQ(inbox.buffers_in_use(), 0u);
}

TEST_F(InboxTest, AQueuedTransferThatIsCancelledIsNeverGranted) {
  inbox.open(plan_of(3), now);
  for (std::uint32_t k : {1U, 2U, 3U}) offer(k);
  EXPECT_TRUE(inbox.release(TransferId(3), now).grants.empty());
  EXPECT_TRUE(inbox.release(TransferId(1), now).grants.empty());
  EXPECT_EQ(inbox.buffers_in_use(), 1u);
}

TEST_F(InboxTest, ChunksThatAreNotTheNextOnesAreProtocolErrors) {
  inbox.open(plan_of(2), now);
  const auto bytes = model_of(1);
  const auto refused = [](const Result<bool>& result, const char* what) {
    ASSERT_FALSE(result.has_value()) << what;
    EXPECT_EQ(result.error().code, ErrorCode::protocol);
    EXPECT_THAT(result.error().message, HasSubstr(what));
  };
  refused(chunk(1, 0, bytes), "not granted");
  offer(1);
  refused(chunk(2, 0, bytes), "not granted");
  refused(chunk(1, 1, bytes), "out of sequence");
  refused(chunk(1, 0, std::span<const std::byte>()), "empty");
  ASSERT_EQ(chunk(1, 0, std::span(bytes).first(8)), false);
  refused(chunk(1, 0, std::span(bytes).first(8)), "out of sequence");
  refused(chunk(1, 1, std::span(bytes).first(12)), "longer");  // 8 + 12 > 16
  ASSERT_EQ(chunk(1, 1, std::span(bytes).first(8)), true);
  refused(chunk(1, 2, std::span(bytes).first(4)), "not granted");  // it is verified: nothing may change it
}

TEST_F(InboxTest, ACorruptChunkVerifiesNothing) {
  inbox.open(plan_of(1), now);
  offer(1);
  auto bytes = model_of(1);
  const wire::FrameHeader header = wire::chunk_header(TransferId(1), 0, bytes);
  bytes[5] ^= std::byte{1};
  std::ranges::copy(bytes, inbox.place(LinkId(1), header)->begin());
  const auto result = inbox.chunk_complete(LinkId(1), header);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
  EXPECT_FALSE(inbox.verified(TransferId(1)).has_value());
}

TEST_F(InboxTest, ALostLinkNamesTheTransferItCarriedUnlessThatIsVerified) {
  inbox.open(plan_of(2), now);
  offer(1);
  offer(2);
  ASSERT_EQ(whole(2, 1), true);
  EXPECT_EQ(inbox.link_lost(LinkId(1)), TransferId(1));
  EXPECT_EQ(inbox.link_lost(LinkId(2)), std::nullopt);
  EXPECT_EQ(inbox.link_lost(LinkId(3)), std::nullopt);
}

TEST_F(InboxTest, KnowsWhatIsUnsettledAndOnWhichLink) {
  inbox.open(plan_of(2), now);
  EXPECT_EQ(inbox.unsettled(), TransferId(1));
  EXPECT_EQ(inbox.link_under_way(TransferId(1)), std::nullopt);  // not offered
  offer(1);
  EXPECT_EQ(inbox.link_under_way(TransferId(1)), LinkId(1));
  ASSERT_EQ(whole(1, 1), true);
  EXPECT_EQ(inbox.link_under_way(TransferId(1)), std::nullopt);  // nothing more is read into its buffer
  inbox.release(TransferId(1), now);
  EXPECT_EQ(inbox.unsettled(), TransferId(2));
  inbox.release(TransferId(2), now);
  EXPECT_EQ(inbox.unsettled(), std::nullopt);
}

// ---- relay ----

wire::RoundPlan relayed_plan_of(std::uint32_t senders) {
  wire::RoundPlan plan = plan_of(senders);
  plan.relay = true;
  return plan;
}

TEST_F(InboxTest, RelayedTransfersGetBuffersInTheirOrderSoThatNobodyWaitsInACircle) {
  inbox.open(relayed_plan_of(3), now);
  // Two buffers: one stays free for each of 1 and 2 as long as they have none.
  EXPECT_TRUE(offer(3)->grants.empty());
  EXPECT_EQ(offer(2)->grants.size(), 1u);
  EXPECT_EQ(offer(1)->grants.size(), 1u);
  EXPECT_TRUE(*whole(1, 5));
  EXPECT_EQ(inbox.release(TransferId(1), now).grants.size(), 1u) << "that of transfer 3";
}

TEST_F(InboxTest, ARelayedTransferGoesOnOverAnotherLinkFromTheChunkThatIsMissing) {
  wire::RoundPlan plan = relayed_plan_of(1);
  plan.incoming[0].from = WorkerId(9);
  inbox.open(plan, now);
  ASSERT_EQ(inbox.offered(LinkId(1), WorkerId(9), TransferId(1), {kPlan, kModel}, now)->grants.size(), 1u);
  const auto bytes = model_of(3);
  EXPECT_EQ(chunk(1, 0, std::span(bytes).first(12)), false);
  EXPECT_EQ(inbox.arriving(TransferId(1))->received, Bytes(12));
  EXPECT_EQ(inbox.link_lost(LinkId(1)), TransferId(1));
  // The sender offers before this worker has heard that it will: it waits for the word.
  EXPECT_TRUE(inbox.offered(LinkId(2), WorkerId(1), TransferId(1), {kPlan, kModel}, now)->grants.empty());
  EXPECT_EQ(inbox.reroute(TransferId(1)), std::nullopt) << "no link to give up";
  const auto answers = inbox.consider_early();
  ASSERT_EQ(answers.grants.size(), 1u);
  EXPECT_EQ(answers.grants[0].link, LinkId(2));
  EXPECT_EQ(answers.grants[0].sequence, 1u);
  const wire::FrameHeader header = wire::chunk_header(TransferId(1), 1, std::span(bytes).subspan(12));
  const auto place = inbox.place(LinkId(2), header);
  ASSERT_TRUE(place.has_value());
  std::ranges::copy(std::span(bytes).subspan(12), place->begin());
  EXPECT_EQ(inbox.chunk_complete(LinkId(2), header), true);
  EXPECT_THAT(*inbox.verified(TransferId(1)), ::testing::ElementsAreArray(model_of(3)));
}

TEST_F(InboxTest, ARerouteNamesTheLinkThatIsStillThere) {
  wire::RoundPlan plan = relayed_plan_of(1);
  plan.incoming[0].from = WorkerId(9);
  inbox.open(plan, now);
  inbox.offered(LinkId(1), WorkerId(9), TransferId(1), {kPlan, kModel}, now).value();
  EXPECT_EQ(inbox.reroute(TransferId(1)), LinkId(1));
  EXPECT_EQ(inbox.link_lost(LinkId(1)), std::nullopt);
}

TEST_F(InboxTest, WhatIsKeptToBeSentOnIsSettled) {
  inbox.open(relayed_plan_of(1), now);
  offer(1).value();
  EXPECT_TRUE(*whole(1, 5));
  EXPECT_EQ(inbox.unsettled(), TransferId(1));
  inbox.keep(TransferId(1));
  EXPECT_EQ(inbox.unsettled(), std::nullopt);
  EXPECT_EQ(inbox.buffers_in_use(), 1u);
  inbox.release(TransferId(1), now);
  EXPECT_EQ(inbox.buffers_in_use(), 0u);
}

}  // namespace
}  // namespace selmcast::worker
