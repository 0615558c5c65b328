// Data-parallel training of a LibTorch module: a small net learns y = sin(x), every rank from samples of its own.
//
//     selmcast run -n 3 -- ./libtorch_example
//
// `selmcast run` says who this process is and where the manager is. The module's parameters are copied into one block
// of floats, synchronised there, and copied back: any module will do.
#include <selmcast/worker/worker.h>
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr int kRounds = 30;
constexpr int kStepsPerRound = 20;

int complain(const std::string& what) {
  std::fprintf(stderr, "libtorch_example: %s\n", what.c_str());
  return 1;
}

std::vector<selmcast::worker::Tensor> tensors_of(const torch::nn::Module& module) {
  std::vector<selmcast::worker::Tensor> tensors;
  for (const auto& parameter : module.named_parameters())
    tensors.push_back({.name = parameter.key(), .shape = parameter.value().sizes().vec()});
  return tensors;
}

void pack(const torch::nn::Module& module, std::vector<float>& block) {
  block.clear();
  for (const torch::Tensor& parameter : module.parameters()) {
    const torch::Tensor values = parameter.detach().contiguous();
    block.insert(block.end(), values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
  }
}

void unpack(std::vector<float>& block, torch::nn::Module& module) {
  const torch::NoGradGuard no_gradient;
  float* from = block.data();
  for (torch::Tensor& parameter : module.parameters()) {
    parameter.copy_(torch::from_blob(from, parameter.sizes()));
    from += parameter.numel();
  }
}

int run(const std::string& manager, int rank) {
  torch::set_num_threads(1);
  torch::manual_seed(1);  // the same start everywhere
  torch::nn::Sequential net(torch::nn::Linear(1, 32), torch::nn::Tanh(), torch::nn::Linear(32, 1));
  torch::optim::Adam optimizer(net->parameters(), 0.01);
  torch::manual_seed(100 + rank);  // samples of its own
  auto worker = selmcast::worker::Worker::connect(
      {.manager = manager, .name = "w" + std::to_string(rank), .model = tensors_of(*net)});
  if (!worker) return complain(worker.error().message);

  std::vector<float> block;
  double loss_value = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (int step = 0; step < kStepsPerRound; ++step) {
      const torch::Tensor x = torch::rand({64, 1}) * 6 - 3;
      const torch::Tensor loss = torch::mse_loss(net->forward(x), torch::sin(x));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      loss_value = loss.item<double>();
    }
    pack(*net, block);
    const auto report = (*worker)->synchronize(block);
    if (!report) return complain(report.error().message);
    unpack(block, *net);
  }
  std::printf("rank %d: mean squared error %.4f\n", rank, loss_value);
  return 0;
}

}  // namespace

int main() {
  const char* manager = std::getenv("SELMCAST_MANAGER");
  const char* rank = std::getenv("RANK");
  if (manager == nullptr || rank == nullptr)
    return complain("start it with: selmcast run -n 3 -- ./libtorch_example");
  return run(manager, std::atoi(rank));
}
