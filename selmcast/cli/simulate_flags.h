// The flags of `selmcast simulate`, and the settings that they make. A scenario file (scenario.h) has the same ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/sim/simulation.h"

namespace CLI {
class App;
}

namespace selmcast::cli {

// As they were given.
struct SimulateFlags {
  sim::Settings settings;
  double min_receivers = 0.3;
  std::string max_age = "4";
  double width = sync::Width().value();
  double volume = 200'000'000;
  double bandwidth_bps = 4e10;
  double bandwidth_interval = 0.1;
  std::string compute = "transformer";
  double straggler_fraction = 0;
  double straggler_factor = 2;
  std::string events;
  double detection = 2;
  std::string bandwidth_trace;
  double seconds = 600;
  std::size_t trials = 10;
  std::uint64_t seed = 1;
};

// `flags` outlives the parsing.
void add_simulate_flags(CLI::App& command, SimulateFlags& flags);

// Error (invalid_input) that names flag, or file and line, and the remedy.
Result<sim::Settings> settings_of(const SimulateFlags& flags);

}  // namespace selmcast::cli
