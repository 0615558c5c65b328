// One worker's core against a manager and peers that the tests play by hand, honest and otherwise.
#include "selmcast/worker/worker_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/worker/limits.h"

namespace selmcast::worker {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kToken = 77;
constexpr Bytes kModel(16);  // four parameters
const PlanVersion kFirst{1, 1};

template <class Action>
std::vector<Action> all(const WorkerActions& actions) {
  std::vector<Action> found;
  for (const WorkerAction& action : actions) {
    if (const auto* one = std::get_if<Action>(&action)) found.push_back(*one);
  }
  return found;
}

template <class Message>
std::vector<Message> said(const WorkerActions& actions) {
  std::vector<Message> found;
  for (const SendToManager& send : all<SendToManager>(actions)) {
    if (const auto* one = std::get_if<Message>(&send.message)) found.push_back(*one);
  }
  return found;
}

wire::FrameKind kind_of(const SendFrame& send) {
  return wire::decode_header(
             std::span<const std::byte, wire::kHeaderBytes>(send.frame.data(), wire::kHeaderBytes))
      ->kind;
}

std::vector<wire::FrameKind> frames(const WorkerActions& actions) {
  std::vector<wire::FrameKind> kinds;
  for (const SendFrame& send : all<SendFrame>(actions)) kinds.push_back(kind_of(send));
  return kinds;
}

std::string error_of(const WorkerActions& actions) {
  const auto over = all<Over>(actions);
  return over.size() == 1 ? over[0].error.message : "";
}

wire::Outgoing to(std::uint64_t transfer, std::uint32_t receiver) {
  return {TransferId(transfer), {WorkerId(receiver), "127.0.0.1", 9}, Rate::megabits_per_second(8)};
}
wire::Incoming from(std::uint64_t transfer, std::uint32_t sender) {
  return {TransferId(transfer), WorkerId(sender), kModel};
}

std::vector<std::byte> model_of(float value) {
  const std::vector<float> parameters(4, value);
  const auto bytes = std::as_bytes(std::span(parameters));
  return {bytes.begin(), bytes.end()};
}

// The worker under test is w0.
struct WorkerCoreTest : ::testing::Test {
  WorkerCore core = made();
  std::vector<float> parameters{1, 2, 3, 4};
  Instant now = Instant::at_seconds(1);

  static WorkerCore made(int buffers = 2) {
    wire::Hello hello;
    hello.name = "w0";
    hello.model.tensors = {{"all", {4}}};
    return {hello, std::make_unique<AverageMixer>(), buffers};
  }
  void SetUp() override { join(); }
  void join() {
    core.start(now);
    const wire::Welcome welcome{WorkerId(0),          1, kToken, 3, Duration::milliseconds(500),
                                Duration::seconds(10)};
    ASSERT_EQ(all<Joined>(core.from_manager(welcome, now)).size(), 1u);
  }

  WorkerActions ready() {
    auto actions = core.synchronize(parameters, now);
    EXPECT_TRUE(actions.has_value());
    return actions.value_or(WorkerActions{});
  }
  WorkerActions manager_says(const wire::ToWorker& message) { return core.from_manager(message, now); }
  WorkerActions plan(std::vector<wire::Outgoing> outgoing, std::vector<wire::Incoming> incoming,
                     PlanVersion version = kFirst, Round round = Round(0)) {
    return manager_says(wire::RoundPlan{version, round, std::move(outgoing), std::move(incoming), {}});
  }
  WorkerActions end(std::vector<TransferId> committed, PlanVersion version = kFirst, Round round = Round(0)) {
    return manager_says(wire::RoundEnd{version, round, std::move(committed), 3});
  }

