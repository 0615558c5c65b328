#include "selmcast/cli/bandwidth_bench_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/cli/conduct.h"

namespace selmcast::cli {
namespace {

struct BandwidthFlags {
  std::string out;
  double megabytes = 8;
  std::vector<std::string> runs;
  bool report = false;
};

// A script conducts: it follows the journal and changes links after given rounds.
int run_bench(const BandwidthFlags& flags) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  std::vector<std::string> command = {"python3",     SELMCAST_BANDWIDTH_BENCH "/run.py", self, flags.out,
                                      "--megabytes", fmt::format("{}", flags.megabytes)};
  if (!flags.runs.empty()) command.emplace_back("--runs");
  command.insert(command.end(), flags.runs.begin(), flags.runs.end());
  if (flags.report) command.emplace_back("--report");
  return conduct("bandwidth", std::move(command));
}

}  // namespace

void add_bandwidth_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<BandwidthFlags>();
  CLI::App* command = bench.add_subcommand(
      "bandwidth", "How soon the manager knows that links have changed, on shaped links. Needs root");
  command->footer(
      "Six hosts on a testbed, 60 rounds; six links change, then other traffic comes "
      "(docs/bandwidth.md).\n"
      "Runs: paced (as shipped), bursts (--no-pulses), no-search (--no-bursts: nothing is sent above plan), "
      "unpaced; seldom (--max-age 40: slow downlinks get no deliveries), seldom-blind (and no soundings).\n"
      "Examples:\n"
      "  selmcast bench bandwidth --out bench-bandwidth                paced, 8 MB: about three minutes\n"
      "  selmcast bench bandwidth --out b --runs paced,no-search --megabytes 25\n"
      "  selmcast bench bandwidth --out b --report                     table and picture again");
  command->add_option("--out", flags->out, "Folder for rounds.jsonl, bandwidth.csv, table.md, bandwidth.svg")
      ->required();
  command->add_option("--megabytes", flags->megabytes, "Of the model")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  command->add_option("--runs", flags->runs, "Which (default paced)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"paced", "bursts", "no-search", "unpaced", "seldom", "seldom-blind"}));
  command->add_flag("--report", flags->report, "Measure nothing");
  command->callback([flags, &exit_status] { exit_status = run_bench(*flags); });
}

}  // namespace selmcast::cli
