#include "selmcast/cli/report/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/plot_script.h"
#include "selmcast/cli/sync_mode.h"

namespace selmcast::report {
namespace {

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

}  // namespace

std::size_t mode_place(const Summary& summary, const GroupSummary& group) {
  std::size_t place = 0;
  for (const std::string_view mode : cli::kSyncModes) {
    if (mode == group.sync) break;
    place += std::ranges::find(summary.groups, mode, &GroupSummary::sync) != summary.groups.end() ? 1 : 0;
  }
  return place;
}

std::string line_style(const Summary& summary, const GroupSummary& group) {
  constexpr std::array kDashes{"1", "(3,3)", "(8,3,2,3)", "(2,6)", "(12,4)"};
  return fmt::format("lc rgb '{}' lw {} dt {}", planner_colour(group.planner).light,
                     group.runs.size() > 1 ? 1.3 : 2.2,
                     group.paced ? kDashes[mode_place(summary, group)] : "(8,5)");
}

std::string key_title(const GroupSummary& group, bool first) {
  if (!first) return "notitle";
  const std::string seeds = group.runs.size() > 1 ? fmt::format(" ({} seeds)", group.runs.size()) : "";
  return "title " + gnuplot_quote(group.name + seeds);
}

std::string whole_tics(char axis, double most) {
  double step = 1;
  for (int k = 0; most / step > 10; ++k) step *= k % 3 == 1 ? 2.5 : 2;  // 1, 2, 5, 10, 20, 50, ...
  return fmt::format("set {}tics {:.0f}", axis, step);
}

std::string name_tics(const std::vector<std::string>& names) {
  std::string tics;
  for (std::size_t i = 0; i < names.size(); ++i)
    tics += fmt::format("{}{} {}", i > 0 ? ", " : "", gnuplot_quote(names[i], 20), i);
  // As a list, not with `add`, which leaves the numbers in between.
  return fmt::format("set xtics nomirror scale 0 textcolor rgb '{}' {} ({})", ink().light,
                     names.size() > 12 ? "rotate by -60" : "norotate", tics);
}

void join_piece(std::string& command, const std::string& piece) {
  command += command.empty() ? "plot " : ", \\\n  ";
  command += piece;
}

std::vector<Plot> make_plots(const RunFolder& folder, const Summary& summary) {
  std::vector<Plot> plots;
  for (auto plot :
       {accuracy_plot(folder, summary), synchronisation_plot(folder, summary),
        utilisation_plot(folder, summary), staleness_plot(folder, summary), drops_plot(folder, summary),
        prediction_plot(folder, summary), link_use_plot(folder, summary), learning_plot(folder, summary),
        estimate_error_plot(folder, summary)})
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
        "set terminal pngcairo size {},{} noenhanced fontscale 1.55 linewidth 2 pointscale 2 font 'DejaVu "
        "Sans,13' background '{}'\nset output '{}.png'\n",
        2 * plot.width, 2 * plot.height, paper().light, plot.name);
    script += theme() + plot.script + "unset output\n";
  }
  return script;
}

}  // namespace selmcast::report
