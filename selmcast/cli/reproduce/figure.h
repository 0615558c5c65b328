// A figure as data: the paper's curves and ours, before anything is drawn or judged.
//
// Figures have panels (fig4c), panels have curves. A curve of the paper and one of ours belong together when they have
// the same planner. Bare numbers: what stands on the axes of a plot.
#pragma once

#include <string>
#include <vector>

namespace selmcast::reproduce {

struct Point {
  double x = 0;
  double y = 0;            // the mean over our trials
  double deviation = 0;    // of one trial; sample standard deviation
  std::size_t trials = 0;  // 0: not measured in trials, or the paper's
  double low = 0;          // range over trials, where it is drawn
  double high = 0;
};

enum class Source { paper, ours };

struct Curve {
  std::string planner = {};  // "paper" (SelMcast), "random" (Orpheus), "exact" (Optimal), ...: its colour
  Source source = Source::ours;
  std::string name = {};  // in the key
  std::vector<Point> points = {};
  bool is_variant = false;  // another reading of the same thing: drawn thinner
};

enum class Style {
  lines,
  bars,   // x counts the categories from 0
  steps,  // x are the middles of equal bins
};

struct Panel {
  std::string name = {};  // of its files: fig4c
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  Style style = Style::lines;
  bool is_log = false;  // the y axis
  bool is_log_x = false;
  bool is_judged = true;     // false: not comparable by its numbers, such as times on different machines
  double paper_trials = 10;  // whose means the paper prints; 0: its curve is exact
  bool has_range = false;    // draw low to high
  std::vector<std::string> categories = {};
  std::vector<Curve> curves = {};
};

struct Figure {
  std::string name = {};   // fig4
  std::string title = {};  // a sentence: what is seen
  std::string why = {};    // where ours differs from the paper: the reason
  std::vector<Panel> panels = {};
};

}  // namespace selmcast::reproduce
