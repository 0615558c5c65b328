#include "selmcast/cli/reproduce/drawing.h"

#include <fmt/format.h>

#include <algorithm>

#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/palette.h"
#include "selmcast/cli/report/plot_script.h"

namespace selmcast::reproduce {
namespace {

using report::gnuplot_quote;
using report::join_piece;
using report::Script;

constexpr double kBarsWidth = 0.84;  // of all bars of one category together

void add_data(const Panel& panel, Script& script) {
  for (std::size_t c = 0; c < panel.curves.size(); ++c) {
    script.line("$curve{} << EOD", c);
    for (const Point& point : panel.curves[c].points) {
      // A logarithm has no 0: the paper's clock shows some. They are drawn at the bottom.
      const double y = panel.is_log ? std::max(point.y, 1e-6) : point.y;
      script.line("{:.9g} {:.9g} {:.9g} {:.9g}", point.x, y, point.low, point.high);
    }
    script.line("EOD");
  }
}

// The paper's dashed with hollow points; ours solid; another reading of ours dotted.
std::string line_look(const Curve& curve) {
  if (curve.source == Source::paper) return "lw 1.4 dt (6,5) pt 6 ps 1.1";
  return curve.is_variant ? "lw 1.6 dt (2,3) pt 2 ps 0.8" : "lw 2.2 dt 1 pt 7 ps 0.5";
}

void add_lines(const Panel& panel, std::string& command) {
  for (std::size_t c = 0; c < panel.curves.size(); ++c) {
    const Curve& curve = panel.curves[c];
    join_piece(command, fmt::format("$curve{} using 1:2 with linespoints lc rgb '{}' {} title {}", c,
                                    report::planner_colour(curve.planner).light, line_look(curve),
                                    gnuplot_quote(curve.name, 60)));
  }
}

void add_steps(const Panel& panel, std::string& command) {
  for (std::size_t c = 0; c < panel.curves.size(); ++c) {
    const Curve& curve = panel.curves[c];
    const bool is_paper = curve.source == Source::paper;
    const auto colour = report::planner_colour(curve.planner).light;
    const std::string look = is_paper ? fmt::format("boxes fs solid 0.25 lc rgb '{}'", colour)
                                      : fmt::format("histeps lc rgb '{}' lw 2", colour);
    join_piece(command,
               fmt::format("$curve{} using 1:2 with {} title {}", c, look, gnuplot_quote(curve.name)));
  }
}

void add_bars(const Panel& panel, Script& script, std::string& command) {
  std::string tics;
  for (std::size_t k = 0; k < panel.categories.size(); ++k)
    tics += fmt::format("{}{} {}", k > 0 ? ", " : "", gnuplot_quote(panel.categories[k]), k);
  script.line("set xtics ({})", tics);
  script.line("set xrange [-0.6:{}]", static_cast<double>(panel.categories.size()) - 0.4);
  script.line("set yrange [0:*]");
  const double width = kBarsWidth / static_cast<double>(panel.curves.size());
  for (std::size_t c = 0; c < panel.curves.size(); ++c) {
    const Curve& curve = panel.curves[c];
    const auto colour = report::planner_colour(curve.planner).light;
    const double shift = (static_cast<double>(c) + 0.5) * width - kBarsWidth / 2;
    join_piece(
        command,
        fmt::format("$curve{} using ($1+{:.6g}):2:({:.6g}) with boxes fs solid {} lc rgb '{}' title {}", c,
                    shift, width * 0.92,
                    curve.source == Source::paper ? 0.25
                    : curve.is_variant            ? 0.55
                                                  : 0.9,
                    colour, gnuplot_quote(curve.name)));
    // Whiskers as arrows: error bars leave a hole in the bar around their point.
    if (panel.has_range)
      join_piece(
          command,
          fmt::format(
              "$curve{} using ($1+{:.6g}):3:(0):($4-$3) with vectors heads size screen 0.007,90 lc rgb '{}' "
              "lw 1.5 notitle",
              c, shift, report::ink().light));
  }
}

std::string csv_field(const std::string& text) {
  return text.find_first_of(",\"\n") == std::string::npos ? text : fmt::format("\"{}\"", text);
}

}  // namespace

report::Plot draw(const Panel& panel) {
  Script script;
  script.line("set title {}", gnuplot_quote(panel.title, 80));
  script.line("set xlabel {}", gnuplot_quote(panel.x_label, 80));
  script.line("set ylabel {}", gnuplot_quote(panel.y_label, 80));
  if (panel.is_log) script.line("set logscale y\nset format y '%g'");
  if (panel.is_log_x) script.line("set logscale x 2");
  add_data(panel, script);
  std::string command;
  switch (panel.style) {
    case Style::lines:
      script.line("set autoscale fix");
      script.line("set offsets graph 0.03, graph 0.03, graph 0.05, graph 0.05");
      add_lines(panel, command);
      break;
    case Style::steps: add_steps(panel, command); break;
    case Style::bars: add_bars(panel, script, command); break;
  }
  script.line("{}", command);
  return {.name = panel.name,
          .caption = panel.title,
          .script = script.take(),
          .width = 560,
          .height = 430,
          .as_png = true};
}

std::string to_csv(const Panel& panel) {
  std::string out = "curve,source,planner,x,category,y,deviation,trials,low,high\n";
  for (const Curve& curve : panel.curves) {
    for (const Point& point : curve.points) {
      const auto category = static_cast<std::size_t>(point.x);
      const bool has_category = panel.style == Style::bars && category < panel.categories.size();
      out += fmt::format("{},{},{},{:.9g},{},{:.9g}", csv_field(curve.name),
                         curve.source == Source::paper ? "paper" : "ours", curve.planner, point.x,
                         has_category ? csv_field(panel.categories[category]) : "", point.y);
      out += point.trials > 1 ? fmt::format(",{:.6g},{}", point.deviation, point.trials)
                              : fmt::format(",,{}", point.trials > 0 ? std::to_string(point.trials) : "");
      out += panel.has_range ? fmt::format(",{:.9g},{:.9g}\n", point.low, point.high) : ",,\n";
    }
  }
  return out;
}

}  // namespace selmcast::reproduce
