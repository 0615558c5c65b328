#include "selmcast/train/trainer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::train {
namespace {

// Labels of Rng::fork: one stream for what all workers share, one for each worker.
constexpr std::uint64_t kInitialStream = 0;
constexpr std::uint64_t kFirstOrderStream = 1;

Result<void> check(const TrainerOptions& options, std::size_t examples) {
  if (options.batch < 1 || options.batch > examples) {
    return failure(ErrorCode::invalid_input,
                   fmt::format("a batch of {} examples does not fit a shard of {}; choose a "
                               "--batch from 1 to {}",
                               options.batch, examples, examples));
  }
  if (!(options.sgd.learning_rate > 0) || !std::isfinite(options.sgd.learning_rate)) {
    return failure(
        ErrorCode::invalid_input,
        fmt::format("a learning rate of {} cannot train; choose a --learning-rate above 0, e.g. {}",
                    options.sgd.learning_rate, SgdOptions{}.learning_rate));
  }
  if (!(options.sgd.momentum >= 0 && options.sgd.momentum < 1)) {
    return failure(ErrorCode::invalid_input,
                   fmt::format("a momentum of {} would never forget; choose one from 0 to "
                               "below 1",
                               options.sgd.momentum));
  }
  return {};
}

}  // namespace

Result<Trainer> Trainer::create(Dataset shard, const TrainerOptions& options) {
  if (auto fine = check(options, shard.size()); !fine) return std::unexpected(fine.error());
  auto model = Model::create(options.model, Rng(options.seed).fork(kInitialStream).next());
  if (!model) return std::unexpected(model.error());
  return Trainer(std::move(shard), options, std::move(*model));
}

Trainer::Trainer(Dataset shard, const TrainerOptions& options, std::unique_ptr<Model> model)
    : shard_(std::move(shard)),
      options_(options),
      model_(std::move(model)),
      rng_(Rng(options.seed).fork(kFirstOrderStream + options.rank)),
      order_(shard_.size()),
      next_(shard_.size()),
      pixels_(options.batch * kImagePixels),
      labels_(options.batch) {
  std::iota(order_.begin(), order_.end(), 0U);
}

Batch Trainer::next_batch() {
  if (order_.size() - next_ < options_.batch) {
    rng_.shuffle(std::span(order_));
    next_ = 0;
  }
  for (std::size_t i = 0; i < options_.batch; ++i) {
    const std::size_t example = order_[next_++];
    const auto image = std::span(shard_.pixels).subspan(example * kImagePixels, kImagePixels);
    std::ranges::copy(image, std::span(pixels_).subspan(i * kImagePixels).begin());
    labels_[i] = shard_.labels[example];
  }
  return {pixels_, labels_};
}

Result<double> Trainer::train_steps(int steps) {
  SELMCAST_CHECK(steps >= 1, "train at least one step");
  double sum = 0;
  for (int step = 0; step < steps; ++step) {
    const auto loss = model_->step(next_batch(), options_.sgd);
    if (!loss) return loss;
    sum += *loss;
  }
  return sum / steps;
}

}  // namespace selmcast::train
