#include "selmcast/cli/simulate_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "selmcast/cli/cluster_files.h"
#include "selmcast/cli/seed_text.h"
#include "selmcast/cli/simulate_names.h"

namespace selmcast::cli {
namespace {

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

void add_training_flags(CLI::App& command, SimulateFlags& flags) {
  sim::Settings& settings = flags.settings;
  add_choice(command, "--sync", settings.sync, kSyncs, "Who waits for whom");
  add_choice(command, "--multicast", settings.multicast, kMulticasts,
             "One flow for all receivers, one for each, or receivers that pass it on (bsp)");
  command
      .add_option("--planner", settings.planner,
                  "As of `selmcast plan`; ssp and asp: slack, paper, random, broadcast")
      ->capture_default_str();
  command.add_option("--workers", settings.workers, "How many")->capture_default_str();
  command
      .add_option("--min-receivers", flags.min_receivers,
                  "Of each multicast; below 1 a fraction of the workers")
      ->capture_default_str();
  command.add_option("--max-age", flags.max_age, "A pair so old must meet now; none: never")
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
  command.add_flag("--overlap", settings.overlap,
                   "Of ssp and asp: compute the next round while the multicast is delivered");
  command.add_option("--width", flags.width, "Of slack: from 0, compute the most, to 1, reach the most")
      ->capture_default_str();
  command.add_option("--volume", flags.volume, "Bytes of a multicast")->capture_default_str();
  command
      .add_option("--compute", flags.compute, "Computing times: lstm, transformer, resnet50, or a trace file")
      ->capture_default_str();
}

void add_cluster_flags(CLI::App& command, SimulateFlags& flags) {
  sim::BandwidthModel& bandwidth = flags.settings.bandwidth;
  command.add_option("--bandwidth", flags.bandwidth_bps, "Nominal, bit/s")->capture_default_str();
  command.add_option("--lambda", bandwidth.lambda, "Links differ by this fraction either way")
      ->capture_default_str();
  command.add_option("--mu", bandwidth.mu, "Uplinks are this many times as wide as downlinks")
      ->capture_default_str();
  command.add_option("--gamma", bandwidth.gamma, "The part of a bandwidth that changes")
      ->capture_default_str();
  command.add_option("--bandwidth-interval", flags.bandwidth_interval, "Seconds between changes")
      ->capture_default_str();
  command
      .add_option("--estimate-error", flags.settings.estimate_error,
                  "The planner takes each link for up to this fraction wider or narrower than it is")
      ->capture_default_str();
  add_choice(command, "--sharing", flags.settings.sharing, kSharings, "How multicasts share links");
  command.add_option("--seconds", flags.seconds, "Simulated time")->capture_default_str();
  command.add_option("--trials", flags.trials, "Runs with different seeds")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--seed", flags.seed, "Of all trials together")
      ->check(CLI::Validator(not_a_seed, "COUNT"))
      ->capture_default_str();
}

void add_event_flags(CLI::App& command, SimulateFlags& flags) {
  command
      .add_option("--straggler-fraction", flags.straggler_fraction,
                  "This part of the workers, w0 first, computes slowly")
      ->capture_default_str();
  command.add_option("--straggler-factor", flags.straggler_factor, "So many times as long")
      ->capture_default_str();
  command.add_option("--events", flags.events,
                     "File of joins, leaves, crashes and slowdowns: lines of time_s,worker,event");
  command.add_option("--detection", flags.detection, "Seconds until a crash is noticed")
      ->capture_default_str();
  command.add_option("--bandwidth-trace", flags.bandwidth_trace,
                     "File of what links carry: lines of time_s,worker,uplink_bps,downlink_bps");
}

Result<std::optional<std::uint32_t>> max_age_of(const std::string& text) {
  if (text == "none") return std::nullopt;
  std::uint32_t age = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), age);
  if (fault != std::errc() || stop != text.data() + text.size())
    return failure(ErrorCode::invalid_input, "--max-age: give a whole number of multicasts, or none");
  return age;
}

