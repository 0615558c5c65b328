// The plots of a report, as gnuplot scripts with their data inside.
//
// One colour a planner, everywhere; unpaced runs are dashed; runs of further seeds repeat their group's line,
// thinner, with one entry in the key. Scripts carry strings only through gnuplot_quote() and numbers only as
// numbers. Pure: the same folder gives the same script. Linear in the record.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/report/summary.h"

namespace selmcast::report {

struct Plot {
  std::string name;     // of the files: NAME.svg, NAME.png
  std::string caption;  // one sentence: what is seen
  std::string script;   // everything between `set output` and the next terminal
  int width = 860;      // pixels
  int height = 400;
  bool as_png = false;  // a PNG beside the SVG
};

// Plots without data are left out.
std::vector<Plot> make_plots(const RunFolder& folder, const Summary& summary);

// One script that writes all files of `plots` into the working directory.
std::string whole_script(const std::vector<Plot>& plots);

// The workers whose downlink was declared most wrongly (by ratio, either way), at most `count`, worst first.
std::vector<WorkerIndex> worst_declared(const Scenario& scenario, std::size_t count);

}  // namespace selmcast::report
