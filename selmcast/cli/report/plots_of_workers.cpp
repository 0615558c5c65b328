// Plots of workers: who computes how much of the time, who is how far ahead, and when deliveries were dropped.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "selmcast/cli/report/captions.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/plot_script.h"
#include "selmcast/cli/sync_mode.h"

namespace selmcast::report {
namespace {

constexpr std::size_t kStalenessPanels = 4;

// Computing / (computing + blocked) of each worker, over the group's runs; nothing for a worker without rounds.
std::vector<std::optional<double>> computing_shares(const RunFolder& folder, const GroupSummary& group) {
  std::vector<std::optional<double>> shares;
  for (std::size_t i = 0; i < folder.scenario.workers.size(); ++i) {
    Duration compute;
    Duration all;
    for (const std::size_t run : group.runs)
      for (const WorkerRound& line : folder.runs[run].workers[i]) {
        compute += line.compute;
        all += line.compute + line.blocked;
      }
    shares.push_back(all > Duration() ? std::optional(compute / all) : std::nullopt);
  }
  return shares;
}

std::string worker_label(const WorkerLinks& worker) {
  return worker.slow_factor > 1 ? fmt::format("{}: {:.3g}x", worker.name, worker.slow_factor) : worker.name;
}

}  // namespace

std::optional<Plot> utilisation_plot(const RunFolder& folder, const Summary& summary) {
  const std::vector<WorkerLinks>& workers = folder.scenario.workers;
  Script script;
  std::string command;
  const double bar = 0.8 / static_cast<double>(std::max<std::size_t>(1, summary.groups.size()));
  for (std::size_t g = 0; g < summary.groups.size(); ++g) {
    const GroupSummary& group = summary.groups[g];
    const auto shares = computing_shares(folder, group);
    if (std::ranges::none_of(shares, [](const auto& share) { return share.has_value(); })) continue;
    script.line("$share{} << EOD", g);
    for (std::size_t i = 0; i < shares.size(); ++i)
      if (shares[i])
        script.line("{:.4f} {:.6g}", static_cast<double>(i) + bar * (static_cast<double>(g) + 0.5) - 0.4,
                    *shares[i] * 100);
    script.line("EOD");
    constexpr std::array kPatterns{4, 2, 5, 1};  // of further modes, side by side with the first
    const std::size_t place = mode_place(summary, group);
    const std::string fill = !group.paced ? "fs empty"
                             : place > 0  ? fmt::format("fs pattern {}", kPatterns[place - 1])
                                          : "fs solid 0.9 noborder";
    join_piece(command, fmt::format("$share{} using 1:2:({:.4f}) with boxes {} lc rgb '{}' {}", g, bar * 0.92,
                                    fill, planner_colour(group.planner).light, key_title(group, true)));
  }
  if (command.empty()) return std::nullopt;
  script.line("set title 'Computing time / total time, by worker'");
  script.line("set grid noxtics");
  std::vector<std::string> names;
  for (const WorkerLinks& worker : workers) names.push_back(worker_label(worker));
  script.line("{}", name_tics(names));
  script.line("set xlabel 'worker (a straggler: how many times as long it computes)'");
  script.line("set ylabel 'computing (%)'");
  script.line("set yrange [0:100]");
  script.line("set xrange [-0.6:{:.1f}]", static_cast<double>(workers.size()) - 0.4);
  script.line("{}", command);
  return Plot{.name = "utilisation",
              .caption = utilisation_caption(summary),
              .script = script.take(),
              .as_png = true};
}

namespace {

struct Lead {
  double seconds = 0;
  std::uint64_t rounds = 0;
};

// By worker: completed rounds above the least of all that still train, whenever that changes.
std::vector<std::vector<Lead>> leads_of(const RunRecord& run, Instant start) {
  std::vector<std::uint64_t> completed(run.workers.size());
  std::vector<std::uint64_t> total(run.workers.size());
  for (const MulticastRecord& multicast : run.multicasts)
    total[position(multicast.worker)] += multicast.complete;
  std::vector<std::vector<Lead>> leads(run.workers.size(), {{0, 0}});
  for (const MulticastRecord& multicast : run.multicasts) {
    if (!multicast.complete) continue;
    ++completed[position(multicast.worker)];
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t i = 0; i < completed.size(); ++i)
      if (completed[i] < total[i]) least = std::min(least, completed[i]);
    if (least == std::numeric_limits<std::uint64_t>::max()) break;  // that was the last one
    const double now = (multicast.ended() - start).in_seconds();
    for (std::size_t i = 0; i < completed.size(); ++i) {
      if (completed[i] >= total[i] && position(multicast.worker) != i) continue;  // it is through
      leads[i].push_back({now, completed[i] - std::min(least, completed[i])});
    }
  }
  return leads;
}

void staleness_panel(Script& script, const RunFolder& folder, const RunRecord& run, const RunSummary& numbers,
                     const GroupSummary& group, std::size_t panel) {
  const auto leads = leads_of(run, numbers.start);
  const auto& workers = folder.scenario.workers;
  std::string command;
  if (cli::rule_of(group.sync) == "ssp") {
    join_piece(command, fmt::format("{} with lines lw 1.4 dt (3,4) lc rgb '{}' title 'must wait'",
                                    folder.scenario.staleness + 1, ink().light));
  }
  std::map<bool, bool> named;  // the key has one entry for stragglers, one for the others
  for (std::size_t i = 0; i < leads.size(); ++i) {
    if (leads[i].size() < 2) continue;
    script.line("$panel{}worker{} << EOD", panel, i);
    // Apart, or equal leads would hide one another.
    const double shift = 0.3 * (static_cast<double>(i) / static_cast<double>(leads.size()) - 0.5);
    for (const Lead& lead : leads[i])
      script.line("{:.6g} {:.6g}", lead.seconds, static_cast<double>(lead.rounds) + shift);
    script.line("EOD");
    const bool slow = workers[i].slow_factor > 1;
    const std::string title = named[slow] ? "notitle" : slow ? "title 'stragglers'" : "title 'others'";
    named[slow] = true;
    join_piece(command, fmt::format("$panel{}worker{} using 1:2 with steps lw {} lc rgb '{}' {}", panel, i,
                                    slow ? 2.2 : 1.1,
                                    slow ? alarm().light : planner_colour(group.planner).light, title));
  }
  script.line("set title {}", gnuplot_quote(run.plan.name, 40));
  script.line("{}", command);
}

}  // namespace

