#include "selmcast/cli/multicast_bench_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/multicast/node.h"
#include "selmcast/cli/conduct.h"

namespace selmcast::cli {
namespace {

void add_node(CLI::App& bench, int& exit_status) {
  const auto options = std::make_shared<bench::MulticastNodeOptions>();
  CLI::App* command = bench.add_subcommand("multicast-node", "A host of `bench multicast`");
  command->group("");  // not for people
  command->add_option("--to", options->peers, "Sends to these")->delimiter(',')->allow_extra_args(false);
  command->add_option("--listen", options->port, "Receives at this TCP port");
  command->add_option("--own", options->own)->required();
  command->add_option("--group", options->group);
  command->add_option_function<double>(
      "--bytes", [=](double bytes) { options->bytes = Bytes(static_cast<std::int64_t>(bytes)); });
  command->add_option_function<double>("--rate-bps",
                                       [=](double bps) { options->rate = Rate::bits_per_second(bps); });
  command->add_option("--segment-bytes", options->segment_bytes);
  command->add_option("--drop", options->drop_share);
  command->add_option("--double", options->double_share);
  command->add_option("--reorder", options->reorder_share);
  command->add_option("--seed", options->seed);
  command->add_flag("--tcp", options->tcp);
  command->add_option_function<double>(
      "--patience", [=](double seconds) { options->patience = Duration::seconds(seconds); });
  command->callback([=, &exit_status] {
    exit_status = options->peers.empty() ? bench::run_multicast_receiver(*options)
                                         : bench::run_multicast_sender(*options);
  });
}

struct MulticastFlags {
  std::string out, only, cells;
  int repeats = 3;
  bool quick = false, faults = false;
};

// The programs that are compared are of many kinds; a script starts them and reads what they print.
int run_bench(const MulticastFlags& flags) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  const std::string script = SELMCAST_MULTICAST_BENCH "/run.py";
  std::vector<std::string> command = {"python3", script,      self,
                                      flags.out, "--repeats", std::to_string(flags.repeats)};
  if (flags.quick) command.push_back("--quick");
  if (flags.faults) command.push_back("--faults");
  if (!flags.only.empty()) command.insert(command.end(), {"--only", flags.only});
  if (!flags.cells.empty()) command.insert(command.end(), {"--cells", flags.cells});
  return conduct("multicast", std::move(command));
}

struct PredictedFlags {
  std::string out, kinds = "unicast,network,relay", workers = "6,8,12";
  int rounds = 12;
  double megabytes = 8, declared = 1;
  bool report = false;
};

int run_predicted(const PredictedFlags& flags) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  std::vector<std::string> command = {"python3",     SELMCAST_MULTICAST_BENCH "/predicted.py",
                                      self,          flags.out,
                                      "--kinds",     flags.kinds,
                                      "--workers",   flags.workers,
                                      "--rounds",    std::to_string(flags.rounds),
                                      "--megabytes", fmt::format("{}", flags.megabytes),
                                      "--declared",  fmt::format("{}", flags.declared)};
  if (flags.report) command.emplace_back("--report");
  return conduct("predicted", std::move(command));
}

void add_predicted(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<PredictedFlags>();
  CLI::App* command = bench.add_subcommand(
      "predicted", "How long rounds take beside what was predicted, by kind of multicast. Needs root");
  command->footer(
      "Workers on a testbed with uneven links of 40 to 100 Mbit/s, planner exact, at least 0.3 n receivers\n"
      "(docs/multicast.md).\n"
      "Examples:\n"
      "  selmcast bench predicted --out bench-predicted                three kinds, n = 6, 8, 12: ten "
      "minutes\n"
      "  selmcast bench predicted --out b --kinds network --workers 6 --declared 2    links declared wrong\n"
      "  selmcast bench predicted --out b --report                     the table again");
  command->add_option("--out", flags->out, "Folder for rounds.jsonl, table.md and journals")->required();
  command
      ->add_option("--kinds", flags->kinds,
                   "Which, with commas; racks: multicast within two halves, not across")
      ->capture_default_str();
  command->add_option("--workers", flags->workers, "How many, with commas")->capture_default_str();
  command->add_option("--rounds", flags->rounds, "Of each, after the first")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--megabytes", flags->megabytes, "Of the model")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  command
      ->add_option("--declared", flags->declared,
                   "Each link is declared as something from 1 / this to this times what it is")
      ->check(CLI::Range(1.0, 10.0))
      ->capture_default_str();
  command->add_flag("--report", flags->report, "Measure nothing");
  command->callback([flags, &exit_status] { exit_status = run_predicted(*flags); });
}

}  // namespace

void add_multicast_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<MulticastFlags>();
  CLI::App* command = bench.add_subcommand(
      "multicast", "Reliable multicast on shaped links: ours, one-to-many TCP, libnorm and uftp. Needs root");
  command->footer(
      "One sender, 1 to 8 receivers on a testbed (docs/bench_multicast.md). Rivals need libnorm1 and uftp, "
      "loss\n"
      "needs nftables; what is missing is said and left out.\n"
      "Examples:\n"
      "  selmcast bench multicast --out bench-multicast            everything, about 20 minutes\n"
      "  selmcast bench multicast --out b --quick                  four cells, once each\n"
      "  selmcast bench multicast --out b --faults                 who notices what, and when\n"
      "  selmcast bench multicast --out b --only selmcast,tcp --cells loss");
  command->add_option("--out", flags->out, "Folder for cells.jsonl and table.md")->required();
  command->add_flag("--quick", flags->quick, "Four cells, once each");
  command->add_flag("--faults", flags->faults, "Instead: receiver, sender or relay killed, a link cut");
  command->add_option("--repeats", flags->repeats, "Of each cell")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command->add_option("--only", flags->only, "Only these contenders: selmcast, tcp, norm, uftp");
  command->add_option("--cells", flags->cells, "Only cells whose name has one of these words");
  command->callback([flags, &exit_status] { exit_status = run_bench(*flags); });
  add_node(bench, exit_status);
  add_predicted(bench, exit_status);
}

}  // namespace selmcast::cli
