// A worker that comes while the training runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "selmcast/worker/push_sum_mixer.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Comer : WorkerCoreTest {
  void SetUp() override { comes(false); }
  void comes(bool online) {
    core.start(now);
    wire::Welcome welcome{WorkerId(0),           1,     kToken, 4, Duration::milliseconds(500),
                          Duration::seconds(10), online};
    welcome.catch_up = true;
    const auto joined = all<Joined>(core.from_manager(welcome, now));
    ASSERT_EQ(joined.size(), 1u);
    EXPECT_TRUE(joined[0].late);
    parameters.assign(4, std::numeric_limits<float>::quiet_NaN());  // whatever was there
  }
  WorkerActions catch_up() { return core.catch_up(parameters, now).value_or(WorkerActions{}); }
  void model_arrives(std::uint64_t transfer, std::uint32_t sender, float value, PlanVersion version = kFirst,
                     std::uint64_t mass = 0) {
    const LinkId link = peer_dials(sender);
    ASSERT_TRUE(offer(link, transfer, version, {Round(6), mass}).has_value());
    ASSERT_TRUE(chunk_arrives(link, transfer, model_of(value)).has_value());
    manager_says(wire::Commit{TransferId(transfer)});
  }
};

TEST_F(Comer, GetsTheMeanOfOthersModelsAndTheRoundThatIsComputed) {
  EXPECT_THAT(said<wire::CatchUp>(catch_up()), SizeIs(1));
  plan({}, {from(1, 1), from(2, 2)}, kFirst, Round(6));
  model_arrives(1, 1, 2);
  model_arrives(2, 2, 5);
  EXPECT_THAT(all<Synchronized>(end({TransferId(1), TransferId(2)}, kFirst, Round(6))), IsEmpty());
  const auto done = all<Synchronized>(manager_says(wire::CaughtUp{Round(7), 4}));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_EQ(done[0].report.next, Round(7));
  EXPECT_THAT(done[0].report.mixed_with, ElementsAre(WorkerId(1), WorkerId(2)));
  EXPECT_THAT(parameters, Each(3.5F));
  EXPECT_THAT(said<wire::Ready>(ready()), ElementsAre(wire::Ready{Round(7)}));
  EXPECT_EQ(core.buffers_in_use(), 0u);
}

TEST_F(Comer, WaitsForAnotherRoundIfNothingCame) {
  catch_up();
  plan({}, {from(1, 1)}, kFirst, Round(6));
  manager_says(wire::Cancel{TransferId(1), "w1 left"});
  EXPECT_THAT(error_of(end({}, kFirst, Round(6))), IsEmpty());
  plan({}, {from(2, 2)}, {1, 2}, Round(7));
  model_arrives(2, 2, 5, {1, 2});
  end({TransferId(2)}, {1, 2}, Round(7));
  EXPECT_THAT(all<Synchronized>(manager_says(wire::CaughtUp{Round(8), 4})), SizeIs(1));
  EXPECT_THAT(parameters, Each(5.0F));
}

TEST_F(Comer, SendsNothingBeforeItHasCaughtUp) {
  const auto refused = core.synchronize(parameters, now);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("call catch_up() first"));
  catch_up();
  EXPECT_THAT(error_of(plan({to(1, 1)}, {}, kFirst, Round(6))),
              HasSubstr("makes a worker send that has not caught up"));
}

TEST_F(Comer, IsNotCalledCaughtUpWithNothing) {
  catch_up();
  EXPECT_THAT(error_of(manager_says(wire::CaughtUp{Round(7), 4})), HasSubstr("caught up, which it is not"));
}

struct OnlineComer : Comer {
  void SetUp() override { comes(true); }
};

TEST_F(OnlineComer, FoldsWhatComesUntilItIsEnough) {
  catch_up();
  manager_says(wire::PlanUpdate{kFirst, Round(0), {}, {from(1, 1)}, {}, {}});
  model_arrives(1, 1, 4);
  EXPECT_THAT(all<Synchronized>(manager_says(wire::CaughtUp{Round(3), 4})), SizeIs(1));
  EXPECT_THAT(parameters, Each(4.0F));
  EXPECT_THAT(said<wire::Ready>(ready()), ElementsAre(wire::Ready{Round(3)}));
}

TEST_F(WorkerCoreTest, WhoWasThereFromTheStartHasNothingToCatchUp) {
  const auto actions = core.catch_up(parameters, now);
  ASSERT_TRUE(actions.has_value());
  EXPECT_THAT(all<Synchronized>(*actions), SizeIs(1));
  EXPECT_THAT(parameters, ElementsAre(1, 2, 3, 4));
}

// A process of the same name came back at another port: the old link is not used.
TEST_F(WorkerCoreTest, AReceiverThatCameBackElsewhereIsDialledThere) {
  const LinkId link = offered_to_w1();
  manager_says(wire::Cancel{TransferId(1), "w1 left"});
  end({});
  ready();
  wire::Outgoing elsewhere = to(2, 1);
  elsewhere.receiver.port = 10;
  const auto dials = all<Dial>(plan({elsewhere}, {}, {1, 2}, Round(1)));
  ASSERT_THAT(dials, SizeIs(1));
  EXPECT_EQ(dials[0].peer.port, 10);
  EXPECT_NE(dials[0].link, link);
}

MixHeader mass(std::uint64_t quanta) { return {Round(0), quanta}; }

// Shares of 1/2 and 1/4: (2 * 1/2 + 8 * 1/4) / (3/4) = 4, and it holds 3/4 from then on. No mass of its own.
TEST(StartingEmpty, PushSumLivesOnWhatCameWithTheModels) {
  PushSumMixer mixer({{{wire::TensorRole::parameter, 1}}});
  mixer.start_empty();
  EXPECT_EQ(mixer.book().held(), 0u);
  mixer.fold(Round(0), mass(kMassUnit / 2), std::vector<float>{2});
  mixer.fold(Round(0), mass(kMassUnit / 4), std::vector<float>{8});
  std::vector<float> own{std::numeric_limits<float>::quiet_NaN()};
  mixer.finish(own);
  EXPECT_THAT(own, ElementsAre(4));
  EXPECT_EQ(mixer.book().held(), kMassUnit / 4 * 3);
}

TEST(StartingEmpty, FrozenTensorsComeToo) {
  for (const MixingKind kind : {MixingKind::average, MixingKind::push_sum, MixingKind::staleness}) {
    using enum wire::TensorRole;
    const auto mixer = make_mixer(kind, {{{parameter, 1}, {frozen, 1}, {counter, 1}}});
    mixer->start_empty();
    std::vector<float> own{9, 9, 9};
    mixer->finish(own);  // nothing came yet
    EXPECT_THAT(own, ElementsAre(9, 9, 9));
    mixer->fold(Round(0), mass(0),
                std::vector<float>{1, 7, 3});  // a share of nothing weighs as much as the other
    mixer->fold(Round(0), mass(0), std::vector<float>{2, 7, 4});
    mixer->finish(own);
    EXPECT_THAT(own, ElementsAre(1.5F, 7, 4)) << to_string(kind);
    mixer->fold(Round(1), mass(kMassUnit), std::vector<float>{2, 8, 5});
    mixer->finish(own);
    EXPECT_THAT(own[1], 7) << "frozen, once it is there";
  }
}

}  // namespace
}  // namespace selmcast::worker
