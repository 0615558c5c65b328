#include "selmcast/cli/report/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>

#include "selmcast/cli/report/captions.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/link_use.h"
#include "selmcast/cli/report/palette.h"

namespace selmcast::report {
namespace {

// Beyond this ratio of slowest to fastest, a linear axis shows only the slowest.
constexpr double kLogFrom = 6;
constexpr std::size_t kLearningPanels = 6;

class Script {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string theme() {
  return fmt::format(
      "reset\n"
      "set encoding utf8\n"
      "set border 3 lw 1 lc rgb '{0}'\n"
      "set tics nomirror scale 0.5 textcolor rgb '{0}'\n"
      "set grid lt 1 lw 1 lc rgb '{1}'\n"
      "set title textcolor rgb '{0}'\n"
      "set xlabel offset 0,0.4 textcolor rgb '{0}'\n"
      "set ylabel textcolor rgb '{0}'\n"
      "set key outside bottom center horizontal textcolor rgb '{0}' samplen 2.4 height 1\n",
      ink().light, grid().light);
}

// How a run is drawn: `lc rgb '#0072b2' lw 2 dt 1`.
std::string line_style(const GroupSummary& group) {
  return fmt::format("lc rgb '{}' lw {} dt {}", planner_colour(group.planner).light,
                     group.runs.size() > 1 ? 1.3 : 2.2, group.paced ? "1" : "(8,5)");
}

std::string key_title(const GroupSummary& group, bool first) {
  if (!first) return "notitle";
  const std::string seeds = group.runs.size() > 1 ? fmt::format(" ({} seeds)", group.runs.size()) : "";
  return "title " + gnuplot_quote(group.name + seeds);
}

// Appends `piece` to a plot command; pieces join with commas.
void join_piece(std::string& command, const std::string& piece) {
  command += command.empty() ? "plot " : ", \\\n  ";
  command += piece;
}

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
      join_piece(command, fmt::format("$run{} using 1:2 with {} {} {}", run, with, line_style(group),
                                      key_title(group, first)));
      first = false;
    }
  }
  return command;
}

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
    for (const RoundRecord& round : run.rounds) {
      range.least = std::min(range.least, round.sync.in_seconds());
      range.most = std::max(range.most, round.sync.in_seconds());
    }
  return range;
}

bool all_rounds_took_time(const RunFolder& folder) {
  return std::ranges::all_of(folder.runs, [](const RunRecord& run) {
    return std::ranges::all_of(run.rounds, [](const RoundRecord& round) { return round.sync > Duration(); });
  });
}

