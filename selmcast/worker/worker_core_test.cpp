// One worker's core against a manager and peers that the tests play by hand, honest and otherwise.
#include "selmcast/worker/worker_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "selmcast/worker/limits.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
  EXPECT_THAT(refused.error().message, ::testing::AllOf(HasSubstr("got 3 parameters"), HasSubstr("has 4")));
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

TEST_F(WorkerCoreTest, APlanOfAManagerThatWasMadeAgainIsObeyedAndOneOfTheDeadManagerNotAfterIt) {
  ready();
  manager_says(wire::Resumed{2});
  EXPECT_EQ(all<Dial>(plan({to(1, 1)}, {}, {2, 1})).size(), 1u);
  manager_says(wire::Cancel{TransferId(1), "gone"});
  end({}, {2, 1});
  ready();
  EXPECT_THAT(error_of(plan({}, {}, {1, 9}, Round(1))), HasSubstr("not newer"));
}

TEST_F(WorkerCoreTest, NoWelcomeEndsTheSession) {
  core = made();
  core.start(now);
  EXPECT_EQ(core.deadline(), now + kWelcomePatience);
  EXPECT_THAT(error_of(core.tick(core.deadline())), HasSubstr("no welcome"));
}

}  // namespace
}  // namespace selmcast::worker
