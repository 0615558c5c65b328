// Local training of one worker: a model, its shard and its own order of batches.
//
// Batches are cut from a shuffled pass over the shard; when fewer examples are left than a batch needs, the
// rest is skipped and the shard is shuffled anew. (seed, rank) determine everything: `seed` alone the initial
// parameters, the same on every worker; both together the order of batches. Thread rule: one thread. Somebody
// else may write to parameters() between two calls of train_steps().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/rng.h"
#include "selmcast/train/idx_dataset.h"
#include "selmcast/train/model.h"

namespace selmcast::train {

// Defaults tuned for eight workers that mix with two others a round; figures in docs/training.md.
struct TrainerOptions {
  ModelKind model = ModelKind::mlp;
  std::size_t batch = 64;
  SgdOptions sgd = {};
  std::uint64_t seed = 1;  // of the whole training
  std::uint32_t rank = 0;  // of this worker
};

class Trainer {
 public:
  // Takes the shard. Error (invalid_input): fewer examples than one batch, or options out of range.
  static Result<Trainer> create(Dataset shard, const TrainerOptions& options);

  // Mean loss over the steps. Requires steps >= 1. Errors: Model::step().
  Result<double> train_steps(int steps);

  std::span<float> parameters() { return model_->parameters(); }
  const std::vector<TensorShape>& manifest() const { return model_->manifest(); }
  Model& model() { return *model_; }

 private:
  Trainer(Dataset shard, const TrainerOptions& options, std::unique_ptr<Model> model);
  // Copies the next batch side by side into pixels_ and labels_.
  Batch next_batch();

  Dataset shard_;
  TrainerOptions options_;
  std::unique_ptr<Model> model_;
  Rng rng_;
  std::vector<std::uint32_t> order_;
  std::size_t next_ = 0;  // in order_
  std::vector<std::uint8_t> pixels_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace selmcast::train