std::optional<Plot> synchronisation_plot(const RunFolder& folder, const Summary& summary) {
  Script script;
  std::string command = curves(script, folder, summary, "linespoints pt 7 ps 0.35",
                               [](Script& block, const RunRecord& run, const RunSummary&) {
                                 for (const RoundRecord& round : run.rounds)
                                   block.line("{} {:.6g}", round.round.value(), round.sync.in_seconds());
                                 return !run.rounds.empty();
                               });
  if (command.empty()) return std::nullopt;
  const bool log = wants_log(summary) && all_rounds_took_time(folder);
  const RunRecord& bound_of =
      *std::ranges::find_if(folder.runs, [](const RunRecord& r) { return !r.rounds.empty(); });
  script.line("$bound << EOD");
  for (const RoundRecord& round : bound_of.rounds)
    if (round.bound > Duration() || !log)
      script.line("{} {:.6g}", round.round.value(), round.bound.in_seconds());
  script.line("EOD");
  join_piece(command, fmt::format("$bound using 1:2 with lines lw 1.4 dt (3,4) lc rgb '{}' title {}",
                                  muted().light, gnuplot_quote("lower bound in " + bound_of.plan.name, 60)));
  script.line("set title 'Synchronisation, round by round'");
  script.line("set xlabel 'round'");
  script.line("set ylabel 'plan sent to round ended (s{})'", log ? ", logarithmic" : "");
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

std::optional<Range> prediction_range(const RunFolder& folder) {
  std::optional<Range> range;
  for (const RunRecord& run : folder.runs)
    for (const RoundRecord& round : run.rounds)
      for (const double value : {round.predicted.in_seconds(), round.delivery.in_seconds()}) {
        if (!(value > 0)) continue;
        if (!range) range = Range{value, value};
        range->least = std::min(range->least, value);
        range->most = std::max(range->most, value);
      }
  return range;
}

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
      for (const RoundRecord& round : folder.runs[run].rounds) {
        if (!(round.predicted > Duration()) || !(round.delivery > Duration())) continue;
        block.line("{:.6g} {:.6g}", round.predicted.in_seconds(), round.delivery.in_seconds());
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
  script.line("set title 'Deliveries of a round: predicted against measured'");
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

struct GroupUse {
  const GroupSummary* group;
  LinkUse use;  // the mean over its runs
};

std::vector<GroupUse> group_uses(const RunFolder& folder, const Summary& summary) {
  std::vector<GroupUse> uses;
  for (const GroupSummary& group : summary.groups) {
    const std::size_t workers = folder.scenario.workers.size();
    LinkUse total{std::vector<double>(workers), std::vector<double>(workers)};
    double runs = 0;
    for (const std::size_t run : group.runs) {
      if (folder.runs[run].rounds.empty()) continue;
      const LinkUse use = link_use(folder.scenario, folder.runs[run]);
      for (std::size_t i = 0; i < workers; ++i) {
        total.uplink[i] += use.uplink[i];
        total.downlink[i] += use.downlink[i];
      }
      ++runs;
    }
    if (runs == 0) continue;
    for (double& share : total.uplink) share /= runs;
    for (double& share : total.downlink) share /= runs;
    uses.push_back({&group, std::move(total)});
  }
  return uses;
}

std::string rate_label(Rate rate) { return fmt::format("{:.3g}", rate.mbps()); }

void link_use_panel(Script& script, const Scenario& scenario, const std::vector<GroupUse>& uses,
                    std::vector<double> LinkUse::*shares, Rate WorkerLinks::*rate, std::string_view what) {
  const std::size_t workers = scenario.workers.size();
  const double bar = 0.8 / static_cast<double>(uses.size());
  script.line("unset xtics");
  script.line("set xtics nomirror scale 0 textcolor rgb '{}' {}", ink().light,
              workers > 12 ? "rotate by -60" : "norotate");
  for (std::size_t i = 0; i < workers; ++i) {
    const WorkerLinks& links = scenario.workers[i];
    script.line("set xtics add ({} {})", gnuplot_quote(links.name + ": " + rate_label(links.*rate), 20), i);
  }
  script.line("set ylabel '{} in use (%)'", what);
  std::string command;
  for (std::size_t g = 0; g < uses.size(); ++g) {
    script.line("${}{} << EOD", what, g);
    for (std::size_t i = 0; i < workers; ++i)
      script.line("{:.4f} {:.6g}", static_cast<double>(i) + bar * (static_cast<double>(g) + 0.5) - 0.4,
                  (uses[g].use.*shares)[i] * 100);
    script.line("EOD");
    const GroupSummary& group = *uses[g].group;
    const std::string fill = group.paced ? "fs solid 0.9 noborder" : "fs empty";
    join_piece(command,
               fmt::format("${}{} using 1:2:({:.4f}) with boxes {} lc rgb '{}' {}", what, g, bar * 0.92, fill,
                           planner_colour(group.planner).light, key_title(group, true)));
  }
  script.line("{}", command);
}

std::optional<Plot> link_use_plot(const RunFolder& folder, const Summary& summary) {
  const std::vector<GroupUse> uses = group_uses(folder, summary);
  if (uses.empty() || folder.scenario.workers.empty()) return std::nullopt;
  const bool many = folder.scenario.workers.size() > 12;
  Script script;
  script.line("set multiplot layout 2,1 title 'Use of the true links while synchronising' textcolor rgb '{}'",
              ink().light);
  script.line("set grid noxtics");
  script.line("set yrange [0:*]");
  script.line("set xrange [-0.6:{:.1f}]", static_cast<double>(folder.scenario.workers.size()) - 0.4);
  script.line("unset key");
  link_use_panel(script, folder.scenario, uses, &LinkUse::downlink, &WorkerLinks::downlink, "downlink");
  script.line("set key outside bottom center horizontal height 1");
  script.line("set xlabel 'worker: its link (Mbit/s)'");
  link_use_panel(script, folder.scenario, uses, &LinkUse::uplink, &WorkerLinks::uplink, "uplink");
  script.line("unset multiplot");
  return Plot{.name = "links",
              .caption = link_use_caption(folder, summary),
              .script = script.take(),
              .height = many ? 640 : 560};
}

void learning_panel(Script& script, const RunFolder& folder, const Summary& summary, WorkerIndex worker,
                    std::size_t panel) {
  const WorkerLinks& links = folder.scenario.workers[position(worker)];
  std::string command;
  join_piece(command, fmt::format("{:.6g} with lines lw 1.4 dt (3,4) lc rgb '{}' title 'true'",
                                  links.downlink.mbps(), ink().light));
  double highest = std::max(links.downlink.mbps(), links.declared_downlink.mbps());
  for (const GroupSummary& group : summary.groups) {
    bool first = true;
    for (const std::size_t run : group.runs) {
      const auto& rounds = folder.runs[run].rounds;
      if (rounds.empty()) continue;
      script.line("$panel{}run{} << EOD\n0 {:.6g}", panel, run, links.declared_downlink.mbps());
      for (std::size_t at = 0; at < rounds.size(); ++at)
        for (const Estimate& estimate : rounds[at].estimates) {
          if (estimate.worker != worker) continue;
          script.line("{} {:.6g}", rounds[at].round.value() + 1, estimate.downlink.mbps());
          highest = std::max(highest, estimate.downlink.mbps());
        }
      script.line("EOD");
      join_piece(command, fmt::format("$panel{}run{} using 1:2 with lines {} {}", panel, run,
                                      line_style(group), key_title(group, first)));
      first = false;
    }
  }
  script.line("set title {}", gnuplot_quote(links.name, 20));
  script.line("set yrange [0:{:.6g}]", highest * 1.1);
  script.line("{}", command);
}

std::optional<Plot> learning_plot(const RunFolder& folder, const Summary& summary) {
  const auto workers = worst_declared(folder.scenario, kLearningPanels);
  const bool learnt =
      std::ranges::any_of(folder.runs, [](const RunRecord& run) { return !run.rounds.empty(); });
  if (workers.empty() || !learnt) return std::nullopt;
  const std::size_t columns = std::min<std::size_t>(3, workers.size());
  const std::size_t rows = (workers.size() + columns - 1) / columns;
  Script script;
  script.line(
      "set multiplot layout {},{} margins 0.06,0.98,0.2,0.86 spacing 0.07,0.16 title 'Downlinks (Mbit/s): "
      "declared at round 0, then learnt' textcolor rgb "
      "'{}'",
      rows, columns, ink().light);
  script.line("set xrange [0:*]");
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const bool last_row = i + columns >= workers.size();
    script.line("{}", last_row ? "set xlabel 'rounds learnt from'" : "unset xlabel");
    // The first panel's key serves all, as one line below them.
    script.line(
        "{}", i == 0 ? "set key at screen 0.5, screen 0.04 center bottom horizontal maxrows 1" : "unset key");
    learning_panel(script, folder, summary, workers[i], i);
  }
  script.line("unset multiplot");
  return Plot{.name = "bandwidth",
              .caption = learning_caption(folder),
              .script = script.take(),
              .height = rows > 1 ? 540 : 320};
}

}  // namespace

