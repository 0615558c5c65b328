// A panel as files: a gnuplot plot and a CSV. Pure.
//
// The paper's curves are dashed with hollow points (or pale bars), ours solid in the same colour. CSV, one row a point:
// curve, source, planner, x, category, y, deviation, trials, low, high; what a curve does not have stays empty.
#pragma once

#include <string>

#include "selmcast/cli/report/plots.h"
#include "selmcast/cli/reproduce/figure.h"

namespace selmcast::reproduce {

report::Plot draw(const Panel& panel);
std::string to_csv(const Panel& panel);

}  // namespace selmcast::reproduce