Result<sync::MinReceivers> min_receivers_of(const SimulateFlags& flags) {
  const std::size_t workers = flags.settings.workers;
  if (flags.min_receivers >= static_cast<double>(workers)) {
    return failure(ErrorCode::invalid_input,
                   fmt::format("--min-receivers: {} of {} workers; a worker has {} others",
                               flags.min_receivers, workers, workers - 1));
  }
  return sync::MinReceivers::from(flags.min_receivers);
}

Result<sim::ComputeTimes> compute_of(const std::string& compute) {
  if (const auto named = sim::ComputeTimes::named(compute)) return *named;
  Result<sim::ComputeTimes> read = read_compute_times(compute);
  if (!read)
    return failure(
        ErrorCode::invalid_input,
        fmt::format("--compute: neither lstm, transformer nor resnet50, and {}", read.error().message));
  return read;
}

// Stragglers, then those of the file.
Result<std::vector<sim::ClusterEvent>> events_of(const SimulateFlags& flags) {
  if (!(flags.straggler_fraction >= 0 && flags.straggler_fraction <= 1))
    return failure(ErrorCode::invalid_input, "--straggler-fraction: give 0 to 1");
  std::vector<sim::ClusterEvent> events;
  const double slow =
      std::floor(flags.straggler_fraction * static_cast<double>(flags.settings.workers) + 1e-9);
  for (std::uint32_t i = 0; i < slow; ++i)
    events.push_back({.time = Instant(),
                      .worker = i,
                      .kind = sim::ClusterEvent::Kind::slow,
                      .factor = flags.straggler_factor});
  if (flags.events.empty()) return events;
  Result<std::vector<sim::ClusterEvent>> read = read_cluster_events(flags.events);
  if (!read) return failure(ErrorCode::invalid_input, "--events " + read.error().message);
  events.insert(events.end(), read->begin(), read->end());
  return events;
}

Result<void> read_files(const SimulateFlags& flags, sim::Settings& settings) {
  Result<sim::ComputeTimes> compute = compute_of(flags.compute);
  if (!compute) return std::unexpected(compute.error());
  settings.compute = *std::move(compute);
  Result<std::vector<sim::ClusterEvent>> events = events_of(flags);
  if (!events) return std::unexpected(events.error());
  settings.events = *std::move(events);
  if (flags.bandwidth_trace.empty()) return {};
  Result<std::vector<sim::BandwidthStep>> trace = read_bandwidth_trace(flags.bandwidth_trace);
  if (!trace) return failure(ErrorCode::invalid_input, "--bandwidth-trace " + trace.error().message);
  settings.bandwidth_trace = *std::move(trace);
  return {};
}

}  // namespace

void add_simulate_flags(CLI::App& command, SimulateFlags& flags) {
  add_training_flags(command, flags);
  add_cluster_flags(command, flags);
  add_event_flags(command, flags);
}

Result<sim::Settings> settings_of(const SimulateFlags& flags) {
  sim::Settings settings = flags.settings;
  const Result<sync::MinReceivers> receivers = min_receivers_of(flags);
  if (!receivers) return std::unexpected(receivers.error());
  settings.min_receivers = *receivers;
  const auto max_age = max_age_of(flags.max_age);
  if (!max_age) return std::unexpected(max_age.error());
  settings.max_age = *max_age;
  const Result<sync::Width> width = sync::Width::from(flags.width);
  if (!width) return failure(ErrorCode::invalid_input, "--" + width.error().message);
  settings.width = *width;
  if (!(flags.volume >= 1 && flags.volume <= 9e15 && flags.volume == std::floor(flags.volume)))
    return failure(ErrorCode::invalid_input, "--volume: give a whole number of bytes, at least 1");
  settings.volume = Bytes(static_cast<std::int64_t>(flags.volume));
  settings.bandwidth.nominal = Rate::bits_per_second(flags.bandwidth_bps);
  settings.bandwidth.interval = Duration::seconds(flags.bandwidth_interval);
  settings.detection = Duration::seconds(flags.detection);
  settings.horizon = Duration::seconds(flags.seconds);
  if (const Result<void> read = read_files(flags, settings); !read) return std::unexpected(read.error());
  if (const Result<void> valid = sim::validate(settings); !valid) return std::unexpected(valid.error());
  return settings;
}

}  // namespace selmcast::cli
