// Says how good the models of a round are: their exact average, on the test images, and each of them.
// Thread rule: one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/train/idx_dataset.h"
#include "selmcast/train/model.h"

namespace selmcast::train {

// One line of evaluation.jsonl (docs/run_folder.md).
struct Evaluation {
  Round round;
  Instant at;   // when the slowest worker had finished the round
  Score score;  // of the average
  double consensus_distance = 0;
  std::vector<double>
      worker_accuracy;  // of the last round only: ascending by worker, only workers still there
};
// Without the line end.
std::string to_json_line(const Evaluation& evaluation);

class Evaluator {
 public:
  static Result<Evaluator> create(ModelKind kind, Dataset test);

  // Of one parameter vector. Error (invalid_input) if it has not the length of the model.
  Result<Score> score(std::span<const float> parameters);

  // Evaluates a round from the snapshots of `workers` (at least one) in `folder`, reading one at a time, each
  // twice; none is deleted. Errors: read_snapshot(), score().
  struct RoundFiles {
    std::filesystem::path folder;
    Round round;
    std::vector<WorkerId> workers;
    bool each_worker = false;  // fill worker_accuracy
  };
  Result<Evaluation> evaluate(const RoundFiles& files);

 private:
  Evaluator(std::unique_ptr<Model> model, Dataset test);
  Result<std::vector<float>> read(const RoundFiles& files, WorkerId worker, Evaluation& evaluation);

  std::unique_ptr<Model> model_;
  Dataset test_;
};

}  // namespace selmcast::train
