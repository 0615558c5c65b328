#include "selmcast/cli/net_bench_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "bench/net/cell_runs.h"
#include "bench/net/net_plot.h"
#include "bench/net/net_worker.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/stop_flag.h"
#include "selmcast/net/limits.h"

namespace selmcast::cli {
namespace {

namespace fs = std::filesystem;

struct NetFlags {
  std::string out;
  std::vector<std::string> setups;
  std::vector<std::string> only;
  std::size_t repeats = 5;
  std::size_t rival_repeats = 3;
  bool no_rivals = false, unpaced = false, report = false;
};

int complain(const Error& error) {
  fmt::print(stderr, "selmcast bench net: {}\n", error.message);
  return error.code == ErrorCode::invalid_input ? kExitUsage : kExitFailed;
}

std::vector<bench::NetContender> contenders_of(const NetFlags& flags) {
  std::vector<bench::NetContender> contenders;
  if (!flags.no_rivals) contenders = bench::rival_contenders();
  for (const auto& ours : bench::our_contenders(flags.unpaced)) contenders.push_back(ours);
  std::erase_if(contenders, [&](const bench::NetContender& contender) {
    return !flags.only.empty() && std::ranges::none_of(flags.only, [&](const std::string& name) {
      return contender.name == name || contender.planner == name;
    });
  });
  return contenders;
}

// A missing or failing contender is told and left out; only an interruption ends the run.
Result<void> run_setup(const NetFlags& flags, const bench::NetSetup& setup, std::ofstream& lines,
                       std::vector<bench::NetCell>& cells) {
  auto bed = testbed::Testbed::make(
      setup.network, {.name = fmt::format("bench-{}", getpid()), .interrupted = StopFlag::is_set});
  if (!bed) return std::unexpected(bed.error());
  for (const bench::NetContender& contender : contenders_of(flags)) {
    std::string folder_name = setup.name + "-" + contender.name;
    std::ranges::replace(folder_name, ' ', '-');
    bench::CellOptions options{.setup = &setup,
                               .bed = &*bed,
                               .contender = contender,
                               .repeats = contender.planner.empty() ? flags.rival_repeats : flags.repeats,
                               .folder = fs::path(flags.out) / folder_name,
                               .selmcast = fs::read_symlink("/proc/self/exe"),
                               .interrupted = StopFlag::is_set};
    fs::create_directories(options.folder);
    const auto cell = contender.planner.empty() ? bench::run_rival(options) : bench::run_ours(options);
    if (!cell) {
      if (cell.error().code == ErrorCode::cancelled) return std::unexpected(cell.error());
      fmt::print(stderr, "{}, {}: {}\n", setup.name, contender.name, cell.error().message);
      continue;
    }
    const bench::NetFigures figures = bench::figures_of(*cell);
    fmt::print(stderr, "{}, {}: {:.2f} s ({:.2f} to {:.2f}), {:.2f} receivers\n", setup.name, contender.name,
               figures.median_seconds, figures.least_seconds, figures.most_seconds, cell->reached_mean);
    lines << bench::net_json(*cell) << std::endl;
    cells.push_back(*cell);
  }
  return {};
}

int write_report(const NetFlags& flags, const std::vector<bench::NetCell>& cells) {
  const std::string table = bench::net_table(cells);
  fmt::print("{}", table);
  std::ofstream(fs::path(flags.out) / "table.md") << table;
  if (cells.empty()) return kExitFailed;
  if (auto drawn = report::run_gnuplot({}, bench::net_plot_script(cells), flags.out); !drawn)
    return complain(drawn.error());
  return kExitDone;
}

// Of what is there; of a contender that was measured again, the last.
int report_again(const NetFlags& flags) {
  const fs::path path = fs::path(flags.out) / "cells.jsonl";
  std::ifstream lines(path);
  if (!lines) return complain({ErrorCode::invalid_input, path.string() + " cannot be read: measure first"});
  std::vector<bench::NetCell> cells;
  for (std::string line; std::getline(lines, line);) {
    auto cell = bench::parse_net_cell(line);
    if (!cell) return complain(with_context(path.string(), cell.error()));
    const auto known = std::ranges::find_if(cells, [&](const bench::NetCell& other) {
      return other.setup == cell->setup && other.contender == cell->contender;
    });
    if (known != cells.end()) {
      *known = std::move(*cell);
    } else {
      cells.push_back(std::move(*cell));
    }
  }
  std::ranges::stable_sort(cells, {}, [](const bench::NetCell& cell) {
    const auto setups = bench::net_setups();
    return std::ranges::find(setups, cell.setup, &bench::NetSetup::name) - setups.begin();
  });
  return write_report(flags, cells);
}

int run_net_bench(const NetFlags& flags) {
  if (flags.report) return report_again(flags);
  StopFlag::arm();
  std::error_code error;
  fs::create_directories(flags.out, error);
  std::ofstream lines(fs::path(flags.out) / "cells.jsonl", std::ios::app);
  if (error || !lines) return complain({ErrorCode::io, flags.out + " cannot be written"});
  std::vector<bench::NetCell> cells;
  for (const bench::NetSetup& setup : bench::net_setups()) {
    if (!flags.setups.empty() && std::ranges::find(flags.setups, setup.name) == flags.setups.end()) continue;
    if (auto ran = run_setup(flags, setup, lines, cells); !ran) return complain(ran.error());
  }
  return write_report(flags, cells);
}

void add_worker(CLI::App& bench, int& exit_status) {
  const auto options = std::make_shared<bench::NetWorkerOptions>();
  CLI::App* command =
      bench.add_subcommand("net-worker", "A worker without a model, as `bench net` runs on its hosts");
  command->group("");  // not for people
  command->add_option("--manager", options->manager)->required();
  command->add_option("--name", options->name)->required();
  command->add_option("--elements", options->elements)->required();
  command->add_option("--rounds", options->rounds)->required();
  command
      ->add_option_function<double>(
          "--uplink-bps", [=](double bps) { options->declared_uplink = Rate::bits_per_second(bps); })
      ->required();
  command
      ->add_option_function<double>(
          "--downlink-bps", [=](double bps) { options->declared_downlink = Rate::bits_per_second(bps); })
      ->required();
  command->add_option("--streams", options->streams)->check(CLI::Range(1, net::kStreamsMax));
  command->callback([=, &exit_status] { exit_status = bench::run_net_worker(*options); });
}

}  // namespace

void add_net_bench(CLI::App& bench, int& exit_status) {
  const auto flags = std::make_shared<NetFlags>();
  CLI::App* command = bench.add_subcommand(
      "net", "How long a synchronisation takes on shaped links: ours, Gloo and Open MPI. Needs root");
  command->footer(
      "Six hosts on a testbed, 25 MB of float32; set-ups uneven, downlinks, even (docs/bench_net.md). "
      "All-reduce leaves\n"
      "the exact average everywhere, ours mixes with some: beside the time stands how many receivers were "
      "reached.\n"
      "Rivals need python3-torch, python3-mpi4py, python3-numpy and openmpi-bin; what is missing is left out "
      "and said.\n"
      "Examples:\n"
      "  selmcast bench net --out bench-net                      everything, about 20 minutes\n"
      "  selmcast bench net --out b --setups uneven --only exact --no-rivals\n"
      "  selmcast bench net --out b --report                     table and picture again");
  command
      ->add_option("--out", flags->out, "Folder for cells.jsonl, table.md, bench_net.svg, journals and logs")
      ->required();
  command->add_option("--setups", flags->setups, "Only these")->delimiter(',')->allow_extra_args(false);
  command->add_option("--only", flags->only, "Only these contenders, or planners")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--repeats", flags->repeats, "Rounds of ours, after one that is not measured")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command
      ->add_option("--rival-repeats", flags->rival_repeats, "Repeats of a rival, after one of a small tensor")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_flag("--no-rivals", flags->no_rivals, "Ours only");
  command->add_flag("--unpaced", flags->unpaced, "Also exact with TCP left alone");
  command->add_flag("--report", flags->report, "Measure nothing: table and picture of what is in the folder");
  command->callback([flags, &exit_status] { exit_status = run_net_bench(*flags); });
  add_worker(bench, exit_status);
}

}  // namespace selmcast::cli