std::optional<Plot> staleness_plot(const RunFolder& folder, const Summary& summary) {
  std::vector<const GroupSummary*> shown;
  for (const GroupSummary& group : summary.groups) {
    if (!folder.runs[group.runs.front()].multicasts.empty() && shown.size() < kStalenessPanels)
      shown.push_back(&group);
  }
  if (shown.empty()) return std::nullopt;
  const std::size_t columns = shown.size() > 1 ? 2 : 1;
  const std::size_t rows = (shown.size() + columns - 1) / columns;
  Script script;
  script.line(
      "set multiplot layout {},{} title 'Rounds ahead of the slowest, each worker, over time' textcolor rgb "
      "'{}'",
      rows, columns, ink().light);
  script.line("set xrange [0:*]");
  script.line("set yrange [-0.5:*]");
  script.line("set ytics 1");
  script.line("set ylabel 'rounds ahead'");
  script.line("set xlabel 'time since the training began (s)'");
  for (std::size_t k = 0; k < shown.size(); ++k) {
    const std::size_t run = shown[k]->runs.front();
    staleness_panel(script, folder, folder.runs[run], summary.runs[run], *shown[k], k);
  }
  script.line("unset multiplot");
  return Plot{.name = "staleness",
              .caption = staleness_caption(summary),
              .script = script.take(),
              .height = rows > 1 ? 640 : 360,
              .as_png = true};
}

std::optional<Plot> drops_plot(const RunFolder& folder, const Summary& summary) {
  Script script;
  std::string command;
  std::size_t most = 1;
  for (const GroupSummary& group : summary.groups) {
    bool first = true;
    for (const std::size_t run : group.runs) {
      std::vector<double> times;
      for (const MulticastRecord& multicast : folder.runs[run].multicasts)
        for (const Delivery& delivery : multicast.deliveries)
          if (delivery.dropped && delivery.settled)
            times.push_back((*delivery.settled - summary.runs[run].start).in_seconds());
      if (times.empty()) continue;
      std::ranges::sort(times);
      most = std::max(most, times.size());
      script.line("$drops{} << EOD\n0 0", run);
      for (std::size_t k = 0; k < times.size(); ++k) script.line("{:.6g} {}", times[k], k + 1);
      script.line("EOD");
      join_piece(command, fmt::format("$drops{} using 1:2 with steps {} {}", run, line_style(summary, group),
                                      key_title(group, first)));
      first = false;
    }
  }
  if (command.empty()) return std::nullopt;
  script.line("set title 'Deliveries dropped by a later plan, so far'");
  script.line("set xlabel 'time since the training began (s)'");
  script.line("set ylabel 'deliveries'");
  script.line("{}", whole_tics('y', static_cast<double>(most)));
  script.line("set xrange [0:*]");
  script.line("set yrange [0:*]");
  script.line("{}", command);
  return Plot{.name = "drops", .caption = drops_caption(summary), .script = script.take(), .height = 320};
}

}  // namespace selmcast::report
