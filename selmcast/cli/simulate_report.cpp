#include "selmcast/cli/simulate_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "selmcast/cli/json_text.h"
#include "selmcast/cli/simulate_names.h"

namespace selmcast::cli {
namespace {

using nlohmann::ordered_json;

sim::Spread spread(const SimulationReport& report, double sim::Outcome::*member) {
  std::vector<double> values;
  for (const sim::Outcome& outcome : report.outcomes) values.push_back(outcome.*member);
  return sim::spread_of(values);
}

std::uint64_t sum(const SimulationReport& report, std::uint64_t sim::Outcome::*member) {
  std::uint64_t all = 0;
  for (const sim::Outcome& outcome : report.outcomes) all += outcome.*member;
  return all;
}

ordered_json to_json(const sim::Spread& spread) {
  return {{"mean", spread.mean},
          {"min", spread.min},
          {"max", spread.max},
          {"standard_error", spread.standard_error}};
}

ordered_json settings_json(const SimulationReport& report) {
  const sim::Settings& s = report.settings;
  const sim::BandwidthModel& b = s.bandwidth;
  ordered_json json = {{"sync", name_of(kSyncs, s.sync)},
                       {"multicast", to_string(s.multicast)},
                       {"planner", s.planner},
                       {"sharing", name_of(kSharings, s.sharing)},
                       {"workers", s.workers},
                       {"min_receivers", s.min_receivers.of(s.workers)},
                       {"max_age", s.max_age ? ordered_json(*s.max_age) : ordered_json(nullptr)},
                       {"ages", name_of(kAgeStarts, s.age_start)},
                       {"staleness", s.staleness},
                       {"staleness_rule", name_of(kStalenessRules, s.staleness_rule)},
                       {"keep_fraction", s.keep_fraction},
                       {"volume_bytes", s.volume.count()},
                       {"bandwidth_bps", b.nominal.bps()},
                       {"lambda", b.lambda},
                       {"mu", b.mu},
                       {"gamma", b.gamma},
                       {"bandwidth_interval_seconds", b.interval.in_seconds()},
                       {"compute", report.compute},
                       {"compute_mean_seconds", s.compute.mean().in_seconds()},
                       {"seconds", s.horizon.in_seconds()},
                       {"trials", report.outcomes.size()},
                       {"seed", report.seed}};
  return json;
}

std::string row(const char* name, const sim::Spread& spread) {
  return fmt::format("{:<22} {:>8.4f}  {:>8.4f}  {:>8.4f}  {:>9.4f}\n", name, spread.mean, spread.min,
                     spread.max, spread.standard_error);
}

}  // namespace

std::string simulation_as_json(const SimulationReport& report) {
  ordered_json json = {{"schema", "selmcast.simulation/1"},
                       {"npu_utilization", to_json(spread(report, &sim::Outcome::npu_utilization))},
                       {"multicast_scale", to_json(spread(report, &sim::Outcome::multicast_scale))}};
  if (report.settings.sync == sim::Sync::bsp)
    json["completion_normalized"] = to_json(spread(report, &sim::Outcome::completion_normalized));
  json["npu_utilization_bound"] = report.npu_utilization_bound;
  json["rounds"] = sum(report, &sim::Outcome::rounds);
  json["multicasts"] = sum(report, &sim::Outcome::multicasts);
  json["deliveries"] = sum(report, &sim::Outcome::deliveries);
  json["dropped"] = sum(report, &sim::Outcome::dropped);
  json["events"] = sum(report, &sim::Outcome::events);
  json["wall_seconds"] = report.wall.in_seconds();
  json["settings"] = settings_json(report);
  return spread_json(json);
}

std::string simulation_as_table(const SimulationReport& report) {
  const sim::Settings& s = report.settings;
  std::string out = fmt::format(
      "{} workers, {} multicast, {}, planner {}, sharing {}: {} trials of {:g} s, {} multicasts, {} events, "
      "in "
      "{:.2g} s\n\n",
      s.workers, to_string(s.multicast), name_of(kSyncs, s.sync), s.planner, name_of(kSharings, s.sharing),
      report.outcomes.size(), s.horizon.in_seconds(), sum(report, &sim::Outcome::multicasts),
      sum(report, &sim::Outcome::events), report.wall.in_seconds());
  out += fmt::format("{:<22} {:>8}  {:>8}  {:>8}  {:>9}\n", "", "mean", "min", "max", "std error");
  out += row("NPU utilization", spread(report, &sim::Outcome::npu_utilization));
  out += fmt::format("{:<22} {:>8.4f}  with communication for free\n", "  its bound",
                     report.npu_utilization_bound);
  out += row("multicast scale", spread(report, &sim::Outcome::multicast_scale));
  if (s.sync == sim::Sync::bsp)
    out += row("completion / (p v / b)", spread(report, &sim::Outcome::completion_normalized));
  return out;
}

}  // namespace selmcast::cli
