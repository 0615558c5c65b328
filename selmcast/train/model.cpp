#include "selmcast/train/model.h"

#include <dlfcn.h>
#include <fmt/core.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/base/rng.h"

namespace selmcast::train {
namespace {

constexpr std::int64_t kSide = 28;
constexpr std::size_t kScoreSlice = 500;  // examples scored at once
// Mean and standard deviation of the training images of Fashion-MNIST, pixels scaled to 0 .. 1.
constexpr double kPixelMean = 0.2860;
constexpr double kPixelDeviation = 0.3530;

void use_one_thread() {
  static std::once_flag once;
  std::call_once(once, [] {
    at::set_num_threads(1);
    at::set_num_interop_threads(1);
    // LibTorch does not reach into a BLAS that has threads of its own.
    using SetThreads = void (*)(int);
    if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
      reinterpret_cast<SetThreads>(symbol)(1);
    }
  });
}

std::vector<TensorShape> manifest_of(ModelKind kind) {
  if (kind == ModelKind::mlp) {
    return {{"fc1.weight", {320, 784}}, {"fc1.bias", {320}},      {"fc2.weight", {64, 320}},
            {"fc2.bias", {64}},         {"fc3.weight", {10, 64}}, {"fc3.bias", {10}}};
  }
  return {{"conv1.weight", {16, 1, 5, 5}},   {"conv1.bias", {16}},
          {"conv2.weight", {32, 16, 3, 3}},  {"conv2.bias", {32}},
          {"fc1.weight", {160, 32 * 7 * 7}}, {"fc1.bias", {160}},
          {"fc2.weight", {10, 160}},         {"fc2.bias", {10}}};
}

std::int64_t element_count(const TensorShape& tensor) {
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= extent;
  return count;
}

void initialise(std::span<float> parameters, const std::vector<TensorShape>& manifest, std::uint64_t seed) {
  Rng rng(seed);
  auto next = parameters.begin();
  for (const TensorShape& tensor : manifest) {
    const std::int64_t count = element_count(tensor);
    const bool is_bias = tensor.shape.size() == 1;
    const std::int64_t fan_in = count / tensor.shape.front();
    const double bound = is_bias ? 0.0 : std::sqrt(3.0 / static_cast<double>(fan_in));
    for (std::int64_t i = 0; i < count; ++i) *next++ = static_cast<float>(rng.uniform(-bound, bound));
  }
}

torch::Tensor images(const Batch& batch) {
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  // from_blob wants a pointer to non-const, but the conversion to float only reads.
  auto bytes =
      torch::from_blob(const_cast<std::uint8_t*>(batch.pixels.data()), {count, kSide * kSide}, torch::kUInt8);
  return bytes.to(torch::kFloat32).mul_(1 / (255 * kPixelDeviation)).sub_(kPixelMean / kPixelDeviation);
}

torch::Tensor classes(const Batch& batch) {
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  auto bytes = torch::from_blob(const_cast<std::uint8_t*>(batch.labels.data()), {count}, torch::kUInt8);
  return bytes.to(torch::kInt64);
}

void check_batch(const Batch& batch) {
  SELMCAST_CHECK(!batch.labels.empty(), "a batch has at least one example");
  SELMCAST_CHECK(batch.pixels.size() == batch.labels.size() * kImagePixels, "one image for each label");
}

Error torch_error(const char* doing, const std::exception& exception) {
  const std::string_view what = exception.what();
  // The rest is a stack trace.
  return {ErrorCode::unavailable,
          fmt::format("LibTorch failed while {}: {}", doing, what.substr(0, what.find('\n')))};
}

}  // namespace

std::string_view to_string(ModelKind kind) { return kind == ModelKind::mlp ? "mlp" : "cnn"; }

Result<ModelKind> parse_model(std::string_view name) {
  for (const ModelKind kind : {ModelKind::mlp, ModelKind::cnn}) {
    if (name == to_string(kind)) return kind;
  }
  return failure(ErrorCode::invalid_input, fmt::format("there is no model \"{}\"; choose mlp or cnn", name));
}

