#include "bench/net/net_plot.h"

#include <fmt/format.h>

#include <iterator>

#include "selmcast/cli/report/gnuplot.h"

namespace selmcast::bench {

namespace {

// In data, single quotes do not hold words together. The names are ours and have no quotes.
std::string label_of(const std::string& contender) { return '"' + contender + '"'; }

}  // namespace

std::string net_plot_script(const std::vector<NetCell>& cells) {
  std::vector<std::string> setups;
  for (const NetCell& cell : cells) {
    if (setups.empty() || setups.back() != cell.setup) setups.push_back(cell.setup);
  }
  std::string script;
  const auto line = [&](const std::string& text) { script += text + "\n"; };
  line(fmt::format("set terminal svg size 860,{} font 'sans-serif,12' background rgb 'white'",
                   300 * setups.size()));
  line("set output 'bench_net.svg'");
  line(fmt::format("set multiplot layout {},1", setups.size()));
  line(
      "unset key\nset grid ytics\nset border 3\nset tics nomirror\nset style fill solid 0.85 noborder\nset "
      "boxwidth 0.7\n"
      "set xtics rotate by 35 right scale 0\nset yrange [0:*]");
  for (std::size_t s = 0; s < setups.size(); ++s) {
    line(fmt::format("$setup{} << EOD", s));
    std::size_t place = 0;
    for (const NetCell& cell : cells) {
      if (cell.setup != setups[s]) continue;
      const NetFigures figures = figures_of(cell);
      line(fmt::format("{} {:.6g} {:.6g} {:.6g} {} {}", place++, figures.median_seconds,
                       figures.least_seconds, figures.most_seconds, cell.ours ? "0x0072b2" : "0x999999",
                       label_of(cell.contender)));
    }
    line("EOD");
    line(fmt::format(
        "set title {}",
        report::gnuplot_quote(setups[s] + ": seconds a synchronisation, median, least, most", 80)));
    line(
        fmt::format("plot $setup{0} using 1:2:5:xtic(6) with boxes lc rgb variable, "
                    "$setup{0} using 1:3:(0):($4-$3) with vectors nohead lw 1.5 lc rgb '#222222'",
                    s));
  }
  line("unset multiplot");
  return script;
}

}  // namespace selmcast::bench
