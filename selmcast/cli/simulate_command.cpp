#include "selmcast/cli/simulate_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "selmcast/cli/chrome_trace.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/replay.h"
#include "selmcast/cli/scenario.h"
#include "selmcast/cli/simulate_flags.h"
#include "selmcast/cli/simulate_report.h"

namespace selmcast::cli {
namespace {

struct Arguments {
  std::string scenario;
  SimulateFlags flags;
  std::string trace;
  std::string replay;
  bool learnt_links = false;
  std::size_t threads = 0;
  std::string format = "table";
};

int complain(const std::string& what, int status) {
  fmt::print(stderr, "selmcast simulate: {}\n", what);
  return status;
}

// A bar on a terminal, once the work has taken a second.
class Progress {
 public:
  explicit Progress(std::size_t steps) : steps_(steps) {}
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  void show(std::size_t done) {
    if (!terminal_ || std::chrono::steady_clock::now() - start_ < std::chrono::seconds(1)) return;
    shown_ = true;
    const std::size_t filled = kWidth * done / steps_;
    fmt::print(stderr, "\r[{:#<{}}{:.<{}}] {} of {} runs", "", filled, "", kWidth - filled, done, steps_);
    std::fflush(stderr);
  }

 private:
  static constexpr std::size_t kWidth = 40;
  std::size_t steps_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
};

Result<SimulationReport> prepare(const Arguments& arguments, const CLI::App& command) {
  const Result<std::vector<ScenarioPoint>> points =
      scenario_points(arguments.scenario, command, arguments.flags);
  if (!points) return std::unexpected(points.error());
  SimulationReport report;
  for (const ScenarioPoint& point : *points) {
    Result<sim::Settings> settings = settings_of(point.flags);
    if (!settings) {
      std::string where;
      for (const auto& [key, value] : point.swept) where += fmt::format("{} = {}: ", key, value);
      return failure(settings.error().code, where + settings.error().message);
    }
    report.is_sweep = !point.swept.empty();
    report.points.push_back({point.swept, *std::move(settings), point.flags.compute, point.flags.seed,
                             std::vector<sim::Outcome>(point.flags.trials), 0});
  }
  return report;
}

// All trials of all points side by side, and as many with communication for free.
void simulate(SimulationReport& report, std::size_t threads) {
  std::vector<sim::Settings> free;
  for (const SimulationPoint& point : report.points) {
    free.push_back(point.settings);
    free.back().free_communication = true;
  }
  std::vector<sim::Job> jobs;
  for (std::size_t k = 0; k < report.points.size(); ++k) {
    const SimulationPoint& point = report.points[k];
    for (std::size_t trial = 0; trial < point.outcomes.size(); ++trial) {
      const std::uint64_t seed = sim::seed_of_trial(point.seed, trial);
      jobs.push_back({&point.settings, seed});
      jobs.push_back({&free[k], seed});
    }
  }
  const auto start = std::chrono::steady_clock::now();
  Progress progress(jobs.size());
  const std::vector<sim::Outcome> outcomes =
      sim::simulate_all(jobs, threads, [&](std::size_t finished) { progress.show(finished); });
  auto next = outcomes.begin();
  for (SimulationPoint& point : report.points) {
    for (sim::Outcome& outcome : point.outcomes) {
      outcome = *next++;
      point.npu_utilization_bound += (next++)->npu_utilization / static_cast<double>(point.outcomes.size());
    }
  }
  report.wall =
      Duration::seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

// The first trial of the first point once more, with somebody who looks on.
Result<void> write_trace(const std::string& path, const SimulationPoint& point) {
  ChromeTrace trace(path, point.settings);
  sim::simulate(point.settings, sim::seed_of_trial(point.seed, 0), &trace);
  return trace.finish();
}

std::string as_text(const SimulationReport& report, const std::string& format) {
  if (format == "json") return simulation_as_json(report);
  return format == "csv" ? simulation_as_csv(report) : simulation_as_table(report);
}

int show(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return kExitDone;
  return complain("cannot write to standard output; is there space left?", kExitFailed);
}

// Everything but these comes from the run.
int run_replay(const Arguments& arguments, const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0) continue;
    const auto is = [&](const char* known) { return name == known; };
    if (!is("--replay") && !is("--learnt-links") && !is("--planner") && !is("--trials") && !is("--seed") &&
        !is("--format"))
      return complain(
          name +
              ": the run says this; with --replay give only --learnt-links, --planner, --trials, --seed "
              "and --format",
          kExitUsage);
  }
  if (arguments.format == "csv") return complain("--format: a replay is told as table or json", kExitUsage);
  const bool other_planner = command.get_option("--planner")->count() > 0;
  const auto replayed = replay({.run = arguments.replay,
                                .learnt_links = arguments.learnt_links,
                                .planner = other_planner ? arguments.flags.settings.planner : "",
                                .trials = arguments.flags.trials,
                                .seed = arguments.flags.seed});
  if (!replayed) {
    return complain(replayed.error().message,
                    replayed.error().code == ErrorCode::invalid_input ? kExitUsage : kExitFailed);
  }
  return show(arguments.format == "json" ? replay_as_json(*replayed) : replay_as_table(*replayed));
}

int run(const Arguments& arguments, const CLI::App& command) {
  if (!arguments.replay.empty()) return run_replay(arguments, command);
  if (arguments.learnt_links) return complain("--learnt-links: only with --replay RUN", kExitUsage);
  Result<SimulationReport> report = prepare(arguments, command);
  if (!report) return complain(report.error().message, kExitUsage);
  if (!arguments.trace.empty() && report->is_sweep)
    return complain("--trace: of one training only, and this is a sweep; drop the flag or the sweep",
                    kExitUsage);
  if (!arguments.trace.empty()) {
    const Result<void> written = write_trace(arguments.trace, report->points.front());
    if (!written) return complain(written.error().message, kExitFailed);
  }
  simulate(*report, arguments.threads);
  return show(as_text(*report, arguments.format));
}

}  // namespace