std::vector<WorkerIndex> worst_declared(const Scenario& scenario, std::size_t count) {
  std::vector<WorkerIndex> order;
  for (std::size_t i = 0; i < scenario.workers.size(); ++i)
    order.push_back(WorkerIndex(static_cast<std::uint32_t>(i)));
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](WorkerIndex worker) {
    const WorkerLinks& links = scenario.workers[position(worker)];
    return std::fabs(std::log(links.declared_downlink / links.downlink));
  });
  order.resize(std::min(order.size(), count));
  return order;
}

std::vector<Plot> make_plots(const RunFolder& folder, const Summary& summary) {
  std::vector<Plot> plots;
  for (auto plot :
       {accuracy_plot(folder, summary), synchronisation_plot(folder, summary),
        prediction_plot(folder, summary), link_use_plot(folder, summary), learning_plot(folder, summary)})
    if (plot) plots.push_back(std::move(*plot));
  return plots;
}

std::string whole_script(const std::vector<Plot>& plots) {
  std::string script;
  for (const Plot& plot : plots) {
    script += fmt::format(
        "set terminal svg size {},{} noenhanced font 'DejaVu Sans,13' background '{}'\nset output '{}.svg'\n",
        plot.width, plot.height, paper().light, plot.name);
    script += theme() + plot.script + "unset output\n";
    if (!plot.as_png) continue;
    script += fmt::format(
        "set terminal pngcairo size {},{} noenhanced fontscale 2 linewidth 2 pointscale 2 font 'DejaVu "
        "Sans,13' background '{}'\nset output '{}.png'\n",
        2 * plot.width, 2 * plot.height, paper().light, plot.name);
    script += theme() + plot.script + "unset output\n";
  }
  return script;
}

}  // namespace selmcast::report
