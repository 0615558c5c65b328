// Plots of links: how much of them was used. What the manager learnt of them: plots_of_learning.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "selmcast/cli/report/captions.h"
#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/link_use.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/plot_script.h"

namespace selmcast::report {
namespace {

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
      if (!was_planned(folder.runs[run])) continue;
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
  std::vector<std::string> names;
  for (const WorkerLinks& links : scenario.workers)
    names.push_back(links.name + ": " + rate_label(links.*rate));
  script.line("{}", name_tics(names));
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

}  // namespace

std::optional<Plot> link_use_plot(const RunFolder& folder, const Summary& summary) {
  const std::vector<GroupUse> uses = group_uses(folder, summary);
  if (uses.empty() || folder.scenario.workers.empty()) return std::nullopt;
  const bool many = folder.scenario.workers.size() > 12;
  const bool online =
      std::ranges::any_of(folder.runs, [](const RunRecord& r) { return !r.multicasts.empty(); });
  Script script;
  script.line("set multiplot layout 2,1 title 'Use of the true links while {}' textcolor rgb '{}'",
              online ? "multicasts run (bsp: while synchronising)" : "synchronising", ink().light);
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

}  // namespace selmcast::report
