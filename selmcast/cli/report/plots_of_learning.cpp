// Plots of what the manager learnt of the links: estimates beside the truth, and how far they were off.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "selmcast/cli/report/captions.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/plot_script.h"
#include "selmcast/cli/report/statistics.h"

namespace selmcast::report {
namespace {

constexpr std::size_t kLearningPanels = 6;

// After how many rounds, and when, what was believed. Without rounds in common a look is taken when as many multicasts
// are complete as there are workers.
struct Look {
  std::uint64_t number = 0;
  Instant at;
  const std::vector<Estimate>* estimates = nullptr;
};
std::vector<Look> looks_of(const RunRecord& run) {
  std::vector<Look> looks;
  for (const RoundRecord& round : run.rounds)
    looks.push_back({round.round.value() + 1, round.ended, &round.estimates});
  for (const Learnt& look : run.learnt) looks.push_back({looks.size() + 1, look.at, &look.estimates});
  return looks;
}

// The truth at each look, on a testbed; the highest.
double true_steps(Script& script, const RunFolder& folder, std::size_t run, WorkerIndex worker,
                  std::size_t panel) {
  double highest = 0;
  script.line("$true{}run{} << EOD", panel, run);
  for (const Look& look : looks_of(folder.runs[run])) {
    const double rate = true_rates(folder.scenario, folder.runs[run], worker, look.at).downlink.mbps();
    highest = std::max(highest, rate);
    script.line("{} {:.6g}", look.number, rate);
  }
  script.line("EOD");
  return highest;
}

void learning_panel(Script& script, const RunFolder& folder, const Summary& summary, WorkerIndex worker,
                    std::size_t panel) {
  const WorkerLinks& links = folder.scenario.workers[position(worker)];
  std::string command;
  const bool emulated =
      std::ranges::all_of(folder.runs, [](const RunRecord& run) { return run.true_links.empty(); });
  if (emulated) {
    join_piece(command, fmt::format("{:.6g} with lines lw 1.4 dt (3,4) lc rgb '{}'", links.downlink.mbps(),
                                    ink().light));
  }
  double highest = std::max(links.downlink.mbps(), links.declared_downlink.mbps());
  for (const GroupSummary& group : summary.groups) {
    for (const std::size_t run : group.runs) {
      const auto looks = looks_of(folder.runs[run]);
      if (looks.empty()) continue;
      script.line("$panel{}run{} << EOD\n0 {:.6g}", panel, run, links.declared_downlink.mbps());
      for (const Look& look : looks)
        for (const Estimate& estimate : *look.estimates) {
          if (estimate.worker != worker) continue;
          script.line("{} {:.6g}", look.number, estimate.downlink.mbps());
          highest = std::max(highest, estimate.downlink.mbps());
        }
      script.line("EOD");
      const bool changes = std::ranges::any_of(
          folder.runs[run].true_links, [&](const TrueLinks& known) { return known.worker == worker; });
      if (changes) highest = std::max(highest, true_steps(script, folder, run, worker, panel));
      if (changes) {
        join_piece(command, fmt::format("$true{}run{} using 1:2 with steps lw 1.4 dt (3,4) lc rgb '{}'",
                                        panel, run, ink().light));
      }
      join_piece(command, fmt::format("$panel{}run{} using 1:2 with lines {}", panel, run,
                                      line_style(summary, group)));
    }
  }
  script.line("set title {}", gnuplot_quote(links.name, 20));
  script.line("set yrange [0:{:.6g}]", highest * 1.1);
  script.line("{}", command);
}

double most_looks(const RunFolder& folder) {
  std::size_t most = 1;
  for (const RunRecord& run : folder.runs) most = std::max(most, looks_of(run).size());
  return static_cast<double>(most);
}

// gnuplot lays a key out within one panel; this one serves all, as a line below them.
void learning_key(Script& script, const RunFolder& folder, const Summary& summary) {
  std::vector<const GroupSummary*> shown;  // what has lines
  for (const GroupSummary& group : summary.groups) {
    if (std::ranges::any_of(group.runs, [&](std::size_t run) { return !looks_of(folder.runs[run]).empty(); }))
      shown.push_back(&group);
  }
  const double step = 1.0 / static_cast<double>(shown.size() + 1);
  const auto entry = [&](std::size_t place, const std::string& text, std::string_view colour) {
    script.line("set label {} {} at screen {:.4g}, screen 0.04 center tc rgb '{}'", place + 1,
                gnuplot_quote(text, 60), step * (static_cast<double>(place) + 0.5), colour);
  };
  script.line("unset key");
  entry(0, "\u00b7\u00b7\u00b7\u00b7 true", ink().light);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const GroupSummary& group = *shown[i];
    entry(i + 1, (group.paced ? "\u2014 " : "- - ") + group.name, planner_colour(group.planner).light);
  }
}

}  // namespace

