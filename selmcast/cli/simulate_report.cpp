#include "selmcast/cli/simulate_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "selmcast/cli/json_text.h"
#include "selmcast/cli/simulate_names.h"

namespace selmcast::cli {
namespace {

using nlohmann::ordered_json;

sim::Spread spread(const SimulationPoint& point, double sim::Outcome::*member) {
  std::vector<double> values;
  for (const sim::Outcome& outcome : point.outcomes) values.push_back(outcome.*member);
  return sim::spread_of(values);
}

std::uint64_t sum(const SimulationPoint& point, std::uint64_t sim::Outcome::*member) {
  std::uint64_t all = 0;
  for (const sim::Outcome& outcome : point.outcomes) all += outcome.*member;
  return all;
}

// Absent where a trial has none.
std::optional<double> scale_bound(const SimulationPoint& point) {
  double mean = 0;
  for (const sim::Outcome& outcome : point.outcomes) {
    if (!outcome.multicast_scale_bound) return std::nullopt;
    mean += *outcome.multicast_scale_bound / static_cast<double>(point.outcomes.size());
  }
  return mean;
}

// One trial says nothing about its error.
std::optional<double> error_of(const SimulationPoint& point, const sim::Spread& spread) {
  return point.outcomes.size() > 1 ? std::optional(spread.standard_error) : std::nullopt;
}

ordered_json to_json(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json to_json(const SimulationPoint& point, double sim::Outcome::*member) {
  const sim::Spread all = spread(point, member);
  return {{"mean", all.mean},
          {"min", all.min},
          {"max", all.max},
          {"standard_error", to_json(error_of(point, all))}};
}

ordered_json settings_json(const SimulationPoint& point) {
  const sim::Settings& s = point.settings;
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
                       {"overlap", s.overlap},
                       {"keep_fraction", s.keep_fraction},
                       {"width", s.width.value()},
                       {"volume_bytes", s.volume.count()},
                       {"bandwidth_bps", b.nominal.bps()},
                       {"lambda", b.lambda},
                       {"mu", b.mu},
                       {"gamma", b.gamma},
                       {"bandwidth_interval_seconds", b.interval.in_seconds()},
                       {"estimate_error", s.estimate_error},
                       {"compute", point.compute},
                       {"compute_mean_seconds", s.compute.mean().in_seconds()},
                       {"cluster_events", s.events.size()},
                       {"detection_seconds", s.detection.in_seconds()},
                       {"bandwidth_trace_steps", s.bandwidth_trace.size()},
                       {"seconds", s.horizon.in_seconds()},
                       {"trials", point.outcomes.size()},
                       {"seed", point.seed}};
  return json;
}

ordered_json point_json(const SimulationPoint& point) {
  ordered_json json = {{"npu_utilization", to_json(point, &sim::Outcome::npu_utilization)},
                       {"multicast_scale", to_json(point, &sim::Outcome::multicast_scale)}};
  if (point.settings.sync == sim::Sync::bsp)
    json["completion_normalized"] = to_json(point, &sim::Outcome::completion_normalized);
  json["npu_utilization_bound"] = point.npu_utilization_bound;
  json["multicast_scale_bound"] = to_json(scale_bound(point));
  json["rounds"] = sum(point, &sim::Outcome::rounds);
  json["multicasts"] = sum(point, &sim::Outcome::multicasts);
  json["deliveries"] = sum(point, &sim::Outcome::deliveries);
  json["dropped"] = sum(point, &sim::Outcome::dropped);
  json["events"] = sum(point, &sim::Outcome::events);
  return json;
}

std::string row(const SimulationPoint& point, const char* name, double sim::Outcome::*member) {
  const sim::Spread all = spread(point, member);
  const auto error = error_of(point, all);
  return fmt::format("{:<22} {:>8.4f}  {:>8.4f}  {:>8.4f}  {:>9}\n", name, all.mean, all.min, all.max,
                     error ? fmt::format("{:.4f}", *error) : "-");
}

std::string count_of(std::uint64_t count, const char* thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string point_as_table(const SimulationReport& report) {
  const SimulationPoint& point = report.points.front();
  const sim::Settings& s = point.settings;
  std::string out =
      fmt::format("{}, {} multicast, {}{}, planner {}, sharing {}: {} of {:g} s, {}, {}, in {:.2g} s\n\n",
                  count_of(s.workers, "worker"), to_string(s.multicast), name_of(kSyncs, s.sync),
                  s.overlap ? " with overlap" : "", s.planner, name_of(kSharings, s.sharing),
                  count_of(point.outcomes.size(), "trial"), s.horizon.in_seconds(),
                  count_of(sum(point, &sim::Outcome::multicasts), "multicast"),
                  count_of(sum(point, &sim::Outcome::events), "event"), report.wall.in_seconds());
  out += fmt::format("{:<22} {:>8}  {:>8}  {:>8}  {:>9}\n", "", "mean", "min", "max", "std error");
  out += row(point, "NPU utilization", &sim::Outcome::npu_utilization);
  out += fmt::format("{:<22} {:>8.4f}  with communication for free\n", "  its bound",
                     point.npu_utilization_bound);
  out += row(point, "multicast scale", &sim::Outcome::multicast_scale);
  if (const auto bound = scale_bound(point))
    out += fmt::format("{:<22} {:>8.4f}  what links carry at this utilization\n", "  its bound", *bound);
  if (s.sync == sim::Sync::bsp)
    out += row(point, "completion / (p v / b)", &sim::Outcome::completion_normalized);
  return out;
}

std::string sweep_as_table(const SimulationReport& report) {
  std::vector<std::size_t> widths;
  for (const auto& [key, value] : report.points.front().swept) widths.push_back(key.size());
  for (const SimulationPoint& point : report.points) {
    for (std::size_t k = 0; k < widths.size(); ++k)
      widths[k] = std::max(widths[k], point.swept[k].second.size());
  }
  std::string out;
  for (std::size_t k = 0; k < widths.size(); ++k)
    out += fmt::format("{:<{}}  ", report.points.front().swept[k].first, widths[k]);
  out += fmt::format("{:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}\n", "NPU", "+-", "bound", "scale", "+-",
                     "bound", "completion");
  const auto text = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.4f}", *value) : "-";
  };
  for (const SimulationPoint& point : report.points) {
    for (std::size_t k = 0; k < widths.size(); ++k)
      out += fmt::format("{:<{}}  ", point.swept[k].second, widths[k]);
    const sim::Spread npu = spread(point, &sim::Outcome::npu_utilization);
    const sim::Spread scale = spread(point, &sim::Outcome::multicast_scale);
    const bool bsp = point.settings.sync == sim::Sync::bsp;
    out += fmt::format(
        "{:>8.4f} {:>8} {:>8.4f} {:>8.4f} {:>8} {:>8} {:>9}\n", npu.mean, text(error_of(point, npu)),
        point.npu_utilization_bound, scale.mean, text(error_of(point, scale)), text(scale_bound(point)),
        bsp ? fmt::format("{:.4f}", spread(point, &sim::Outcome::completion_normalized).mean) : "-");
  }
  return out;
}

// As RFC 4180 has it.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

}  // namespace

