// Measured beside predicted, for people and for programs.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "selmcast/cli/json_text.h"
#include "selmcast/cli/replay.h"
#include "selmcast/cli/simulate_names.h"

namespace selmcast::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  const char* key;
  const char* label;
  bool percent = false;
  std::optional<double> measured, predicted;
  std::optional<double> least = {}, most = {};  // of all trials
};

std::optional<double> in_seconds(std::optional<Duration> time) {
  if (!time) return std::nullopt;
  return time->in_seconds();
}

std::vector<Row> rows_of(const Replay& replay, const TrainingFigures& p) {
  const TrainingFigures& m = replay.measured;
  const bool bsp = replay.settings.sync == sim::Sync::bsp;
  return {
      {"npu_utilization", "time spent computing", true, m.npu_utilization, p.npu_utilization},
      {"completion_seconds", bsp ? "deliveries of a round, s" : "a multicast, s", false,
       in_seconds(m.completion), in_seconds(p.completion)},
      {"blocked_seconds", "blocked, a worker and round, s", false, m.blocked.in_seconds(),
       p.blocked.in_seconds()},
      {"total_seconds", "the whole training, s", false, m.total.in_seconds(), p.total.in_seconds()},
      {"receivers_mean", "receivers of a multicast", false, m.receivers, p.receivers},
  };
}

// With the least and the most of all trials.
std::vector<Row> rows_of(const Replay& replay) {
  std::vector<Row> rows = rows_of(replay, replay.predicted);
  for (const TrainingFigures& trial : replay.trials) {
    const std::vector<Row> one = rows_of(replay, trial);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (!one[k].predicted) continue;
      rows[k].least = std::min(rows[k].least.value_or(*one[k].predicted), *one[k].predicted);
      rows[k].most = std::max(rows[k].most.value_or(*one[k].predicted), *one[k].predicted);
    }
  }
  return rows;
}

std::optional<double> error_of(const Row& row) {
  if (!row.measured || !row.predicted || *row.measured == 0) return std::nullopt;
  return *row.predicted / *row.measured - 1;
}

std::string show(std::optional<double> value, bool percent) {
  if (!value) return "-";
  return percent ? fmt::format("{:.1f} %", 100 * *value) : fmt::format("{:.3f}", *value);
}

}  // namespace

std::string replay_as_table(const Replay& replay) {
  const sim::Settings& settings = replay.settings;
  std::string text = fmt::format(
      "{}: {} of {} workers, {} rounds, under {}\n\n{:<32}{:>12}{:>12}{:>10}{:>22}\n", replay.name,
      settings.planner, settings.workers, replay.rounds, name_of(kSyncs, settings.sync), "", "measured",
      "predicted", "error", fmt::format("{} trials", replay.trials.size()));
  for (const Row& row : rows_of(replay)) {
    const auto error = error_of(row);
    text +=
        fmt::format("{:<32}{:>12}{:>12}{:>10}{:>22}\n", row.label, show(row.measured, row.percent),
                    show(row.predicted, row.percent), error ? fmt::format("{:+.1f} %", 100 * *error) : "-",
                    show(row.least, row.percent) + " to " + show(row.most, row.percent));
  }
  text += fmt::format("\n{:<32}{:>12}{:>12}{:>10}\n", "time spent computing, by worker", "measured",
                      "predicted", "error");
  for (std::size_t i = 0; i < settings.workers; ++i) {
    const double measured = replay.measured.worker_utilization[i];
    const double predicted = replay.predicted.worker_utilization[i];
    text += fmt::format("{:<32}{:>12}{:>12}{:>10}\n", replay.names[i], show(measured, true),
                        show(predicted, true),
                        measured > 0 ? fmt::format("{:+.1f} %", 100 * (predicted / measured - 1)) : "-");
  }
  return text;
}

std::string replay_as_json(const Replay& replay) {
  const auto value = [](std::optional<double> number) { return number ? Json(*number) : Json(); };
  Json json{{"schema", "selmcast.replay/1"},
            {"run", replay.name},
            {"sync", name_of(kSyncs, replay.settings.sync)},
            {"planner", replay.settings.planner},
            {"workers", replay.settings.workers},
            {"rounds", replay.rounds}};
  for (const Row& row : rows_of(replay)) {
    json[row.key] = {{"measured", value(row.measured)},
                     {"predicted", value(row.predicted)},
                     {"predicted_min", value(row.least)},
                     {"predicted_max", value(row.most)},
                     {"relative_error", value(error_of(row))}};
  }
  json["worker_npu_utilization"] = Json::array();
  for (std::size_t i = 0; i < replay.settings.workers; ++i) {
    json["worker_npu_utilization"].push_back({{"id", replay.names[i]},
                                              {"measured", replay.measured.worker_utilization[i]},
                                              {"predicted", replay.predicted.worker_utilization[i]}});
  }
  return spread_json(json);
}

}  // namespace selmcast::cli
