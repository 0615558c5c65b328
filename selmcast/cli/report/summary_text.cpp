#include "selmcast/cli/report/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "selmcast/cli/report/markup.h"

namespace selmcast::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestName = 24;

// Three significant digits, without an exponent for what a person meets.
std::string three_digits(double value) {
  if (value == 0) return "0";
  const int digits = std::clamp(2 - static_cast<int>(std::floor(std::log10(std::fabs(value)))), 0, 6);
  std::string text = fmt::format("{:.{}f}", value, digits);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

double shown_scale(Unit unit) { return unit == Unit::percent ? 100.0 : 1.0; }

// Digits after the point that suit every cell of a row whose largest value is `largest`.
int row_digits(Unit unit, double largest) {
  switch (unit) {
    case Unit::seconds: return largest < 10 ? 3 : largest < 100 ? 2 : 1;
    case Unit::percent: return 1;
    case Unit::ratio: return largest < 0.1 ? 4 : 2;
    case Unit::count: return 0;
  }
  return 2;
}

std::string cell(const std::optional<Spread>& value, std::size_t runs, double scale, int digits) {
  if (!value) return "-";
  const bool whole = value->deviation == 0;
  const int shown = digits == 0 && !whole ? 1 : digits;
  std::string text = fmt::format("{:.{}f}", value->mean * scale, shown);
  if (value->count > 1) text += fmt::format(" ± {:.{}f}", value->deviation * scale, shown);
  if (value->count < runs) text += fmt::format(" ({} of {})", value->count, runs);
  return text;
}

std::string label(const Metric& metric, const Scenario& scenario) {
  if (metric.key == "time_to_target_seconds")
    return fmt::format("until the average reaches {} % (s)", three_digits(scenario.target_accuracy * 100));
  if (metric.key == "widest_meeting_gap_rounds")
    return fmt::format("widest gap between two meetings (rounds, at most {})", scenario.max_age + 1);
  switch (metric.unit) {
    case Unit::seconds: return fmt::format("{} (s)", metric.label);
    case Unit::percent: return fmt::format("{} (%)", metric.label);
    default: return std::string(metric.label);
  }
}

std::string pad_right(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text_width(text)), ' ');
}
std::string pad_left(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text_width(text)), ' ') + text;
}

// NaN and infinity have no JSON; null says that nothing is known.
Json number(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return *value;
}

Json run_json(const RunSummary& run) {
  Json json{{"name", run.plan.name},
            {"planner", run.plan.planner},
            {"sync", run.plan.sync},
            {"paced", run.plan.paced},
            {"seed", run.plan.seed}};
  for (const Metric& metric : metrics()) json[std::string(metric.key)] = number(metric.value(run));
  return json;
}

Json group_json(const Summary& summary, const GroupSummary& group) {
  Json names = Json::array();
  Json seeds = Json::array();
  for (const std::size_t run : group.runs) {
    names.push_back(summary.runs[run].plan.name);
    seeds.push_back(summary.runs[run].plan.seed);
  }
  Json json{{"name", group.name}, {"planner", group.planner},
            {"sync", group.sync}, {"paced", group.paced},
            {"runs", names},      {"seeds", seeds}};
  for (std::size_t i = 0; i < group.values.size(); ++i) {
    const auto& value = group.values[i];
    const std::string key(metrics()[i].key);
    if (!value) {
      json[key] = nullptr;
    } else {
      json[key] = Json{
          {"mean", number(value->mean)}, {"deviation", number(value->deviation)}, {"count", value->count}};
    }
  }
  return json;
}

}  // namespace

std::string show_rate(Rate rate) {
  if (rate.bps() >= 1e9) return three_digits(rate.bps() / 1e9) + " Gbit/s";
  if (rate.bps() >= 1e6) return three_digits(rate.bps() / 1e6) + " Mbit/s";
  if (rate.bps() >= 1e3) return three_digits(rate.bps() / 1e3) + " kbit/s";
  return three_digits(rate.bps()) + " bit/s";
}

