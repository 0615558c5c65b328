#include "selmcast/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/train/toy_data.h"

namespace selmcast::train {
namespace {

std::vector<float> copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

Trainer make_trainer(const TrainerOptions& options) {
  auto trainer = Trainer::create(toy_dataset(64, 1), options);
  EXPECT_TRUE(trainer.has_value());
  return std::move(*trainer);
}

class EachModel : public ::testing::TestWithParam<ModelKind> {};
INSTANTIATE_TEST_SUITE_P(Model, EachModel, ::testing::Values(ModelKind::mlp, ModelKind::cnn),
                         [](const auto& param) { return std::string(to_string(param.param)); });

TEST_P(EachModel, HasAboutAMegabyte) {
  const auto model = Model::create(GetParam(), 1);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  // mlp: 784 x 320 + 320 + 320 x 64 + 64 + 64 x 10 + 10 = 272,394
  // cnn: 25 x 16 + 16 + 16 x 9 x 32 + 32 + 1568 x 160 + 160 + 160 x 10 + 10 = 257,706
  const std::size_t expected = GetParam() == ModelKind::mlp ? 272394 : 257706;
  EXPECT_EQ((*model)->parameters().size(), expected);
  EXPECT_EQ((*model)->size(), Bytes(static_cast<std::int64_t>(4 * expected)));
  EXPECT_GE((*model)->size(), Bytes(1'000'000));
  EXPECT_LE((*model)->size(), Bytes(1'200'000));
}

TEST_P(EachModel, ManifestCoversTheBufferExactly) {
  const auto model = Model::create(GetParam(), 1);
  ASSERT_TRUE(model.has_value());
  std::int64_t elements = 0;
  for (const TensorShape& tensor : (*model)->manifest()) {
    std::int64_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= extent;
    elements += count;
  }
  EXPECT_EQ(elements, static_cast<std::int64_t>((*model)->parameters().size()));
}

TEST_P(EachModel, LearnsATinySet) {
  auto trainer = make_trainer({.model = GetParam(), .batch = 16, .sgd = {.learning_rate = 0.02}});
  const Dataset unseen = toy_dataset(40, 2);
  const auto before = trainer.model().score(unseen.all());
  const auto loss = trainer.train_steps(20);
  const auto after = trainer.model().score(unseen.all());
  ASSERT_TRUE(before && loss && after);
  EXPECT_LT(after->loss, before->loss);
  EXPECT_GT(after->accuracy, 0.9);
}

// With all parameters zero every class is equally likely: the loss is ln 10 = 2.302585.
TEST_P(EachModel, ParametersAreViewsIntoTheSpan) {
  const auto model = Model::create(GetParam(), 1);
  ASSERT_TRUE(model.has_value());
  const Dataset data = toy_dataset(10, 1);
  std::ranges::fill((*model)->parameters(), 0.0F);
  auto score = (*model)->score(data.all());
  ASSERT_TRUE(score.has_value());
  EXPECT_NEAR(score->loss, 2.302585, 1e-5);
  // The last ten parameters are the bias of the classes: class 0 for everybody, and half of them are of class
  // 0.
  (*model)->parameters()[(*model)->parameters().size() - 10] = 100;
  score = (*model)->score(data.all());
  ASSERT_TRUE(score.has_value());
  EXPECT_EQ(score->accuracy, 0.5);
  EXPECT_NEAR(score->loss, 50, 1e-4);  // (0 + 100) / 2
}

// From all zero, only the bias of the classes has a gradient: p - y with p = 0.1, averaged over a batch of
// half class 0, half class 1: 0.1 - 0.5 for these two, 0.1 for the other eight. Learning rate 0.5, one step
// without momentum.
TEST_P(EachModel, OneStepFollowsTheGradient) {
  const auto model = Model::create(GetParam(), 1);
  ASSERT_TRUE(model.has_value());
  const Dataset data = toy_dataset(10, 1);
  const std::span<float> parameters = (*model)->parameters();
  std::ranges::fill(parameters, 0.0F);
  ASSERT_TRUE((*model)->step(data.all(), {.learning_rate = 0.5, .momentum = 0}).has_value());
  const auto bias = parameters.last(10);
  EXPECT_NEAR(bias[0], 0.2, 1e-5);
  EXPECT_NEAR(bias[1], 0.2, 1e-5);
  for (const float other : bias.subspan(2)) EXPECT_NEAR(other, -0.05, 1e-5);
  EXPECT_TRUE(std::ranges::all_of(parameters.first(1000), [](float value) { return value == 0; }));
}

TEST(Trainer, StartsEveryWorkerFromTheSameParameters) {
  auto one = make_trainer({.batch = 8, .seed = 3, .rank = 0});
  auto two = make_trainer({.batch = 8, .seed = 3, .rank = 1});
  auto other_seed = make_trainer({.batch = 8, .seed = 4, .rank = 0});
  EXPECT_EQ(copy_of(one.parameters()), copy_of(two.parameters()));
  EXPECT_NE(copy_of(one.parameters()), copy_of(other_seed.parameters()));
}

TEST(Trainer, GivesEveryWorkerItsOwnOrder) {
  auto one = make_trainer({.batch = 8, .rank = 0});
  auto again = make_trainer({.batch = 8, .rank = 0});
  auto two = make_trainer({.batch = 8, .rank = 1});
  for (Trainer* trainer : {&one, &again, &two}) ASSERT_TRUE(trainer->train_steps(2).has_value());
  EXPECT_EQ(copy_of(one.parameters()), copy_of(again.parameters()));
  EXPECT_NE(copy_of(one.parameters()), copy_of(two.parameters()));
}

TEST(Trainer, SaysWhenTrainingDiverges) {
  auto trainer = make_trainer({.batch = 8, .sgd = {.learning_rate = 1e30}});
  const auto loss = trainer.train_steps(50);
  ASSERT_FALSE(loss.has_value());
  EXPECT_THAT(loss.error().message, ::testing::HasSubstr("--learning-rate"));
}

TEST(Trainer, RefusesOptionsThatCannotTrain) {
  for (const TrainerOptions& options :
       {TrainerOptions{.batch = 0}, TrainerOptions{.batch = 65}, TrainerOptions{.sgd = {.learning_rate = 0}},
        TrainerOptions{.sgd = {.momentum = 1}}}) {
    const auto trainer = Trainer::create(toy_dataset(64, 1), options);
    ASSERT_FALSE(trainer.has_value());
    EXPECT_EQ(trainer.error().code, ErrorCode::invalid_input);
  }
}

TEST(Trainer, KnowsItsModelsByName) {
  EXPECT_EQ(parse_model("mlp"), ModelKind::mlp);
  EXPECT_EQ(parse_model("cnn"), ModelKind::cnn);
  EXPECT_FALSE(parse_model("resnet").has_value());
}

}  // namespace
}  // namespace selmcast::train