void add_simulate_command(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("simulate", "What a training would do on a cluster that need not exist");
  command->footer(
      "Defaults: the paper's cluster of 50 workers under SSP. Files and conventions: docs/simulation.md.\n"
      "Examples:\n"
      "  selmcast simulate                                          SelMcast as the paper has it\n"
      "  selmcast simulate --planner random                         Orpheus on the same clusters\n"
      "  selmcast simulate --sync bsp --planner exact --lambda 0.25\n"
      "  selmcast simulate --workers 16 --volume 5e8 --bandwidth 1e10 --compute steps.txt\n"
      "  selmcast simulate --events churn.csv --bandwidth-trace links.csv\n"
      "  selmcast simulate examples/sweep.json --format csv         every combination of a scenario file\n"
      "  selmcast simulate --seconds 20 --trace training.json       a timeline for ui.perfetto.dev\n"
      "  selmcast simulate --replay runs/demo/paper                 predicted beside measured");
  command->add_option("SCENARIO", arguments->scenario, "File of settings and sweeps; - for standard input");
  add_simulate_flags(*command, arguments->flags);
  command->add_option("--trace", arguments->trace,
                      "Write the first trial as a Chrome/Perfetto timeline to this file");
  command
      ->add_option(
          "--replay", arguments->replay,
          "Simulate a run of `selmcast demo` with its links and computing times, beside what was measured")
      ->type_name("DIR/RUN");
  command->add_flag(
      "--learnt-links", arguments->learnt_links,
      "With --replay: links as the manager had learnt them at the end, instead of the true ones");
  command->add_option("--threads", arguments->threads, "0: one a core; results do not depend on it")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  command->add_option("--format", arguments->format, "table, json or csv")
      ->check(CLI::IsMember({"table", "json", "csv"}))
      ->capture_default_str();
  command->callback([arguments, command, &exit_status] { exit_status = run(*arguments, *command); });
}

}  // namespace selmcast::cli
