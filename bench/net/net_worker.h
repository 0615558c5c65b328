// A worker without a model: synchronises a buffer of float32, round after round, and says how long it took.
//
// Prints a line of measurements a round (net_cell.h) but for the first, in which connections are made.
#pragma once

#include <string>

#include "selmcast/base/units.h"

namespace selmcast::bench {

struct NetWorkerOptions {
  std::string manager, name;
  std::size_t elements = 0;
  std::size_t rounds = 0;  // measured
  Rate declared_uplink, declared_downlink;
  int streams = 1;
};
// Exit status; errors go to standard error.
int run_net_worker(const NetWorkerOptions& options);

}  // namespace selmcast::bench