  // A frame arrives on a link: header and body as encoded.
  Result<WorkerActions> arrives(LinkId link, const std::vector<std::byte>& frame) {
    const auto header =
        wire::decode_header(std::span<const std::byte, wire::kHeaderBytes>(frame.data(), wire::kHeaderBytes));
    return core.frame(link, *header, std::span(frame).subspan(wire::kHeaderBytes), now);
  }
  Result<WorkerActions> chunk_arrives(LinkId link, std::uint64_t transfer,
                                      const std::vector<std::byte>& bytes) {
    const wire::FrameHeader header = wire::chunk_header(TransferId(transfer), 0, bytes);
    const auto place = core.chunk_place(link, header);
    if (!place) return std::unexpected(place.error());
    std::ranges::copy(bytes, place->begin());
    core.chunk_bytes(link, now);
    return core.frame(link, header, bytes, now);
  }
  LinkId peer_dials(std::uint32_t sender) {
    const LinkId link = core.accepted(now);
    EXPECT_TRUE(arrives(link, wire::hello_frame({kToken, WorkerId(sender)})).has_value());
    return link;
  }
  Result<WorkerActions> offer(LinkId link, std::uint64_t transfer, PlanVersion version = kFirst) {
    return arrives(link, wire::offer_frame(TransferId(transfer), {version, kModel}));
  }
  // w0 is planned to send transfer 1 to w1, dials, and has sent its offer.
  LinkId offered_to_w1() {
    ready();
    const auto dials = all<Dial>(plan({to(1, 1)}, {}));
    EXPECT_EQ(dials.size(), 1u);
    EXPECT_THAT(frames(core.connected(dials.at(0).link)),
                ElementsAre(wire::FrameKind::hello, wire::FrameKind::offer));
    return dials.at(0).link;
  }
};

// ---- the manager's orders ----

TEST_F(WorkerCoreTest, ARoundMixesWhatTheManagerCommitted) {
  EXPECT_THAT(said<wire::Ready>(ready()), ElementsAre(wire::Ready{Round(0)}));
  plan({}, {from(1, 1), from(2, 2)});
  const LinkId one = peer_dials(1), two = peer_dials(2);
  EXPECT_THAT(frames(*offer(one, 1)), ElementsAre(wire::FrameKind::grant));
  EXPECT_THAT(frames(*offer(two, 2)), ElementsAre(wire::FrameKind::grant));
  const auto delivered = chunk_arrives(one, 1, model_of(3));
  EXPECT_THAT(frames(*delivered), ElementsAre(wire::FrameKind::ack));
  ASSERT_EQ(said<wire::Delivered>(*delivered).size(), 1u);
  ASSERT_TRUE(chunk_arrives(two, 2, model_of(100)).has_value());
  manager_says(wire::Commit{TransferId(1)});
  manager_says(wire::Cancel{TransferId(2), "too late"});  // verified here, but it does not count
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));       // untouched until the round ends
  const auto done = all<Synchronized>(end({TransferId(1)}));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_THAT(done[0].report.mixed_with, ElementsAre(WorkerId(1)));
  EXPECT_THAT(parameters, ElementsAre(2, 2.5, 3, 3.5));  // (1 + 3) / 2 ...
  EXPECT_EQ(core.buffers_in_use(), 0u);
}

