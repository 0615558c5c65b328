#include "selmcast/cli/simulate_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/seed_text.h"
#include "selmcast/cli/simulate_names.h"
#include "selmcast/cli/simulate_report.h"

namespace selmcast::cli {
namespace {

struct Arguments {
  sim::Settings settings;
  double min_receivers = 0.3;
  std::string max_age = "4";
  std::int64_t volume = 200'000'000;
  double bandwidth_bps = 4e10;
  double bandwidth_interval = 0.1;
  std::string compute = "transformer";
  double seconds = 600;
  sim::Trials trials;
  std::string format = "table";
};

int complain(const std::string& what) {
  fmt::print(stderr, "selmcast simulate: {}\n", what);
  return kExitUsage;
}

Result<sim::ComputeTimes> read_trace(const std::string& path) {
  std::ifstream in(path);
  if (!in)
    return failure(
        ErrorCode::invalid_input,
        fmt::format("--compute {}: neither lstm, transformer, resnet50 nor a file that can be read", path));
  std::vector<Duration> times;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    double value = 0;
    const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (fault != std::errc() || end != line.data() + line.size() || !(value >= 0 && value < 1e9))
      return failure(
          ErrorCode::invalid_input,
          fmt::format("{}:{}: not a time in seconds: '{}'; write one number a line", path, number, line));
    times.push_back(Duration::seconds(value));
  }
  if (times.empty())
    return failure(ErrorCode::invalid_input, fmt::format("{}: no time in it; write one number a line", path));
  return sim::ComputeTimes::of_trace(times);
}

// The flags that need more than their type.
Result<sim::Settings> settings_of(const Arguments& arguments) {
  sim::Settings settings = arguments.settings;
  const Result<sync::MinReceivers> receivers = sync::MinReceivers::from(arguments.min_receivers);
  if (!receivers) return std::unexpected(receivers.error());
  settings.min_receivers = *receivers;
  if (arguments.min_receivers >= static_cast<double>(settings.workers)) {
    return failure(ErrorCode::invalid_input,
                   fmt::format("--min-receivers: {} of {} workers; a worker has {} others",
                               arguments.min_receivers, settings.workers, settings.workers - 1));
  }
  settings.max_age.reset();
  if (arguments.max_age != "none") {
    const char* end = arguments.max_age.data() + arguments.max_age.size();
    std::uint32_t age = 0;
    const auto [stop, fault] = std::from_chars(arguments.max_age.data(), end, age);
    if (fault != std::errc() || stop != end)
      return failure(ErrorCode::invalid_input, "--max-age: give a whole number of multicasts, or none");
    settings.max_age = age;
  }
  settings.volume = Bytes(arguments.volume);
  settings.bandwidth.nominal = Rate::bits_per_second(arguments.bandwidth_bps);
  settings.bandwidth.interval = Duration::seconds(arguments.bandwidth_interval);
  settings.horizon = Duration::seconds(arguments.seconds);
  if (const auto named = sim::ComputeTimes::named(arguments.compute)) {
    settings.compute = *named;
  } else {
    Result<sim::ComputeTimes> trace = read_trace(arguments.compute);
    if (!trace) return std::unexpected(trace.error());
    settings.compute = *trace;
  }
  if (const Result<void> valid = sim::validate(settings); !valid) return std::unexpected(valid.error());
  return settings;
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

SimulationReport simulate(const Arguments& arguments, const sim::Settings& settings) {
  SimulationReport report;
  report.settings = settings;
  report.compute = arguments.compute;
  report.seed = arguments.trials.seed;
  const auto start = std::chrono::steady_clock::now();
  sim::Trials trials = arguments.trials;
  Progress progress(2 * trials.count);
  trials.progress = [&](std::size_t finished) { progress.show(finished); };
  report.outcomes = sim::simulate_trials(settings, trials);
  sim::Settings free = settings;
  free.free_communication = true;
  trials.progress = [&](std::size_t finished) { progress.show(trials.count + finished); };
  for (const sim::Outcome& outcome : sim::simulate_trials(free, trials))
    report.npu_utilization_bound += outcome.npu_utilization / static_cast<double>(trials.count);
  report.wall =
      Duration::seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return report;
}

int run(const Arguments& arguments) {
  const Result<sim::Settings> settings = settings_of(arguments);
  if (!settings) return complain(settings.error().message);
  const SimulationReport report = simulate(arguments, *settings);
  const std::string text =
      arguments.format == "json" ? simulation_as_json(report) : simulation_as_table(report);
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return kExitDone;
  fmt::print(stderr, "selmcast simulate: cannot write to standard output; is there space left?\n");
  return kExitFailed;
}

template <class Value>
void add_choice(CLI::App& command, const std::string& flag, Value& value,
                const std::map<std::string, Value>& names, const std::string& help) {
  std::vector<std::string> allowed;
  for (const auto& [name, named] : names) allowed.push_back(name);
  command
      .add_option_function<std::string>(
          flag, [&](const std::string& name) { value = names.at(name); }, help)
      ->check(CLI::IsMember(allowed))
      ->default_str(name_of(names, value));
}

void add_training_flags(CLI::App& command, Arguments& arguments) {
  sim::Settings& settings = arguments.settings;
  add_choice(command, "--sync", settings.sync, kSyncs, "Who waits for whom");
  add_choice(command, "--multicast", settings.multicast, kMulticasts,
             "One flow for all receivers, or one for each");
  command
      .add_option("--planner", settings.planner,
                  "As of `selmcast plan`; ssp and asp: paper, random, broadcast")
      ->capture_default_str();
  command.add_option("--workers", settings.workers, "How many")->capture_default_str();
  command
      .add_option("--min-receivers", arguments.min_receivers,
                  "Of each multicast; below 1 a fraction of the workers")
      ->capture_default_str();
  command.add_option("--max-age", arguments.max_age, "A pair so old must meet now; none: never")
      ->capture_default_str();
  add_choice(command, "--ages", settings.age_start, kAgeStarts, "Where the ages of pairs start");
  command.add_option("--staleness", settings.staleness, "Of ssp: rounds that a worker may be ahead")
      ->capture_default_str();
  add_choice(command, "--staleness-rule", settings.staleness_rule, kStalenessRules,
             "Which rounds count; computed, and one less ahead, is what the paper's figures show");
  command
      .add_option("--keep-fraction", settings.keep_fraction,
                  "Of ssp: nearer to its end a delivery is not cut off")
      ->capture_default_str();
  command.add_option("--volume", arguments.volume, "Bytes of a multicast")->capture_default_str();
  command
      .add_option("--compute", arguments.compute,
                  "Computing times: lstm, transformer, resnet50, or a trace file")
      ->capture_default_str();
}

void add_cluster_flags(CLI::App& command, Arguments& arguments) {
  sim::BandwidthModel& bandwidth = arguments.settings.bandwidth;
  command.add_option("--bandwidth", arguments.bandwidth_bps, "Nominal, bit/s")->capture_default_str();
  command.add_option("--lambda", bandwidth.lambda, "Links differ by this fraction either way")
      ->capture_default_str();
  command.add_option("--mu", bandwidth.mu, "Uplinks are this many times as wide as downlinks")
      ->capture_default_str();
  command.add_option("--gamma", bandwidth.gamma, "The part of a bandwidth that changes")
      ->capture_default_str();
  command.add_option("--bandwidth-interval", arguments.bandwidth_interval, "Seconds between changes")
      ->capture_default_str();
  add_choice(command, "--sharing", arguments.settings.sharing, kSharings, "How multicasts share links");
  command.add_option("--seconds", arguments.seconds, "Simulated time")->capture_default_str();
  command.add_option("--trials", arguments.trials.count, "Runs with different seeds")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--seed", arguments.trials.seed, "Of all trials together")
      ->check(CLI::Validator(not_a_seed, "COUNT"))
      ->capture_default_str();
  command.add_option("--threads", arguments.trials.threads, "0: one a core; results do not depend on it")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  command.add_option("--format", arguments.format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

}  // namespace

void add_simulate_command(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("simulate", "What a training would do on a cluster that need not exist");
  command->footer(
      "Defaults: the paper's cluster of 50 workers under SSP.\n"
      "Examples:\n"
      "  selmcast simulate                                          SelMcast as the paper has it\n"
      "  selmcast simulate --planner random                         Orpheus on the same clusters\n"
      "  selmcast simulate --sync bsp --planner exact --lambda 0.25\n"
      "  selmcast simulate --workers 16 --volume 500000000 --bandwidth 1e10 --compute steps.txt");
  add_training_flags(*command, *arguments);
  add_cluster_flags(*command, *arguments);
  command->callback([arguments, &exit_status] { exit_status = run(*arguments); });
}

}  // namespace selmcast::cli
