#include "selmcast/cli/accuracy_bench_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/net/net_setups.h"
#include "selmcast/cli/conduct.h"

namespace selmcast::cli {
namespace {

namespace fs = std::filesystem;

struct AccuracyFlags {
  std::string out, python = "/usr/bin/python3";
  std::vector<std::string> setups, only, seeds;
  double minutes = 60;
  bool tune = false, report = false;
};

// NAME:UP,UP,...:DOWN,DOWN,... in Mbit/s.
std::string network_word(const bench::NetSetup& setup) {
  std::vector<double> up, down;
  for (std::size_t k = 0; k < setup.workers(); ++k) {
    up.push_back(setup.network.hosts[k].uplink.bps() / 1e6);
    down.push_back(setup.network.hosts[k].downlink.bps() / 1e6);
  }
  return fmt::format("{}:{:g}:{:g}", setup.name, fmt::join(up, ","), fmt::join(down, ","));
}

// The build's own Python package, unless the user has named one.
void find_package_beside(const fs::path& program) {
  std::error_code error;
  const fs::path package = program.parent_path().parent_path() / "python";
  if (std::getenv("PYTHONPATH") == nullptr && fs::exists(package / "selmcast", error))
    setenv("PYTHONPATH", package.c_str(), 1);
}

// Trainings with torch under both are what is compared, so a script conducts them.
int run_bench(const AccuracyFlags& flags) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  find_package_beside(self);
  std::vector<std::string> command = {flags.python, SELMCAST_ACCURACY_BENCH "/run.py", self, flags.out,
                                      "--minutes",  fmt::format("{}", flags.minutes)};
  for (const bench::NetSetup& setup : bench::net_setups())
    command.insert(command.end(), {"--network", network_word(setup)});
  const auto add_list = [&](const char* flag, const std::vector<std::string>& words) {
    if (words.empty()) return;
    command.emplace_back(flag);
    command.insert(command.end(), words.begin(), words.end());
  };
  add_list("--setups", flags.setups);
  add_list("--only", flags.only);
  add_list("--seeds", flags.seeds);
  if (flags.tune) command.emplace_back("--tune");
  if (flags.report) command.emplace_back("--report");
  return conduct("accuracy", std::move(command));
}

}  // namespace

void add_accuracy_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<AccuracyFlags>();
  CLI::App* command = bench.add_subcommand(
      "accuracy", "Time to accuracy on shaped links: ours, and data-parallel training with Gloo. Needs root");
  command->footer(
      "Six hosts on a testbed train on Fashion-MNIST in the networks of `bench net`, with and without "
      "stragglers\n"
      "(docs/bench_accuracy.md). All-reduce keeps all models equal, ours exchanges with some: the average's "
      "accuracy\n"
      "is compared. Needs python3-torch, dataset-fashion-mnist and gnuplot-nox.\n"
      "A measurement that was interrupted, or whose time was over, goes on with the same --out.\n"
      "Examples:\n"
      "  selmcast bench accuracy --out bench-accuracy                  everything, about half an hour\n"
      "  selmcast bench accuracy --out b --setups even --seeds 1\n"
      "  selmcast bench accuracy --out b --tune                        learning rates, on other seeds\n"
      "  selmcast bench accuracy --out b --report                      tables and picture of what is there");
  command
      ->add_option("--out", flags->out,
                   "Folder for runs.jsonl, table.md, accuracy.csv and accuracy.svg (tuning.jsonl)")
      ->required();
  const auto add_list = [&](const char* name, std::vector<std::string>& words, const char* what) {
    return command->add_option(name, words, what)->delimiter(',')->allow_extra_args(false);
  };
  add_list("--setups", flags->setups, "Only these: uneven, downlinks, even");
  add_list("--only", flags->only,
           "Only these contenders: gloo-ddp, gloo-local, \"bsp exact\", \"ssp slack\", ...");
  add_list("--seeds", flags->seeds, "Of shards, batches, stragglers and models (default 1 to 5)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--minutes", flags->minutes, "Start no run after so long")
      ->check(CLI::Range(0.1, 1e5))
      ->capture_default_str();
  command->add_option("--python", flags->python, "Interpreter that has torch")
      ->envname("SELMCAST_PYTHON")
      ->capture_default_str();
  command->add_flag("--tune", flags->tune, "Instead: each contender under several learning rates");
  command->add_flag("--report", flags->report, "Run nothing");
  command->callback([flags, &exit_status] { exit_status = run_bench(*flags); });
}

}  // namespace selmcast::cli