struct Model::Impl {
  Impl(ModelKind kind_in, std::uint64_t seed) : kind(kind_in), manifest(manifest_of(kind_in)) {
    std::int64_t count = 0;
    for (const TensorShape& tensor : manifest) count += element_count(tensor);
    values = torch::zeros({count});
    gradients = torch::zeros({count});
    velocity = torch::zeros({count});
    initialise(span(), manifest, seed);
    std::int64_t offset = 0;
    for (const TensorShape& tensor : manifest) {
      const std::int64_t length = element_count(tensor);
      // detach: a leaf of its own for autograd, on the same storage.
      auto view = values.narrow(0, offset, length).view(tensor.shape).detach().requires_grad_(true);
      // Autograd adds to a gradient that is there already, in place: all gradients stay in one buffer too.
      view.mutable_grad() = gradients.narrow(0, offset, length).view(tensor.shape);
      views.push_back(view);
      offset += length;
    }
  }

  std::span<float> span() { return {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())}; }

  // Scores of the classes, before softmax.
  torch::Tensor forward(const torch::Tensor& input) const {
    const auto& p = views;
    if (kind == ModelKind::mlp) {
      const auto hidden = torch::relu(torch::linear(input, p[0], p[1]));
      return torch::linear(torch::relu(torch::linear(hidden, p[2], p[3])), p[4], p[5]);
    }
    auto x = input.view({input.size(0), 1, kSide, kSide});
    x = torch::max_pool2d(torch::relu(torch::conv2d(x, p[0], p[1], 1, 2)), 2);
    x = torch::max_pool2d(torch::relu(torch::conv2d(x, p[2], p[3], 1, 1)), 2);
    x = torch::relu(torch::linear(x.flatten(1), p[4], p[5]));
    return torch::linear(x, p[6], p[7]);
  }

  double step(const Batch& batch, const SgdOptions& sgd) {
    gradients.zero_();
    const auto loss = torch::nll_loss(torch::log_softmax(forward(images(batch)), 1), classes(batch));
    loss.backward();
    SELMCAST_CHECK(views.front().grad().data_ptr() == gradients.data_ptr(),
                   "autograd left our gradient buffer");
    const torch::NoGradGuard no_gradients;
    velocity.mul_(sgd.momentum).add_(gradients);
    values.add_(velocity, -sgd.learning_rate);
    return loss.item<double>();
  }

  Score score(const Batch& examples) const {
    const torch::NoGradGuard no_gradients;
    const std::size_t count = examples.labels.size();
    double loss = 0;
    std::int64_t right = 0;
    for (std::size_t first = 0; first < count; first += kScoreSlice) {
      const std::size_t length = std::min(kScoreSlice, count - first);
      const Batch slice{examples.pixels.subspan(first * kImagePixels, length * kImagePixels),
                        examples.labels.subspan(first, length)};
      const auto expected = classes(slice);
      const auto log_likely = torch::log_softmax(forward(images(slice)), 1);
      loss += torch::nll_loss(log_likely, expected, {}, at::Reduction::Sum).item<double>();
      right += log_likely.argmax(1).eq(expected).sum().item<std::int64_t>();
    }
    return {static_cast<double>(right) / static_cast<double>(count), loss / static_cast<double>(count)};
  }

  ModelKind kind;
  std::vector<TensorShape> manifest;
  torch::Tensor values, gradients, velocity;  // flat, one after the other in manifest order
  std::vector<torch::Tensor> views;           // into values, by manifest order
};

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

Result<std::unique_ptr<Model>> Model::create(ModelKind kind, std::uint64_t seed) {
  try {
    use_one_thread();
    return std::unique_ptr<Model>(new Model(std::make_unique<Impl>(kind, seed)));
  } catch (const std::exception& exception) {
    return std::unexpected(torch_error("building the model", exception));
  }
}

std::span<float> Model::parameters() { return impl_->span(); }
const std::vector<TensorShape>& Model::manifest() const { return impl_->manifest; }
Bytes Model::size() const { return Bytes(4 * impl_->values.numel()); }

Result<double> Model::step(const Batch& batch, const SgdOptions& sgd) {
  check_batch(batch);
  try {
    const double loss = impl_->step(batch, sgd);
    if (std::isfinite(loss)) return loss;
  } catch (const std::exception& exception) {
    return std::unexpected(torch_error("training", exception));
  }
  return failure(
      ErrorCode::invalid_input,
      fmt::format("training diverged: the loss is no finite number; choose a --learning-rate below {}",
                  sgd.learning_rate));
}

Result<Score> Model::score(const Batch& examples) {
  check_batch(examples);
  try {
    return impl_->score(examples);
  } catch (const std::exception& exception) {
    return std::unexpected(torch_error("scoring", exception));
  }
}

}  // namespace selmcast::train
