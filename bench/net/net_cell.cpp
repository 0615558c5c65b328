#include "bench/net/net_cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "selmcast/cli/report/statistics.h"

namespace selmcast::bench {
namespace {

using nlohmann::json;

std::vector<Duration> durations_from(const json& seconds) {
  std::vector<Duration> times;
  for (const double time : seconds.get<std::vector<double>>()) times.push_back(Duration::seconds(time));
  return times;
}

std::vector<double> in_seconds(const std::vector<Duration>& times) {
  std::vector<double> seconds;
  for (const Duration time : times) seconds.push_back(time.in_seconds());
  return seconds;
}

}  // namespace

Result<HostRepeat> parse_host_repeat(const std::string& line) {
  const json value = json::parse(line, nullptr, false);
  try {
    return HostRepeat{value.at("round"), Instant::at_seconds(value.at("started")),
                      Instant::at_seconds(value.at("ended")), Duration::seconds(value.at("cpu_seconds")),
                      value.at("reached")};
  } catch (const json::exception&) {
    return failure(ErrorCode::corrupt, "not a line of measurements: " + line.substr(0, 200));
  }
}

Result<void> add_repeats(const std::vector<std::vector<HostRepeat>>& hosts, Bytes payload, NetCell& cell) {
  double reached = 0, count = 0, cpu = 0;
  const std::size_t repeats = hosts.empty() ? 0 : hosts.front().size();
  if (repeats == 0) return failure(ErrorCode::corrupt, "nothing was measured");
  for (std::size_t k = 0; k < repeats; ++k) {
    Instant began, ended;
    for (const auto& host : hosts) {
      if (host.size() != repeats)
        return failure(ErrorCode::corrupt, "a host measured less often than another");
      began = std::max(began, host[k].started);
      ended = std::max(ended, host[k].ended);
      reached += host[k].reached;
      cpu += host[k].cpu.in_seconds();
      ++count;
    }
    cell.seconds.push_back(ended - began);
  }
  cell.reached_mean = reached / count;
  const double gigabytes = static_cast<double>(payload.count()) / 1e9;
  cell.cpu_seconds_per_gb = gigabytes > 0 ? cpu / gigabytes : 0;
  return {};
}

NetFigures figures_of(const NetCell& cell) {
  NetFigures figures;
  const std::vector<double> seconds = in_seconds(cell.seconds);
  figures.median_seconds = report::quantile(seconds, 0.5).value_or(0);
  figures.least_seconds = report::quantile(seconds, 0).value_or(0);
  figures.most_seconds = report::quantile(seconds, 1).value_or(0);
  const double bound = report::mean(in_seconds(cell.bounds)).value_or(0);
  const double mean = report::mean(seconds).value_or(0);
  figures.bound_share = mean > 0 ? bound / mean : 0;
  std::vector<double> errors;
  for (const double error : cell.prediction_errors) errors.push_back(std::abs(error));
  figures.error_median = report::quantile(errors, 0.5);
  figures.error_p95 = report::quantile(errors, 0.95);
  return figures;
}

std::string net_table(const std::vector<NetCell>& cells) {
  std::string text;
  std::string setup;
  const auto percent = [](const std::optional<double>& share) {
    return share ? fmt::format("{:.1f} %", *share * 100) : std::string("-");
  };
  for (const NetCell& cell : cells) {
    if (cell.setup != setup) {
      setup = cell.setup;
      text += fmt::format(
          "{}**{}**\n\n| | seconds: median (least to most) | receivers | bound / time | prediction error: "
          "median | 95 % | CPU s/GB |\n|---|---|---|---|---|---|---|\n",
          text.empty() ? "" : "\n", setup);
    }
    const NetFigures figures = figures_of(cell);
    text += fmt::format("| {} | {:.2f} ({:.2f} to {:.2f}) | {:.2f} | {:.0f} % | {} | {} | {:.1f} |\n",
                        cell.contender, figures.median_seconds, figures.least_seconds, figures.most_seconds,
                        cell.reached_mean, figures.bound_share * 100, percent(figures.error_median),
                        percent(figures.error_p95), cell.cpu_seconds_per_gb);
  }
  return text;
}

std::string net_json(const NetCell& cell) {
  return json({{"schema", "selmcast.bench_net/1"},
               {"setup", cell.setup},
               {"contender", cell.contender},
               {"ours", cell.ours},
               {"seconds", in_seconds(cell.seconds)},
               {"bound_seconds", in_seconds(cell.bounds)},
               {"prediction_errors", cell.prediction_errors},
               {"receivers_mean", cell.reached_mean},
               {"cpu_seconds_per_gb", cell.cpu_seconds_per_gb}})
      .dump();
}

Result<NetCell> parse_net_cell(const std::string& line) {
  const json value = json::parse(line, nullptr, false);
  try {
    if (value.at("schema") != "selmcast.bench_net/1")
      return failure(ErrorCode::corrupt, "not of schema selmcast.bench_net/1");
    return NetCell{.setup = value.at("setup"),
                   .contender = value.at("contender"),
                   .ours = value.at("ours"),
                   .seconds = durations_from(value.at("seconds")),
                   .bounds = durations_from(value.at("bound_seconds")),
                   .prediction_errors = value.at("prediction_errors"),
                   .reached_mean = value.at("receivers_mean"),
                   .cpu_seconds_per_gb = value.at("cpu_seconds_per_gb")};
  } catch (const json::exception&) {
    return failure(ErrorCode::corrupt, "not a line of this bench: " + line.substr(0, 200));
  }
}

}  // namespace selmcast::bench
