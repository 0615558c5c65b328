// What WorkerCore sends and mixes where the payload rounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "selmcast/worker/mass_book.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;

// int8: a scale and four values, then the running mean as it is.
constexpr Bytes kPayload(4 + 4 + 4);

struct PayloadCoreTest : WorkerCoreTest {
  void SetUp() override { use(); }
  void use(MixingKind mixing = MixingKind::average, bool online = false, bool overlap = false) {
    wire::Hello hello;
    hello.name = "w0";
    hello.model.tensors = {{"weight", {4}}, {"mean", {1}, TensorRole::buffer}};
    hello.model.mixing = mixing;
    hello.model.payload = payload::Format::int8;
    core = WorkerCore(hello, 2);
    parameters = {127, -1, 0, 64, 1e-9F};
    join(online, overlap);
  }
  static std::vector<std::byte> payload_of(const std::vector<float>& model) {
    const payload::ModelCodec codec(payload::Format::int8, {{4, true}, {1, false}});
    std::vector<std::byte> bytes(codec.bytes());
    codec.encode(model, bytes);
    return bytes;
  }
  static wire::Incoming incoming(std::uint64_t transfer, std::uint32_t sender) {
    return {TransferId(transfer), WorkerId(sender), kPayload};
  }
  // The bytes of the stream that begins when w1 grants transfer 1 on the link.
  std::vector<std::byte> streamed_on(LinkId link) {
    const auto actions = arrives(link, wire::grant_frame(TransferId(1)));
    const auto streams = all<StartStream>(actions.value_or(WorkerActions{}));
    if (streams.size() != 1) return {};
    return {streams[0].payload.begin(), streams[0].payload.end()};
  }
  Result<WorkerActions> offered(LinkId link, Bytes total, const wire::MixHeader& mix = {}) {
    return arrives(link, wire::offer_frame(TransferId(1), {kFirst, total, mix}));
  }
};

TEST_F(PayloadCoreTest, WhatIsSentIsEncodedAndTheOwnModelStaysAsItIs) {
  parameters[1] = -1.25F;  // between two steps
  const std::vector<float> before = parameters;
  const LinkId link = offered_to_w1();
  EXPECT_EQ(streamed_on(link), payload_of(before));
  core.stream_sent(link, TransferId(1));
  ASSERT_TRUE(arrives(link, wire::ack_frame(TransferId(1))).has_value());
  EXPECT_EQ(all<Synchronized>(end({})).size(), 1u);
  EXPECT_EQ(parameters, before);
}

TEST_F(PayloadCoreTest, TheOfferAndThePlanSpeakOfEncodedBytes) {
  ready();
  const auto dials = all<Dial>(plan({to(1, 1)}, {incoming(2, 2)}));
  ASSERT_EQ(dials.size(), 1u);
  for (const SendFrame& sent : all<SendFrame>(core.connected(dials[0].link))) {
    if (kind_of(sent) != wire::FrameKind::offer) continue;
    const auto offer = wire::decode_offer(std::span(sent.frame).subspan(wire::kHeaderBytes));
    ASSERT_TRUE(offer.has_value());
    EXPECT_EQ(offer->total, kPayload);
  }
}

TEST_F(PayloadCoreTest, APlanWithAnotherSizeIsRefused) {
  ready();
  EXPECT_THAT(error_of(plan({}, {{TransferId(1), WorkerId(1), Bytes(20)}})),
              ::testing::HasSubstr("announces a model of another size"));
}

// (own + received) / 2, of what the bytes decode to: whole steps of 127 / 127 = 1.
TEST_F(PayloadCoreTest, WhatComesIsDecodedAndMixed) {
  ready();
  plan({}, {incoming(1, 1)});
  const LinkId link = peer_dials(1);
  ASSERT_TRUE(offered(link, kPayload).has_value());
  const auto verified = chunk_arrives(link, 1, payload_of({1, 127, -4, 0, 3}));
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(said<wire::Delivered>(*verified).at(0).bytes, kPayload);
  manager_says(wire::Commit{TransferId(1)});
  EXPECT_EQ(all<Synchronized>(end({TransferId(1)})).size(), 1u);
  EXPECT_THAT(parameters, ElementsAre(64, 63, -2, 32, (1e-9F + 3) / 2));
}

// Weights travel beside the payload, in whole quanta: nothing of the account is rounded.
TEST_F(PayloadCoreTest, MassIsExactWhateverThePayload) {
  use(MixingKind::push_sum);
  ready();
  plan({to(2, 2)}, {incoming(1, 1)});
  const LinkId link = peer_dials(1);
  ASSERT_TRUE(offered(link, kPayload, {Round(0), kMassUnit / 3}).has_value());
  ASSERT_TRUE(chunk_arrives(link, 1, payload_of({1, 127, -4, 0, 3})).has_value());
  manager_says(wire::Commit{TransferId(1)});
  manager_says(wire::Cancel{TransferId(2), "failed"});
  const auto done = all<Synchronized>(end({TransferId(1)}));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].report.own_weight,
            static_cast<double>(kMassUnit + kMassUnit / 3) / static_cast<double>(kMassUnit));
}

// The next call's parameters do not change what is still being read.
TEST_F(PayloadCoreTest, WithOverlapTheSnapshotIsSentAndTheChangeIsOfTheExactOne) {
  use(MixingKind::average, true, true);
  ready();
  const wire::PlanUpdate update{kFirst, Round(0), {to(1, 1)}, {incoming(2, 2)}, {}, {}};
  const auto dials = all<Dial>(manager_says(update));
  ASSERT_EQ(dials.size(), 1u);
  core.connected(dials[0].link);
  EXPECT_EQ(all<Synchronized>(manager_says(wire::GoOn{Round(0), 3})).size(), 1u);
  const std::vector<float> sent = parameters;
  for (float& value : parameters) value += 10;
  EXPECT_EQ(streamed_on(dials[0].link), payload_of(sent));
  // From w2: x + (sent + received) / 2 - sent = x + (received - sent) / 2.
  const LinkId link = peer_dials(2);
  ASSERT_TRUE(arrives(link, wire::offer_frame(TransferId(2), {kFirst, kPayload, {}})).has_value());
  ASSERT_TRUE(chunk_arrives(link, 2, payload_of({127, -3, 4, 64, 2})).has_value());
  manager_says(wire::Commit{TransferId(2)});
  core.stream_sent(dials[0].link, TransferId(1));
  ASSERT_TRUE(core.drain(parameters, now).has_value());
  EXPECT_EQ(all<Synchronized>(manager_says(wire::MulticastOver{Round(0), {TransferId(1)}})).size(), 1u);
  EXPECT_THAT(parameters, ElementsAre(137, 8, 12, 74, 11));  // 137 + 0, 9 - 1, 10 + 2, 74 + 0, 10 + 1
}

}  // namespace
}  // namespace selmcast::worker
