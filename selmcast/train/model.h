// The two models that selmcast-train can train on 28 x 28 grey images of ten classes. The only door to
// LibTorch.
//
//   mlp  784 - 320 - 64 - 10, ReLU                                          272,394 parameters, 1,089,576
//   bytes cnn  conv 5x5 to 16, pool 2, conv 3x3 to 32, pool 2, 1568 - 160 - 10    257,706 parameters,
//   1,030,824 bytes
// No BatchNorm: every float of a model is a parameter, so the whole state is what is synchronised.
//
// All parameters lie in one buffer, in the order of manifest(); each torch parameter is a view into it.
// Whoever writes to parameters() changes the model, without a copy; nobody may while step() or score() runs.
// The same (kind, seed) gives the same initial parameters on every machine: weights uniform in +-sqrt(6 /
// fan_in) (He et al., "Delving Deep into Rectifiers", 2015), biases 0, drawn in the order of the manifest
// from our own Rng. The optimiser is SGD with momentum (v = momentum v + gradient; x = x - rate v); v is
// local and never synchronised.
//
// Thread rule: one thread. LibTorch and OpenBLAS are told, for the whole process, to use that one thread
// only: workers are processes and share the machine's cores. Exceptions of LibTorch end here as errors.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/train/batch.h"

namespace selmcast::train {

enum class ModelKind { mlp, cnn };
std::string_view to_string(ModelKind kind);
// Error (invalid_input) naming the models there are.
Result<ModelKind> parse_model(std::string_view name);

// Name and shape of one parameter tensor (float32, row-major).
struct TensorShape {
  std::string name;
  std::vector<std::int64_t> shape;
  bool operator==(const TensorShape&) const = default;
};

struct SgdOptions {
  double learning_rate = 0.02;
  double momentum = 0.9;
};

// How well a model does on a set of examples.
struct Score {
  double accuracy = 0;  // share of examples whose most likely class is the right one
  double loss = 0;      // mean cross-entropy
};

class Model {
 public:
  // Error (unavailable) if LibTorch does not work on this machine.
  static Result<std::unique_ptr<Model>> create(ModelKind kind, std::uint64_t seed);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::span<float> parameters();
  const std::vector<TensorShape>& manifest() const;
  Bytes size() const;  // of parameters(): 4 bytes each

  // One step of SGD; returns the mean loss on the batch before the step. Requires a batch that is not empty.
  // Error (invalid_input) if the loss is no finite number: the training has diverged.
  Result<double> step(const Batch& batch, const SgdOptions& sgd);
  // Works through the examples in slices, so memory does not grow with their number. Requires at least one.
  Result<Score> score(const Batch& examples);

 private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace selmcast::train
