#include "selmcast/train/evaluator.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/train/averaging.h"
#include "selmcast/train/snapshot.h"

namespace selmcast::train {

std::string to_json_line(const Evaluation& evaluation) {
  nlohmann::ordered_json line = {{"round", evaluation.round.value()},
                                 {"at_seconds", evaluation.at.in_seconds()},
                                 {"accuracy", evaluation.score.accuracy},
                                 {"loss", evaluation.score.loss},
                                 {"consensus_distance", evaluation.consensus_distance}};
  if (!evaluation.worker_accuracy.empty()) line["worker_accuracy"] = evaluation.worker_accuracy;
  return line.dump();
}

Evaluator::Evaluator(std::unique_ptr<Model> model, Dataset test)
    : model_(std::move(model)), test_(std::move(test)) {}

Result<Evaluator> Evaluator::create(ModelKind kind, Dataset test) {
  auto model = Model::create(kind, 0);
  if (!model) return std::unexpected(model.error());
  return Evaluator(std::move(*model), std::move(test));
}

Result<Score> Evaluator::score(std::span<const float> parameters) {
  const std::span<float> own = model_->parameters();
  if (parameters.size() != own.size()) {
    return failure(
        ErrorCode::invalid_input,
        fmt::format("a model of {} parameters came where {} were expected; give workers and evaluator the "
                    "same --model",
                    parameters.size(), own.size()));
  }
  std::ranges::copy(parameters, own.begin());
  return model_->score(test_.all());
}

// Checks the length, since a snapshot's header is free to claim any.
Result<std::vector<float>> Evaluator::read(const RoundFiles& files, WorkerId worker, Evaluation& evaluation) {
  auto snapshot = read_snapshot(files.folder, {files.round, worker});
  if (!snapshot) return std::unexpected(snapshot.error());
  if (snapshot->parameters.size() != model_->parameters().size()) {
    return failure(
        ErrorCode::invalid_input,
        fmt::format(
            "{} has {} parameters where {} were expected; give workers and evaluator the same --model",
            snapshot_path(files.folder, snapshot->name).string(), snapshot->parameters.size(),
            model_->parameters().size()));
  }
  evaluation.at = std::max(evaluation.at, snapshot->at);
  return std::move(snapshot->parameters);
}

Result<Evaluation> Evaluator::evaluate(const RoundFiles& files) {
  SELMCAST_CHECK(!files.workers.empty(), "a round without a snapshot cannot be evaluated");
  Evaluation evaluation;
  evaluation.round = files.round;
  Average average;
  for (const WorkerId worker : files.workers) {
    const auto parameters = read(files, worker, evaluation);
    if (!parameters) return std::unexpected(parameters.error());
    average.add(*parameters);
  }
  const std::vector<float> mean = average.value();
  const auto score_of_mean = score(mean);
  if (!score_of_mean) return std::unexpected(score_of_mean.error());
  evaluation.score = *score_of_mean;

  ConsensusDistance distance(mean);
  for (const WorkerId worker : files.workers) {
    const auto parameters = read(files, worker, evaluation);
    if (!parameters) return std::unexpected(parameters.error());
    distance.add(*parameters);
    if (!files.each_worker) continue;
    const auto own = score(*parameters);
    if (!own) return std::unexpected(own.error());
    evaluation.worker_accuracy.push_back(own->accuracy);
  }
  evaluation.consensus_distance = distance.value();
  return evaluation;
}

}  // namespace selmcast::train
