#include "selmcast/worker/mixer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/worker/mass_book.h"
#include "selmcast/worker/staleness_mixer.h"

namespace selmcast::worker {
namespace {

using ::testing::ElementsAre;
using wire::TensorRole;
using Model = std::vector<float>;

MixLayout parameters(std::size_t count) { return {{{TensorRole::parameter, count}}}; }
MixHeader of_round(std::uint64_t round) { return {Round(round), 0}; }
MixHeader of_mass(double units) { return {Round(0), static_cast<std::uint64_t>(units * kMassUnit)}; }

constexpr MixingKind kKinds[] = {MixingKind::average, MixingKind::push_sum, MixingKind::staleness};

TEST(AnyMixer, LeavesEveryBitAloneIfNothingWasReceived) {
  for (const MixingKind kind : kKinds) {
    const auto mixer = make_mixer(kind, parameters(3));
    const Model before{-0.0F, std::numeric_limits<float>::denorm_min(), 0.1F};
    Model own = before;
    const std::vector<TransferId> transfers{TransferId(1), TransferId(2)};
    mixer->send(Round(0), transfers);
    mixer->take_back(TransferId(1));
    mixer->finish(own);
    for (std::size_t k = 0; k < own.size(); ++k)
      EXPECT_EQ(std::bit_cast<std::uint32_t>(own[k]), std::bit_cast<std::uint32_t>(before[k]));
  }
}

TEST(AnyMixer, FoldsAtAnyTimeAndForgetsAtFinish) {
  for (const MixingKind kind : kKinds) {
    const auto mixer = make_mixer(kind, parameters(1));
    mixer->fold(Round(0), of_mass(1), Model{3});  // before the own multicast starts
    mixer->send(Round(0), {});
    mixer->fold(Round(0), of_mass(1), Model{8});  // while it runs
    Model own{1};
    mixer->finish(own);
    EXPECT_THAT(own, ElementsAre(4)) << to_string(kind);  // (1 + 3 + 8) / 3, mass 1 each
    mixer->send(Round(1), {});
    mixer->finish(own);
    EXPECT_THAT(own, ElementsAre(4)) << to_string(kind);
  }
}

TEST(AnyMixer, BuffersAreMixedCountersTakeTheGreatestAndFrozenStay) {
  for (const MixingKind kind : kKinds) {
    const auto mixer = make_mixer(kind, {{{TensorRole::parameter, 1},
                                          {TensorRole::frozen, 1},
                                          {TensorRole::buffer, 1},
                                          {TensorRole::counter, 2}}});
    mixer->fold(Round(0), of_mass(1), Model{3, 77, 5, 9, -4});
    mixer->fold(Round(0), of_mass(1), Model{5, 78, 6, 8, -5});
    Model own{1, 10, 1, 7, -6};
    mixer->finish(own);
    EXPECT_THAT(own, ElementsAre(3, 10, 4, 9, -4)) << to_string(kind);  // (1 + 3 + 5) / 3, (1 + 5 + 6) / 3
  }
}

// Overlap: the model was sent as y, and the worker has trained on to x since.
TEST(AnyMixer, ProgressSinceSendingIsKeptWhole) {
  for (const MixingKind kind : kKinds) {
    const auto mixer = make_mixer(kind, {{{TensorRole::parameter, 1}, {TensorRole::counter, 1}}});
    mixer->send(Round(0), {});
    mixer->fold(Round(0), of_mass(1), Model{7, 3});
    const Model y{1, 4};
    Model x{1.5F, 5};
    mixer->finish_onto(x, y);
    EXPECT_THAT(x, ElementsAre(4.5F, 5)) << to_string(kind);  // 1.5 + ((1 + 7) / 2 - 1); max(5, 3)
  }
}

TEST(AverageMixer, IsTheMeanOfTheOwnAndAllReceivedModels) {
  const auto mixer = make_mixer(MixingKind::average, parameters(2));
  mixer->fold(Round(0), of_round(5), Model{3, 10});
  mixer->fold(Round(0), of_round(0), Model{8, -7});
  Model own{1, 3};
  mixer->finish(own);
  EXPECT_THAT(own, ElementsAre(4, 2));  // (1 + 3 + 8) / 3, (3 + 10 - 7) / 3
}

TEST(StalenessMixer, WeighsByRoundsBehind) {
  EXPECT_EQ(staleness_weight(Round(4), Round(1)), 0.25F);  // 1 / (1 + 3)
  EXPECT_EQ(staleness_weight(Round(4), Round(4)), 1);
  EXPECT_EQ(staleness_weight(Round(4), Round(9)), 1);  // ahead
  const auto mixer = make_mixer(MixingKind::staleness, parameters(1));
  mixer->fold(Round(4), of_round(1), Model{9});
  mixer->fold(Round(4), of_round(3), Model{3});
  Model own{2};
  mixer->finish(own);
  EXPECT_THAT(own, ElementsAre(testing::FloatEq(5.75F / 1.75F)));  // (2 + 9 / 4 + 3 / 2) / (1 + 1/4 + 1/2)
}

TEST(PushSumMixer, WeighsByMassAndKeepsItsShareInTheOffer) {
  const auto mixer = make_mixer(MixingKind::push_sum, parameters(1));
  const std::vector<TransferId> three{TransferId(1), TransferId(2), TransferId(3)};
  const MixHeader header = mixer->send(Round(6), three);
  EXPECT_EQ(header.round, Round(6));
  EXPECT_EQ(header.weight, kMassUnit / 4);  // three receivers and itself
  mixer->take_back(TransferId(2));          // was dropped: half is kept
  EXPECT_EQ(mixer->own_weight(), 0.5);
  mixer->fold(Round(6), of_mass(0.25), Model{9});
  Model own{3};
  mixer->finish(own);
  EXPECT_THAT(own, ElementsAre(5));  // (0.5 * 3 + 0.25 * 9) / 0.75
  EXPECT_EQ(mixer->own_weight(), 0.75);
}

// The reason for push_sum: w0 sends to all, the others in a ring only. Its model enters more averages.
double consensus_of(MixingKind kind, std::uint64_t seed) {
  constexpr std::size_t kWorkers = 6;
  std::vector<std::unique_ptr<Mixer>> mixers;
  std::vector<Model> models;
  Rng rng(seed);
  for (std::size_t k = 0; k < kWorkers; ++k) {
    mixers.push_back(make_mixer(kind, parameters(1)));
    models.push_back({k == 0 ? 6.0F : 0.0F});  // mean 1
  }
  std::uint64_t made = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    for (std::size_t k = 0; k < kWorkers; ++k) {
      const std::size_t count = k == 0 ? kWorkers - 1 : 1;
      std::vector<TransferId> ids;
      for (std::size_t j = 0; j < count; ++j) ids.push_back(TransferId(made++));
      const MixHeader header = mixers[k]->send(Round(round), ids);
      for (std::size_t j = 0; j < count; ++j) {
        if (rng.below(4) == 0) {  // a quarter is dropped
          mixers[k]->take_back(ids[j]);
        } else {
          mixers[(k + 1 + j) % kWorkers]->fold(Round(round), header, models[k]);
        }
      }
    }
    for (std::size_t k = 0; k < kWorkers; ++k) mixers[k]->finish(models[k]);
  }
  for (const Model& model : models) EXPECT_NEAR(model[0], models[0][0], 1e-3) << "no consensus";
  return static_cast<double>(models[0][0]);
}

TEST(PushSumMixer, FindsTheTrueMeanWhereAveragingIsBiased) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_NEAR(consensus_of(MixingKind::push_sum, seed), 1, 1e-3) << "seed " << seed;
    EXPECT_GT(consensus_of(MixingKind::average, seed), 1.3) << "seed " << seed;
  }
}

TEST(Mixing, IsNamedAndUnknownNamesGetTheList) {
  for (const MixingKind kind : kKinds) EXPECT_EQ(wire::parse_mixing(to_string(kind)), kind);
  const auto none = wire::parse_mixing("shaken");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().message,
            "there is no mixing \"shaken\"; choose one of average, push_sum, staleness");
}

TEST(MixLayout, JoinsNeighboursOfOneRole) {
  wire::ModelManifest manifest{{{"w", {2, 3}}, {"b", {3}}, {"n", {1}, TensorRole::counter}, {"v", {4}}}};
  const MixLayout layout = layout_of(manifest);
  ASSERT_EQ(layout.runs.size(), 3U);
  EXPECT_EQ(layout.runs[0].count, 9U);
  EXPECT_EQ(layout.runs[1].role, TensorRole::counter);
  EXPECT_EQ(layout.size(), 14U);
}

}  // namespace
}  // namespace selmcast::worker