TEST_F(WorkerCoreTest, APlanThatIsNotForThisRoundEndsTheSession) {
  struct Case {
    const char* what;
    wire::RoundPlan plan;
  };
  const wire::Outgoing good = to(1, 1);
  wire::Outgoing no_rate = good;
  no_rate.rate = Rate();
  wire::Incoming other_size = from(1, 1);
  other_size.bytes = Bytes(20);
  const Case cases[] = {
      {"another epoch", {{2, 1}, Round(0), {good}, {}, {}}},
      {"is for round 1", {kFirst, Round(1), {good}, {}, {}}},
      {"its own receiver", {kFirst, Round(0), {to(1, 0)}, {}, {}}},
      {"its own sender", {kFirst, Round(0), {}, {from(1, 0)}, {}}},
      {"a receiver twice", {kFirst, Round(0), {good, to(2, 1)}, {}, {}}},
      {"a sender twice", {kFirst, Round(0), {}, {from(1, 1), from(2, 1)}, {}}},
      {"a transfer twice", {kFirst, Round(0), {good, to(1, 2)}, {}, {}}},
      {"a transfer twice", {kFirst, Round(0), {good}, {from(1, 1)}, {}}},
      {"rate that is not positive", {kFirst, Round(0), {no_rate}, {}, {}}},
      {"another size", {kFirst, Round(0), {}, {other_size}, {}}},
  };
  for (const Case& c : cases) {
    core = made();
    join();
    ready();
    const auto actions = manager_says(c.plan);
    EXPECT_THAT(error_of(actions), HasSubstr(c.what));
    EXPECT_THAT(all<Dial>(actions), IsEmpty());
    EXPECT_EQ(said<wire::Goodbye>(actions).size(), 1u) << c.what;  // the manager is told
    EXPECT_TRUE(core.is_over());
  }
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(WorkerCoreTest, ObeysAPlanOnceAndOnlyWhenReady) {
  EXPECT_THAT(error_of(plan({to(1, 1)}, {})), HasSubstr("not ready"));
  core = made();
  join();
  ready();
  plan({}, {});
  EXPECT_THAT(error_of(plan({}, {})), HasSubstr("not newer"));  // the same again
  core = made();
  join();
  ready();
  plan({}, {});
  ASSERT_EQ(all<Synchronized>(end({})).size(), 1u);
  ready();
  EXPECT_THAT(error_of(plan({}, {}, kFirst, Round(1))),
              HasSubstr("not newer"));  // an old number for a new round
}

TEST_F(WorkerCoreTest, APlanOfASecondRoundNeedsItsOwnVersion) {
  ready();
  plan({}, {});
  end({});
  EXPECT_THAT(said<wire::Ready>(ready()), ElementsAre(wire::Ready{Round(1)}));
  plan({}, {}, {1, 2}, Round(1));
  EXPECT_EQ(all<Synchronized>(end({}, {1, 2}, Round(1))).size(), 1u);
}

TEST_F(WorkerCoreTest, ACommitOfWhatIsNotVerifiedEndsTheSessionAndMixesNothing) {
  ready();
  plan({}, {from(1, 1)});
  const LinkId link = peer_dials(1);
  offer(link, 1);
  EXPECT_THAT(error_of(manager_says(wire::Commit{TransferId(1)})), HasSubstr("not verified"));
  EXPECT_TRUE(core.is_over());
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(WorkerCoreTest, ACommitCountsOnce) {
  ready();
  plan({}, {from(1, 1)});
  const LinkId link = peer_dials(1);
  offer(link, 1);
  ASSERT_TRUE(chunk_arrives(link, 1, model_of(3)).has_value());
  EXPECT_THAT(manager_says(wire::Commit{TransferId(1)}), IsEmpty());
  EXPECT_THAT(error_of(manager_says(wire::Commit{TransferId(1)})), HasSubstr("not verified"));
}

TEST_F(WorkerCoreTest, ARoundEndThatDoesNotAddUpEndsTheSession) {
  const auto in_round = [&](std::vector<wire::Outgoing> outgoing, std::vector<wire::Incoming> incoming) {
    core = made();
    join();
    ready();
    plan(std::move(outgoing), std::move(incoming));
  };
  in_round({}, {});
  EXPECT_THAT(error_of(end({TransferId(1)})), HasSubstr("not those it committed"));
  in_round({}, {});
  EXPECT_THAT(error_of(end({}, {1, 2})), HasSubstr("not in"));
  in_round({}, {});
  EXPECT_THAT(error_of(end({}, kFirst, Round(3))), HasSubstr("not in"));
  // Neither committed nor cancelled: a buffer may still be written to, a receiver has surely not got it.
  in_round({}, {from(1, 1)});
  EXPECT_THAT(error_of(end({})), HasSubstr("not settled"));
  in_round({to(1, 1)}, {});
  EXPECT_THAT(error_of(end({})), HasSubstr("not settled"));
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

TEST_F(WorkerCoreTest, AnAbandonedRoundLeavesTheParametersBitForBit) {
  const std::vector<float> before{-0.0F, 1e-42F, 0.1F, 3e38F};
  parameters = before;
  ready();
  plan({}, {from(1, 1), from(2, 2)});
  const LinkId one = peer_dials(1);
  offer(one, 1);
  ASSERT_TRUE(chunk_arrives(one, 1, model_of(5)).has_value());
  manager_says(wire::Commit{TransferId(1)});  // mixed in, but the round never ends
  EXPECT_EQ(error_of(core.manager_lost({ErrorCode::unavailable, "connection reset"})),
            "lost the manager: connection reset");
  EXPECT_EQ(std::memcmp(parameters.data(), before.data(), sizeof(float) * 4), 0);
  EXPECT_EQ(core.buffers_in_use(), 0u);
  EXPECT_EQ(all<Over>(*core.synchronize(parameters, now)).size(), 1u);  // for good
}

TEST_F(WorkerCoreTest, ARejectionIsPassedOnWithItsReason) {
  ready();
  const auto over = all<Over>(manager_says(wire::Reject{"too slow"}));
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].error.code, ErrorCode::rejected);
  EXPECT_THAT(over[0].error.message, HasSubstr("too slow"));
}

TEST_F(WorkerCoreTest, OrdersThatMakeNoSenseEndTheSession) {
  EXPECT_THAT(error_of(manager_says(wire::Commit{TransferId(1)})), HasSubstr("without a plan"));
  core = made();
  join();
  EXPECT_THAT(error_of(manager_says(wire::Welcome{})), HasSubstr("second welcome"));
  core = made();
  core.start(now);
  EXPECT_THAT(error_of(plan({}, {})), HasSubstr("before the welcome"));
  core = made();
  join();
  EXPECT_THAT(manager_says(wire::Cancel{TransferId(8), "late"}), IsEmpty());  // of a round long past: no harm
}

// ---- the caller ----

TEST_F(WorkerCoreTest, SynchronizingAnotherSizeIsInvalidInputAndChangesNothing) {
  std::vector<float> short_one(3, 7.0F);
  const auto refused = core.synchronize(short_one, now);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(refused.error().message, ::testing::AllOf(HasSubstr("12 bytes"), HasSubstr("16")));
  EXPECT_THAT(short_one, Each(7.0F));
  EXPECT_EQ(core.synchronize(std::span<float>(), now).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(said<wire::Ready>(ready()).size(), 1u);                                     // the session goes on
  EXPECT_EQ(core.synchronize(parameters, now).error().code, ErrorCode::invalid_input);  // one at a time
  EXPECT_FALSE(core.is_over());
}

TEST_F(WorkerCoreTest, StartingAfterTheManagerWasLostIsAnsweredAtOnce) {
  core = made();
  EXPECT_EQ(error_of(core.manager_lost({ErrorCode::unavailable, "refused"})), "lost the manager: refused");
  const auto actions = core.start(now);
  EXPECT_EQ(error_of(actions), "lost the manager: refused");
  EXPECT_THAT(said<wire::Hello>(actions), IsEmpty());
}

TEST_F(WorkerCoreTest, LeavingSaysGoodbyeAndAnswersTheSynchronisationUnderWay) {
  ready();
  const auto actions = core.leave("enough");
  EXPECT_THAT(said<wire::Goodbye>(actions), ElementsAre(wire::Goodbye{"enough"}));
  ASSERT_EQ(all<Over>(actions).size(), 1u);
  EXPECT_EQ(all<Over>(actions)[0].error.code, ErrorCode::cancelled);
  EXPECT_THAT(core.leave("again"), IsEmpty());
}

// ---- waits ----

TEST_F(WorkerCoreTest, ASilentManagerEndsTheSession) {
  ready();
  now = Instant::at_seconds(10.9);  // last heard at 1 s, given up after 10
  EXPECT_EQ(said<wire::Heartbeat>(core.tick(now)).size(), 1u);
  EXPECT_FALSE(core.is_over());
  now = Instant::at_seconds(11);
  EXPECT_THAT(error_of(core.tick(now)), HasSubstr("manager has not been heard for 10"));
  EXPECT_EQ(core.deadline(), Instant::never());
}

TEST_F(WorkerCoreTest, AnyWordOfTheManagerIsASignOfLife) {
  now = Instant::at_seconds(10);
  manager_says(wire::Alive{});
  now = Instant::at_seconds(19.9);
  core.tick(now);
  EXPECT_FALSE(core.is_over());
}

TEST_F(WorkerCoreTest, BeatsItsHeartAsOftenAsItWasAsked) {
  EXPECT_EQ(core.deadline(), Instant::at_seconds(1.5));  // welcomed at 1 s, every 500 ms
  EXPECT_THAT(said<wire::Heartbeat>(core.tick(Instant::at_seconds(1.4))), IsEmpty());
  EXPECT_EQ(said<wire::Heartbeat>(core.tick(Instant::at_seconds(1.5))).size(), 1u);
  EXPECT_EQ(core.deadline(), Instant::at_seconds(2));
}

TEST_F(WorkerCoreTest, NoWelcomeEndsTheSession) {
  core = made();
  core.start(now);
  EXPECT_EQ(core.deadline(), now + kWelcomePatience);
  EXPECT_THAT(error_of(core.tick(core.deadline())), HasSubstr("no welcome"));
}

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
