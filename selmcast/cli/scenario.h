// Scenario files of `selmcast simulate`: a cluster and training in JSON, and what of it is to be varied.
//
//     {"schema": "selmcast.scenario/1",
//      "workers": 50, "multicast": "network", "compute": "lstm", "trials": 20,      // flags, with _ for -
//      "sweep": {"planner": ["paper", "random"], "min_receivers": [0.1, 0.3]}}      // every combination
//
// Swept keys are taken in alphabetical order, the last one fastest.
//
// Keys are the flags of `selmcast simulate` (simulate_flags.h); values are numbers or strings. A flag
// given on the command line as well overrides the file, in a sweep too. Paths in it are relative to where the command
// runs. Trials and seed are the same for all points (they cannot be swept), so that all meet the same clusters.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/cli/simulate_flags.h"

namespace CLI {
class App;
}

namespace selmcast::cli {

struct ScenarioPoint {
  std::vector<std::pair<std::string, std::string>> swept;  // key and value; none without a sweep
  SimulateFlags flags;
};

inline constexpr std::size_t kMaxScenarioPoints = 10'000;

// Without a file (`path` empty): one point, of the command line alone. `command` has been parsed, `given` filled by it.
// Error (invalid_input) with file and the path of the key.
Result<std::vector<ScenarioPoint>> scenario_points(const std::string& path, const CLI::App& command,
                                                   const SimulateFlags& given);

}  // namespace selmcast::cli
