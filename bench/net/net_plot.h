// The bench's picture: a panel a set-up, a bar a contender, with its least and most. Pure.
#pragma once

#include <string>
#include <vector>

#include "bench/net/net_cell.h"

namespace selmcast::bench {

// A gnuplot script that writes bench_net.svg.
std::string net_plot_script(const std::vector<NetCell>& cells);

}  // namespace selmcast::bench
