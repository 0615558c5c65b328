#include "selmcast/cli/torch_bench_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/payload_option.h"
#include "selmcast/cli/run/launcher.h"

namespace selmcast::cli {
namespace {

struct TorchBenchFlags {
  int ranks = 4;
  std::string python = "python3";
  std::vector<double> sizes = {0.1, 1, 4, 16, 64};
  int rounds = 20;
  double rate_bps = 20e9;
  std::vector<std::string> payloads;
};

int run_torch_bench(const TorchBenchFlags& flags) {
  run::JobSpec job;
  job.ranks = flags.ranks;
  job.command = {flags.python,
                 "-m",
                 "selmcast.torch.bench",
                 "--rounds",
                 std::to_string(flags.rounds),
                 "--rate",
                 fmt::format("{}", flags.rate_bps),
                 "--sizes"};
  for (const double size : flags.sizes) job.command.push_back(fmt::format("{}", size));
  if (!flags.payloads.empty()) {
    job.command.emplace_back("--payloads");
    job.command.insert(job.command.end(), flags.payloads.begin(), flags.payloads.end());
  }
  job.variables = run::variables_of(flags.ranks);
  const auto status = run::run_job(job);
  if (status) return *status == 0 ? kExitDone : kExitFailed;
  fmt::print(stderr, "selmcast bench torch: {}\n", status.error().message);
  return kExitFailed;
}

}  // namespace

void add_torch_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<TorchBenchFlags>();
  CLI::App* command = bench.add_subcommand(
      "torch",
      "What a step of selmcast.torch costs, beside Gloo's all_reduce and all_gather of the same bytes");
  command->footer(
      "Needs the Python package (PYTHONPATH, if it is not where Python looks) and torch. The kinds take "
      "turns.\n"
      "Examples:\n"
      "  selmcast bench torch\n"
      "  selmcast bench torch -n 8 --sizes 1 16 --python /usr/bin/python3\n"
      "  selmcast bench torch --sizes 4 16 --payloads float32 bfloat16 int8");
  command->add_option("-n,--workers", flags->ranks, "Ranks")->check(CLI::Range(2, 64))->capture_default_str();
  command->add_option("--python", flags->python, "Interpreter")
      ->envname("SELMCAST_PYTHON")
      ->capture_default_str();
  command->add_option("--sizes", flags->sizes, "Of the model, in MB")->check(CLI::PositiveNumber);
  command->add_option("--payloads", flags->payloads, "Steps with each of these payloads, p = .3")
      ->transform(full_payload_name());
  command->add_option("--rounds", flags->rounds, "Measured")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--rate-bps", flags->rate_bps, "That links are declared to carry")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback([flags, &exit_status] { exit_status = run_torch_bench(*flags); });
}

}  // namespace selmcast::cli