std::string simulation_as_json(const SimulationReport& report) {
  if (!report.is_sweep) {
    ordered_json json{{"schema", "selmcast.simulation/1"}};
    json.update(point_json(report.points.front()));
    json["wall_seconds"] = report.wall.in_seconds();
    json["settings"] = settings_json(report.points.front());
    return spread_json(json);
  }
  ordered_json json{{"schema", "selmcast.simulation_sweep/1"}, {"points", ordered_json::array()}};
  for (const SimulationPoint& point : report.points) {
    ordered_json of_point{{"sweep", ordered_json::object()}};
    for (const auto& [key, value] : point.swept) of_point["sweep"][key] = value;
    of_point.update(point_json(point));
    of_point["settings"] = settings_json(point);
    json["points"].push_back(std::move(of_point));
  }
  json["wall_seconds"] = report.wall.in_seconds();
  return spread_json(json);
}

std::string simulation_as_table(const SimulationReport& report) {
  return report.is_sweep ? sweep_as_table(report) : point_as_table(report);
}

std::string simulation_as_csv(const SimulationReport& report) {
  std::string out;
  for (const auto& [key, value] : report.points.front().swept) out += csv_field(key) + ",";
  out +=
      "npu_utilization,npu_utilization_error,npu_utilization_bound,multicast_scale,multicast_scale_error,"
      "multicast_scale_bound,completion_normalized,multicasts,deliveries,dropped,trials\n";
  const auto text = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string();
  };
  for (const SimulationPoint& point : report.points) {
    for (const auto& [key, value] : point.swept) out += csv_field(value) + ",";
    const sim::Spread npu = spread(point, &sim::Outcome::npu_utilization);
    const sim::Spread scale = spread(point, &sim::Outcome::multicast_scale);
    std::optional<double> completion;
    if (point.settings.sync == sim::Sync::bsp)
      completion = spread(point, &sim::Outcome::completion_normalized).mean;
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", npu.mean, text(error_of(point, npu)),
                       point.npu_utilization_bound, scale.mean, text(error_of(point, scale)),
                       text(scale_bound(point)), text(completion), sum(point, &sim::Outcome::multicasts),
                       sum(point, &sim::Outcome::deliveries), sum(point, &sim::Outcome::dropped),
                       point.outcomes.size());
  }
  return out;
}

}  // namespace selmcast::cli
