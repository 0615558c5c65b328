// The answer of `selmcast simulate`, for programs and for people.
//
// JSON of one point: selmcast.simulation/1 (its keys: simulate_report.cpp and docs/simulation.md); of a sweep:
// selmcast.simulation_sweep/1, {"points": [{"sweep": {key: value}, and the keys of one point}], "wall_seconds"}.
// CSV: a header, then one line a point: what was swept, then the figures with mean and standard error.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/sim/simulation.h"
#include "selmcast/sim/trials.h"

namespace selmcast::cli {

struct SimulationPoint {
  std::vector<std::pair<std::string, std::string>> swept;  // key and value
  sim::Settings settings;
  std::string compute;  // as it was named
  std::uint64_t seed = 1;
  std::vector<sim::Outcome> outcomes;  // by trial, at least one
  double npu_utilization_bound = 0;    // mean over the trials
};

struct SimulationReport {
  std::vector<SimulationPoint> points;  // at least one
  bool is_sweep = false;
  Duration wall;
};

std::string simulation_as_json(const SimulationReport& report);
std::string simulation_as_table(const SimulationReport& report);
std::string simulation_as_csv(const SimulationReport& report);

}  // namespace selmcast::cli
