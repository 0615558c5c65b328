// The answer of `selmcast simulate`, for programs and for people.
#pragma once

#include <string>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/sim/simulation.h"
#include "selmcast/sim/trials.h"

namespace selmcast::cli {

struct SimulationReport {
  sim::Settings settings;
  std::string compute;  // as it was named
  std::uint64_t seed = 1;
  std::vector<sim::Outcome> outcomes;  // by trial, at least one
  double npu_utilization_bound = 0;    // mean over the trials
  Duration wall;
};

std::string simulation_as_json(const SimulationReport& report);
std::string simulation_as_table(const SimulationReport& report);

}  // namespace selmcast::cli
