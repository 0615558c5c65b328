#include "selmcast/worker/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "selmcast/net/limits.h"
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
    const auto place = inbox.place(LinkId(k), WorkerId(k), header);
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
  std::ranges::copy(bytes, inbox.place(LinkId(1), WorkerId(1), header)->begin());
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
  EXPECT_EQ(inbox.link_lost(LinkId(1)), (Inbox::Lost{TransferId(1), {}}));
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

// ---- stripes ----

// Of 10,000 bytes: units of 4096 at 0, 4096 and 8192, the last one of 1808.
struct StripedInboxTest : InboxTest {
  Bytes total{10'000};
  std::vector<std::byte> model = std::vector<std::byte>(10'000, std::byte{7});

  void open(bool relay = false) {
    wire::RoundPlan plan = plan_of(2);
    plan.relay = relay;
    for (wire::Incoming& incoming : plan.incoming) incoming.bytes = total;
    inbox.open(plan, now);
    ASSERT_EQ(offer(1, {kPlan, total})->grants.size(), 1u);
  }
  wire::FrameHeader stripe(std::uint32_t sequence, std::size_t length = 4096,
                           std::uint32_t transfer = 1) const {
    const std::size_t offset = 4096 * sequence;
    const auto bytes = std::span(model).subspan(offset, std::min(length, model.size() - offset));
    return wire::chunk_header(TransferId(transfer), sequence, bytes, wire::FrameKind::stripe);
  }
  // Over the link, by worker 1: read and complete.
  Result<bool> arrives(std::uint64_t link, const wire::FrameHeader& header) {
    const auto place = inbox.place(LinkId(link), WorkerId(1), header);
    if (!place) return std::unexpected(place.error());
    std::ranges::fill(*place, std::byte{7});
    inbox.bytes_arrived(LinkId(link), Bytes(header.length), now);
    return inbox.chunk_complete(LinkId(link), header);
  }
  std::string refused(std::uint64_t link, const wire::FrameHeader& header,
                      std::optional<WorkerId> sender = WorkerId(1)) {
    const auto place = inbox.place(LinkId(link), sender, header);
    if (place) return "was placed";
    EXPECT_EQ(place.error().code, ErrorCode::protocol);
    return place.error().message;
  }
};

TEST_F(StripedInboxTest, StripesComeInAnyOrderOverAnyLinkOfTheirSender) {
  open();
  EXPECT_EQ(arrives(11, stripe(2)), false);
  EXPECT_EQ(inbox.arriving(TransferId(1))->received, Bytes(0));  // nothing without a gap
  EXPECT_EQ(arrives(1, stripe(0)), false);
  EXPECT_EQ(inbox.arriving(TransferId(1))->received, Bytes(4096));
  EXPECT_THAT(inbox.links_under_way(TransferId(1)), ::testing::ElementsAre(LinkId(1), LinkId(11)));
  now = Instant::at_seconds(12);
  EXPECT_EQ(arrives(12, stripe(1)), true);
  EXPECT_THAT(*inbox.verified(TransferId(1)), ::testing::ElementsAreArray(model));
  const Inbox::Timing timing = inbox.timing(TransferId(1));
  EXPECT_EQ(timing.bytes, total);
  EXPECT_EQ(timing.finished, Duration::seconds(2));
  // 4096 + 1808 of 10,000 came at 10 s: 37 of 64 parts.
  ASSERT_EQ(timing.progress.size(), kProgressParts - 1);
  EXPECT_EQ(timing.progress[36], Duration());
  EXPECT_EQ(timing.progress[37], Duration::seconds(2));
  EXPECT_TRUE(inbox.links_under_way(TransferId(1)).empty());
  EXPECT_EQ(inbox.link_lost(LinkId(11)), std::nullopt);
}

TEST_F(StripedInboxTest, NoByteIsPlacedTwice) {
  open();
  ASSERT_TRUE(inbox.place(LinkId(11), WorkerId(1), stripe(1)).has_value());  // being read
  EXPECT_THAT(refused(12, stripe(1)), HasSubstr("came before"));
  EXPECT_THAT(refused(12, stripe(0, 8192)), HasSubstr("came before"));
  EXPECT_EQ(inbox.chunk_complete(LinkId(12), stripe(1)).error().code, ErrorCode::protocol);  // not its own
  EXPECT_EQ(arrives(1, stripe(0)), false);
  EXPECT_THAT(refused(1, stripe(0)), HasSubstr("came before"));
  EXPECT_EQ(arrives(1, stripe(2)), false);
}

TEST_F(StripedInboxTest, WhatIsNotOfTheSenderOrNotMadeOfUnitsIsRefused) {
  open();
  EXPECT_THAT(refused(11, stripe(0), std::nullopt), HasSubstr("not granted"));
  EXPECT_THAT(refused(11, stripe(0), WorkerId(2)), HasSubstr("not granted"));
  EXPECT_THAT(refused(11, stripe(0, 4096, 2)), HasSubstr("not granted"));  // not offered
  EXPECT_THAT(refused(11, stripe(0, 100)), HasSubstr("whole units"));
  EXPECT_THAT(refused(11, stripe(0, 0)), HasSubstr("empty"));
  wire::FrameHeader beyond = stripe(2);
  beyond.length = 4096;
  EXPECT_THAT(refused(11, beyond), HasSubstr("longer"));
  // A link that carries one transfer brings nothing of another.
  ASSERT_EQ(offer(2, {kPlan, total})->grants.size(), 1u);
  EXPECT_THAT(refused(2, stripe(0)), HasSubstr("not granted"));
}

TEST_F(StripedInboxTest, AModelComesInChunksOrInStripes) {
  open();
  ASSERT_EQ(arrives(1, stripe(0)), false);
  const auto bytes = std::span<const std::byte>(model);
  EXPECT_THAT(refused(1, wire::chunk_header(TransferId(1), 0, bytes.first(4096))), HasSubstr("in stripes"));
  ASSERT_EQ(offer(2, {kPlan, total})->grants.size(), 1u);
  ASSERT_TRUE(inbox.place(LinkId(2), WorkerId(2), wire::chunk_header(TransferId(2), 0, bytes.first(4096)))
                  .has_value());
  EXPECT_THAT(refused(2, stripe(1, 4096, 2), WorkerId(2)), HasSubstr("in chunks"));
}

TEST_F(StripedInboxTest, NoMoreLinksThanADeliveryMayHave) {
  total = Bytes(20 * 4096);
  model.resize(20 * 4096);
  open();
  for (std::uint32_t k = 1; k < std::uint32_t{net::kStreamsMax}; ++k) {
    ASSERT_TRUE(inbox.place(LinkId(100 + k), WorkerId(1), stripe(k)).has_value()) << k;
  }
  EXPECT_THAT(refused(100, stripe(0)), HasSubstr("more connections"));
  EXPECT_TRUE(inbox.place(LinkId(1), WorkerId(1), stripe(0)).has_value());  // the one it was offered on
}

TEST_F(StripedInboxTest, ADamagedStripeVerifiesNothing) {
  open();
  const auto place = inbox.place(LinkId(11), WorkerId(1), stripe(0));
  std::ranges::fill(*place, std::byte{8});
  EXPECT_EQ(inbox.chunk_complete(LinkId(11), stripe(0)).error().code, ErrorCode::corrupt);
  EXPECT_EQ(inbox.arriving(TransferId(1))->received, Bytes(0));
}

TEST_F(StripedInboxTest, WithOneLinkTheTransferIsLostAndTheOthersAreNamed) {
  open();
  ASSERT_EQ(arrives(11, stripe(0)), false);
  ASSERT_EQ(arrives(12, stripe(1)), false);
  EXPECT_EQ(inbox.link_lost(LinkId(12)), (Inbox::Lost{TransferId(1), {LinkId(1), LinkId(11)}}));
  EXPECT_THAT(refused(13, stripe(2)), HasSubstr("not granted"));  // nothing more of it is taken
  EXPECT_EQ(inbox.unsettled(), TransferId(1));
}

TEST_F(StripedInboxTest, ARelayedModelGoesOnInChunksOrStripesFromWhatIsMissing) {
  for (const bool in_stripes : {false, true}) {
    inbox = Inbox(2);
    open(true);
    ASSERT_EQ(arrives(11, stripe(0)), false);
    ASSERT_EQ(arrives(12, stripe(2)), false);
    EXPECT_EQ(inbox.link_lost(LinkId(1)), (Inbox::Lost{TransferId(1), {LinkId(11), LinkId(12)}}));
    const auto answers = inbox.offered(LinkId(2), WorkerId(1), TransferId(1), {kPlan, total}, now);
    ASSERT_EQ(answers->grants.size(), 1u);
    EXPECT_EQ(answers->grants[0].sequence, 1u);  // chunks of 4096; the third has to come again
    const auto bytes = std::span<const std::byte>(model);
    EXPECT_EQ(
        arrives(2, in_stripes ? stripe(1) : wire::chunk_header(TransferId(1), 1, bytes.subspan(4096, 4096))),
        false);
    EXPECT_EQ(arrives(2, in_stripes ? stripe(2) : wire::chunk_header(TransferId(1), 2, bytes.subspan(8192))),
              true);
    EXPECT_THAT(*inbox.verified(TransferId(1)), ::testing::ElementsAreArray(model));
  }
}

TEST_F(StripedInboxTest, StripesOfARelayedModelAreItsChunks) {
  open(true);
  EXPECT_THAT(refused(11, stripe(0, 8192)), HasSubstr("not a chunk"));
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
  EXPECT_EQ(inbox.link_lost(LinkId(1)), (Inbox::Lost{TransferId(1), {}}));
  // The sender offers before this worker has heard that it will: it waits for the word.
  EXPECT_TRUE(inbox.offered(LinkId(2), WorkerId(1), TransferId(1), {kPlan, kModel}, now)->grants.empty());
  EXPECT_TRUE(inbox.reroute(TransferId(1)).empty()) << "no link to give up";
  const auto answers = inbox.consider_early();
  ASSERT_EQ(answers.grants.size(), 1u);
  EXPECT_EQ(answers.grants[0].link, LinkId(2));
  EXPECT_EQ(answers.grants[0].sequence, 1u);
  const wire::FrameHeader header = wire::chunk_header(TransferId(1), 1, std::span(bytes).subspan(12));
  const auto place = inbox.place(LinkId(2), WorkerId(1), header);
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
  EXPECT_EQ(inbox.reroute(TransferId(1)), std::vector{LinkId(1)});
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
