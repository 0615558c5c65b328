// What WorkerCore tells its mixer and its peers about weights and rounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "selmcast/worker/mass_book.h"
#include "selmcast/worker/worker_core_testing.h"

namespace selmcast::worker {
namespace {

using ::testing::FloatEq;
using ::testing::Pointwise;

struct MixingCoreTest : WorkerCoreTest {
  void use(MixingKind kind) {
    core = made(2, kind);
    join();
  }
  // What this worker offers on a link that has come up.
  wire::OfferBody offered_on(LinkId link) {
    for (const SendFrame& sent : all<SendFrame>(core.connected(link))) {
      if (kind_of(sent) == wire::FrameKind::offer)
        return wire::decode_offer(std::span(sent.frame).subspan(wire::kHeaderBytes))
            .value_or(wire::OfferBody{});
    }
    ADD_FAILURE() << "no offer";
    return {};
  }
};

TEST_F(MixingCoreTest, AnOfferCarriesTheRoundAndTheReceiversShareOfTheMass) {
  use(MixingKind::push_sum);
  ready();
  const auto dials = all<Dial>(plan({to(1, 1), to(2, 2)}, {}));
  ASSERT_EQ(dials.size(), 2u);
  for (const Dial& dial : dials)
    EXPECT_EQ(offered_on(dial.link).mix,
              (wire::MixHeader{Round(0), kMassUnit / 3}));  // two receivers and itself
}

TEST_F(MixingCoreTest, AveragingSendsNoWeight) {
  ready();
  const auto dials = all<Dial>(plan({to(1, 1)}, {}));
  ASSERT_EQ(dials.size(), 1u);
  EXPECT_EQ(offered_on(dials[0].link).mix, (wire::MixHeader{Round(0), 0}));
}

TEST_F(MixingCoreTest, ACancelledShareComesBackOnceWhateverWentWrongFirst) {
  use(MixingKind::push_sum);
  ready();
  const auto dials = all<Dial>(plan({to(1, 1), to(2, 2)}, {}));
  ASSERT_EQ(dials.size(), 2u);
  core.closed(dials[0].link, {ErrorCode::unavailable, "gone"},
              now);  // the sender says so; the manager decides
  EXPECT_NEAR(core.mixer().own_weight(), 1.0 / 3, 1e-11);
  manager_says(wire::Cancel{TransferId(1), "failed"});
  EXPECT_NEAR(core.mixer().own_weight(), 2.0 / 3, 1e-11);
  manager_says(wire::Cancel{TransferId(1), "failed"});
  EXPECT_NEAR(core.mixer().own_weight(), 2.0 / 3, 1e-11);
}

TEST_F(MixingCoreTest, PushSumWeighsAModelByTheMassInItsOffer) {
  use(MixingKind::push_sum);
  ready();
  plan({}, {from(1, 1)});
  const LinkId link = peer_dials(1);
  ASSERT_TRUE(offer(link, 1, kFirst, {Round(0), kMassUnit / 4}).has_value());
  ASSERT_TRUE(chunk_arrives(link, 1, model_of(11)).has_value());
  manager_says(wire::Commit{TransferId(1)});
  const auto done = all<Synchronized>(end({TransferId(1)}));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_THAT(parameters, Pointwise(FloatEq(), {3.0F, 3.8F, 4.6F, 5.4F}));  // (1 * own + 11 / 4) / 1.25
  EXPECT_EQ(done[0].report.own_weight, 1.25);
}

TEST_F(MixingCoreTest, StalenessWeighsAModelByTheRoundInItsOffer) {
  use(MixingKind::staleness);
  for (std::uint64_t round = 0; round < 3; ++round) {  // so that this worker is in round 3
    ready();
    plan({}, {}, {1, round + 1}, Round(round));
    end({}, {1, round + 1}, Round(round));
  }
  ready();
  plan({}, {from(1, 1)}, {1, 4}, Round(3));
  const LinkId link = peer_dials(1);
  ASSERT_TRUE(offer(link, 1, {1, 4}, {Round(0), 0}).has_value());
  ASSERT_TRUE(chunk_arrives(link, 1, model_of(6)).has_value());
  manager_says(wire::Commit{TransferId(1)});
  end({TransferId(1)}, {1, 4}, Round(3));
  EXPECT_THAT(
      parameters,
      Pointwise(FloatEq(), {2.0F, 2.8F, 3.6F, 4.4F}));  // (own + 6 / 4) / 1.25: three rounds behind weigh 1/4
}

// Without rounds in common: what arrives while the worker computes, a receiver that is dropped, and the account.
TEST_F(MixingCoreTest, OnlineAModelThatArrivesEarlyIsMixedAtGoOnAndADroppedShareIsKept) {
  core = made(2, MixingKind::push_sum);
  join(true);
  manager_says(wire::PlanUpdate{{1, 1}, Round(0), {}, {from(1, 1)}, {}, {}});
  const LinkId link = peer_dials(1);
  ASSERT_TRUE(offer(link, 1, {1, 1}, {Round(0), kMassUnit / 2}).has_value());
  ASSERT_TRUE(chunk_arrives(link, 1, model_of(8)).has_value());
  manager_says(wire::Commit{TransferId(1)});  // while it computes
  ready();
  const auto dials =
      all<Dial>(manager_says(wire::PlanUpdate{{1, 2}, Round(0), {to(2, 1), to(3, 2), to(4, 3)}, {}, {}, {}}));
  ASSERT_EQ(dials.size(), 3u);
  EXPECT_EQ(offered_on(dials[0].link).mix,
            (wire::MixHeader{Round(0), kMassUnit / 4}));  // of its own unit alone
  manager_says(wire::Cancel{TransferId(3), "dropped"});
  const auto done =
      all<Synchronized>((manager_says(wire::MulticastOver{Round(0), {TransferId(2), TransferId(4)}}),
                         manager_says(wire::GoOn{Round(0), 4})));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].report.own_weight, 1.0);  // a quarter kept, a quarter back, half arrived
  EXPECT_THAT(parameters, Pointwise(FloatEq(), {4.5F, 5.0F, 5.5F, 6.0F}));  // (own + 8) / 2
}

}  // namespace
}  // namespace selmcast::worker