std::optional<Plot> learning_plot(const RunFolder& folder, const Summary& summary) {
  const auto workers = worst_declared(folder.scenario, kLearningPanels);
  const bool learnt =
      std::ranges::any_of(folder.runs, [](const RunRecord& run) { return !looks_of(run).empty(); });
  if (workers.empty() || !learnt) return std::nullopt;
  const std::size_t columns = std::min<std::size_t>(3, workers.size());
  const std::size_t rows = (workers.size() + columns - 1) / columns;
  Script script;
  script.line(
      "set multiplot layout {},{} margins 0.06,0.98,{},{} spacing 0.07,0.16 title 'Downlinks (Mbit/s): "
      "declared at round 0, then learnt' textcolor rgb "
      "'{}'",
      rows, columns, rows > 1 ? 0.2 : 0.27, rows > 1 ? 0.86 : 0.8, ink().light);
  script.line("set xrange [0:*]");
  learning_key(script, folder, summary);
  script.line("{}", whole_tics('x', most_looks(folder)));
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (i == 1) script.line("unset label");
    const bool last_row = i + columns >= workers.size();
    script.line("set xlabel '{}' textcolor rgb '{}'", last_row ? "rounds learnt from" : "", ink().light);
    learning_panel(script, folder, summary, workers[i], i);
  }
  script.line("unset multiplot");
  return Plot{.name = "bandwidth",
              .caption = learning_caption(folder),
              .script = script.take(),
              .height = rows > 1 ? 540 : 320};
}

namespace {

// Estimate against truth after each look: by how much half of the links are off, and by how much the worst is.
void error_panel(Script& script, const RunFolder& folder, const Summary& summary, bool uplinks) {
  std::string command;
  const char* what = uplinks ? "Uplinks" : "Downlinks";
  for (const GroupSummary& group : summary.groups) {
    for (const std::size_t run : group.runs) {
      const auto looks = looks_of(folder.runs[run]);
      if (looks.empty()) continue;
      script.line("$error{}run{} << EOD", what, run);
      for (const Look& look : looks) {
        std::vector<double> errors;
        for (const Estimate& estimate : *look.estimates) {
          const TrueRates truth = true_rates(folder.scenario, folder.runs[run], estimate.worker, look.at);
          const double ratio = uplinks ? estimate.uplink / truth.uplink : estimate.downlink / truth.downlink;
          errors.push_back(std::abs(ratio - 1) * 100);
        }
        script.line("{} {:.4g} {:.4g}", look.number, quantile(errors, 0.5).value_or(0),
                    quantile(errors, 1).value_or(0));
      }
      script.line("EOD");
      join_piece(command,
                 fmt::format("$error{}run{} using 1:2 with lines {}", what, run, line_style(summary, group)));
      join_piece(command, fmt::format("$error{}run{} using 1:3 with points pt 7 ps 0.25 {}", what, run,
                                      line_style(summary, group)));
    }
  }
  script.line("set title '{}: error of the estimates (%), median of all (line) and worst (dots)'", what);
  script.line("{}", command);
}

}  // namespace

std::optional<Plot> estimate_error_plot(const RunFolder& folder, const Summary& summary) {
  const bool learnt =
      std::ranges::any_of(folder.runs, [](const RunRecord& run) { return !looks_of(run).empty(); });
  if (!learnt) return std::nullopt;
  Script script;
  script.line("set multiplot layout 2,1");
  script.line("set yrange [0:100]");
  script.line("set xrange [0:*]");
  script.line("{}", whole_tics('x', most_looks(folder)));
  script.line("unset key");
  error_panel(script, folder, summary, false);
  script.line("set xlabel 'rounds learnt from' textcolor rgb '{}'", ink().light);
  error_panel(script, folder, summary, true);
  script.line("unset multiplot");
  return Plot{
      .name = "estimate_error",
      .caption =
          "How far the learnt bandwidth was off after each round. An uplink that never binds and that no "
          "receivers can fill keeps what was declared.",
      .script = script.take(),
      .height = 520};
}

}  // namespace selmcast::report
