// Plots over rounds: accuracy, synchronisation, prediction.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "selmcast/cli/report/captions.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/plot_script.h"

namespace selmcast::report {
namespace {

// Beyond this ratio of slowest to fastest, a linear axis shows only the slowest.
constexpr double kLogFrom = 6;

// A data block a run and a line a block. `rows` writes the run's rows and says whether there were any.
template <class Rows>
std::string curves(Script& script, const RunFolder& folder, const Summary& summary, const std::string& with,
                   Rows rows) {
  std::string command;
  for (const GroupSummary& group : summary.groups) {
    bool first = true;
    for (const std::size_t run : group.runs) {
      Script block;
      if (!rows(block, folder.runs[run], summary.runs[run])) continue;
      script.line("$run{} << EOD\n{}EOD", run, block.take());
      join_piece(command, fmt::format("$run{} using 1:2 with {} {} {}", run, with, line_style(summary, group),
                                      key_title(group, first)));
      first = false;
    }
  }
  return command;
}

}  // namespace

std::optional<Plot> accuracy_plot(const RunFolder& folder, const Summary& summary) {
  Script script;
  const std::string command =
      curves(script, folder, summary, "linespoints pt 7 ps 0.35",
             [](Script& block, const RunRecord& run, const RunSummary& numbers) {
               for (const Evaluation& evaluation : run.evaluations)
                 block.line("{:.6g} {:.6g}", (evaluation.at - numbers.start).in_seconds(),
                            evaluation.accuracy * 100);
               return !run.evaluations.empty();
             });
  if (command.empty()) return std::nullopt;
  const double target = summary.scenario.target_accuracy * 100;
  script.line("set title 'Accuracy of the average of all models'");
  script.line("set xlabel 'time since the training began (s)'");
  script.line("set ylabel 'test accuracy (%)'");
  script.line("set xrange [0:*]");
  script.line(
      "set arrow 1 from graph 0, first {0:.6g} to graph 1, first {0:.6g} nohead lw 1.2 dt (3,4) lc rgb '{1}'",
      target, muted().light);
  script.line("set label 1 'target {0:.4g} %' at graph 0.995, first {0:.6g} right offset 0,-0.7 tc rgb '{1}'",
              target, muted().light);
  script.line("{}", command);
  return Plot{
      .name = "accuracy", .caption = accuracy_caption(summary), .script = script.take(), .as_png = true};
}

namespace {

// Seconds by round; without rounds in common, the mean over the workers' multicasts of that round.
std::map<std::uint64_t, double> synchronisations(const RunRecord& run) {
  std::map<std::uint64_t, double> times;
  std::map<std::uint64_t, int> count;
  for (const RoundRecord& round : run.rounds) times[round.round.value()] = round.sync.in_seconds();
  for (const MulticastRecord& multicast : run.multicasts) {
    if (!multicast.complete) continue;
    const std::uint64_t round = multicast.round.value();
    times[round] += (multicast.sending.in_seconds() - times[round]) / ++count[round];
  }
  return times;
}

// Those of the first run that had rounds in common.
void add_bound(Script& script, std::string& command, const RunFolder& folder, bool log) {
  const auto bound_of =
      std::ranges::find_if(folder.runs, [](const RunRecord& r) { return !r.rounds.empty(); });
  if (bound_of == folder.runs.end()) return;
  script.line("$bound << EOD");
  for (const RoundRecord& round : bound_of->rounds)
    if (round.bound > Duration() || !log)
      script.line("{} {:.6g}", round.round.value(), round.bound.in_seconds());
  script.line("EOD");
  join_piece(command, fmt::format("$bound using 1:2 with lines lw 1.4 dt (3,4) lc rgb '{}' title {}",
                                  muted().light, gnuplot_quote("lower bound in " + bound_of->plan.name, 60)));
}

}  // namespace

namespace {

// Whether the slowest group's median dwarfs the fastest one's.
bool wants_log(const Summary& summary) {
  const std::size_t median = metric_index("sync_seconds_median");
  std::optional<double> least;
  double most = 0;
  for (const GroupSummary& group : summary.groups) {
    if (!group.values[median] || !(group.values[median]->mean > 0)) continue;
    least = std::min(least.value_or(group.values[median]->mean), group.values[median]->mean);
    most = std::max(most, group.values[median]->mean);
  }
  return least && most > kLogFrom * *least;
}

struct Range {
  double least = 0;
  double most = 0;
};

// Labels at 1, 2 and 5 of each decade: a decade alone says too little on an axis that spans one or two.
std::string log_tics(Range range) {
  std::string tics;
  for (int decade = static_cast<int>(std::floor(std::log10(range.least))); decade <= std::log10(range.most);
       ++decade)
    for (const int step : {1, 2, 5})
      tics += fmt::format("{}{:g}", tics.empty() ? "" : ", ", step * std::pow(10.0, decade));
  return "(" + tics + ")";
}

Range synchronisation_range(const RunFolder& folder) {
  Range range{std::numeric_limits<double>::infinity(), 0};
  for (const RunRecord& run : folder.runs)
    for (const auto& [round, time] : synchronisations(run)) {
      range.least = std::min(range.least, time);
      range.most = std::max(range.most, time);
    }
  return range;
}

bool all_rounds_took_time(const RunFolder& folder) {
  return std::ranges::all_of(folder.runs, [](const RunRecord& run) {
    return std::ranges::all_of(synchronisations(run), [](const auto& entry) { return entry.second > 0; });
  });
}

}  // namespace

std::optional<Plot> synchronisation_plot(const RunFolder& folder, const Summary& summary) {
  Script script;
  std::string command = curves(script, folder, summary, "linespoints pt 7 ps 0.35",
                               [](Script& block, const RunRecord& run, const RunSummary&) {
                                 for (const auto& [round, time] : synchronisations(run))
                                   block.line("{} {:.6g}", round, time);
                                 return was_planned(run);
                               });
  if (command.empty()) return std::nullopt;
  const bool log = wants_log(summary) && all_rounds_took_time(folder);
  add_bound(script, command, folder, log);
  const bool online =
      std::ranges::any_of(folder.runs, [](const RunRecord& r) { return !r.multicasts.empty(); });
  script.line("set title 'Synchronisation, from plan sent to round ended{}'",
              online ? " (ssp, asp: to multicast complete)" : "");
  script.line("set xlabel 'round'");
  std::uint64_t last = 1;
  for (const RunRecord& run : folder.runs) {
    const auto times = synchronisations(run);
    if (!times.empty()) last = std::max(last, times.rbegin()->first);
  }
  script.line("{}", whole_tics('x', static_cast<double>(last)));
  script.line("set ylabel 'time (s{})'", log ? ", logarithmic" : "");
  if (log) {
    const Range range = synchronisation_range(folder);
    script.line("set logscale y; set yrange [{:.6g}:{:.6g}]; set ytics {}", range.least / 1.3,
                range.most * 1.3, log_tics(range));
  } else {
    script.line("set yrange [0:*]");
  }
  script.line("{}", command);
  return Plot{.name = "synchronisation",
              .caption = synchronisation_caption(summary),
              .script = script.take(),
              .as_png = true};
}

namespace {

// Predicted and measured, in seconds, where both are known and positive.
std::vector<std::pair<double, double>> predictions(const RunRecord& run) {
  std::vector<std::pair<double, double>> pairs;
  const auto add = [&](Duration predicted, Duration measured) {
    if (predicted > Duration() && measured > Duration())
      pairs.emplace_back(predicted.in_seconds(), measured.in_seconds());
  };
  for (const RoundRecord& round : run.rounds) add(round.predicted, round.delivery);
  for (const MulticastRecord& multicast : run.multicasts)
    if (multicast.complete && !multicast.deliveries.empty()) add(multicast.predicted, multicast.sending);
  return pairs;
}

std::optional<Range> prediction_range(const RunFolder& folder) {
  std::optional<Range> range;
  for (const RunRecord& run : folder.runs)
    for (const auto& [predicted, measured] : predictions(run))
      for (const double value : {predicted, measured}) {
        if (!range) range = Range{value, value};
        range->least = std::min(range->least, value);
        range->most = std::max(range->most, value);
      }
  return range;
}

}  // namespace

std::optional<Plot> prediction_plot(const RunFolder& folder, const Summary& summary) {
  const auto range = prediction_range(folder);
  if (!range) return std::nullopt;
  Script script;
  std::string command;
  join_piece(command, fmt::format("x with lines lw 1.4 dt (3,4) lc rgb '{}' title 'measured = predicted'",
                                  muted().light));
  for (const GroupSummary& group : summary.groups) {
    Script block;
    bool any = false;
    for (const std::size_t run : group.runs)
      for (const auto& [predicted, measured] : predictions(folder.runs[run])) {
        block.line("{:.6g} {:.6g}", predicted, measured);
        any = true;
      }
    if (!any) continue;
    script.line("$group{} << EOD\n{}EOD", group.runs.front(), block.take());
    // Open circles for unpaced runs: the same colour lies on the same points.
    join_piece(command, fmt::format("$group{} using 1:2 with points pt {} ps 0.7 lw 1.6 lc rgb '{}' {}",
                                    group.runs.front(), group.paced ? 7 : 6,
                                    planner_colour(group.planner).light, key_title(group, true)));
  }
  const bool log = range->most > kLogFrom * range->least;
  const double low = log ? range->least / 1.2 : 0;
  const double high = range->most * (log ? 1.2 : 1.06);
  script.line("set title 'Deliveries of a round or multicast: predicted against measured'");
  script.line("set xlabel 'predicted by the plan (s{})'", log ? ", logarithmic" : "");
  script.line("set ylabel 'measured (s{})'", log ? ", logarithmic" : "");
  if (log) script.line("set logscale xy; set xtics {0}; set ytics {0}", log_tics(*range));
  script.line("set xrange [{0:.6g}:{1:.6g}]; set yrange [{0:.6g}:{1:.6g}]", low, high);
  script.line("{}", command);
  return Plot{.name = "prediction",
              .caption = prediction_caption(summary),
              .script = script.take(),
              .width = 860,
              .height = 480};
}

}  // namespace selmcast::report
