// How fast the simulator is, on fixed settings and seeds: CPU seconds of one thread, medians.
//
//   sweep    what a sweep is made of: 600 simulated seconds of SSP, network multicast, the paper's cluster of 50
//   simgrid  unicast, the paper's cluster for 20 s under `random`: the deliveries of that run are carried once more by
//            our flows alone (maxmin/fluid.h) and by SimGrid (simgrid_rival.cpp): the same work. What the whole
//            simulation took, planning included, is told beside.
//   many     the paper's set-up with many workers: 400 for 30 simulated seconds, 1000 for 60; each multicast is to
//            0.3 of them, so there are up to 0.3 n^2 unicast flows at once
//   memory   bytes of the flows' structures, by number of live flows
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::bench {

struct SimTiming {
  std::string name;
  std::string planner;
  std::size_t workers = 0;
  Duration cpu;  // median
  std::uint64_t events = 0;
};
SimTiming time_simulation(std::string name, const sim::Settings& settings, int repeats);

sim::Settings sweep_setting(std::string_view model, std::string_view planner);
sim::Settings many_workers_setting(std::size_t workers, Duration horizon, plan::MulticastKind kind,
                                   std::string_view planner);

struct SimGridBench {
  std::size_t deliveries = 0;
  Duration simulation;  // all of it
  Duration ours;        // the flows
  Duration theirs;
  double largest_difference = 0;  // of completion times, relative to the delivery's duration
};
// `rival`: the program. Error (io) if it cannot be run or answers nonsense.
Result<SimGridBench> run_simgrid_bench(const std::string& rival, Duration horizon);

struct FlowMemory {
  std::size_t flows = 0;
  double bytes_a_flow = 0;
};
// Unicast flows over the links of 1000 workers.
std::vector<FlowMemory> measure_flow_memory(const std::vector<std::size_t>& flows);

}  // namespace selmcast::bench