std::string show_seconds(Duration time) {
  return fmt::format("{:.{}f} s", time.in_seconds(), row_digits(Unit::seconds, time.in_seconds()));
}

std::string show_bytes(Bytes bytes) {
  const auto count = static_cast<double>(bytes.count());
  if (count >= 1e9) return three_digits(count / 1e9) + " GB";
  if (count >= 1e6) return three_digits(count / 1e6) + " MB";
  if (count >= 1e3) return three_digits(count / 1e3) + " kB";
  return three_digits(count) + " bytes";
}

std::vector<TableRow> table_rows(const Summary& summary) {
  std::vector<TableRow> rows;
  for (std::size_t i = 0; i < metrics().size(); ++i) {
    const Metric& metric = metrics()[i];
    const double scale = shown_scale(metric.unit);
    double largest = 0;
    const bool online_only = metric.key == "dropped_deliveries" || metric.key == "widest_lead_rounds";
    if (online_only && std::ranges::all_of(summary.groups, [](const auto& g) { return g.sync == "bsp"; }))
      continue;
    for (const GroupSummary& group : summary.groups)
      if (group.values[i]) largest = std::max(largest, std::fabs(group.values[i]->mean * scale));
    TableRow row{label(metric, summary.scenario), {}};
    for (const GroupSummary& group : summary.groups)
      row.cells.push_back(cell(group.values[i], group.runs.size(), scale, row_digits(metric.unit, largest)));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string table_text(const Summary& summary, std::size_t width) {
  if (summary.groups.empty()) return "no runs\n";
  std::vector<TableRow> rows = table_rows(summary);
  TableRow head{"", {}};
  TableRow seeds{"", {}};
  for (const GroupSummary& group : summary.groups) {
    head.cells.push_back(printable(group.name, kLongestName));
    seeds.cells.push_back(group.runs.size() == 1 ? "1 run" : fmt::format("{} seeds", group.runs.size()));
  }
  rows.insert(rows.begin(), {head, seeds});
  std::size_t label_width = 0;
  std::size_t cell_width = 0;
  for (const TableRow& row : rows) {
    label_width = std::max(label_width, text_width(row.label));
    for (const std::string& text : row.cells) cell_width = std::max(cell_width, text_width(text));
  }
  const std::size_t column = cell_width + 3;
  const std::size_t fitting = std::max<std::size_t>(1, (width - std::min(width, label_width)) / column);
  std::string text;
  for (std::size_t first = 0; first < summary.groups.size(); first += fitting) {
    const std::size_t last = std::min(first + fitting, summary.groups.size());
    if (first > 0) text += '\n';
    for (std::size_t row = 0; row < rows.size(); ++row) {
      text += pad_right(rows[row].label, label_width);
      for (std::size_t i = first; i < last; ++i) text += pad_left(rows[row].cells[i], column);
      text += '\n';
      if (row == 1) text += std::string(label_width + (last - first) * column, '-') + '\n';
    }
  }
  return text;
}

std::string summary_json(const Summary& summary) {
  const Scenario& scenario = summary.scenario;
  Json json{{"schema", "selmcast.demo/1"},
            {"seed", scenario.seed},
            {"workers", scenario.workers.size()},
            {"rounds_asked", scenario.rounds},
            {"min_receivers", scenario.min_receivers},
            {"max_age", scenario.max_age},
            {"model", scenario.model},
            {"model_bytes", scenario.model_bytes.count()},
            {"payload", scenario.payload},
            {"multicast", scenario.chooses_multicast ? "auto" : std::string(to_string(scenario.multicast))},
            {"target_accuracy", scenario.target_accuracy}};
  json["groups"] = Json::array();
  for (const GroupSummary& group : summary.groups) json["groups"].push_back(group_json(summary, group));
  json["runs"] = Json::array();
  for (const RunSummary& run : summary.runs) json["runs"].push_back(run_json(run));
  return json.dump(2) + "\n";
}

}  // namespace selmcast::report
