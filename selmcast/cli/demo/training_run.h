// One training of the demo: a manager, the workers and an evaluator as processes, watched until they are done.
//
// Writes the run's folder (docs/run_folder.md). Bounds: the manager must listen within 15 s, rounds must follow one
// another within 120 s, the evaluator must catch up within 120 s; otherwise the run is ended with an error. However it
// ends, no process of it is left.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/cli/demo/scenario.h"
#include "selmcast/testbed/description.h"

namespace selmcast::demo {

struct TrainingOptions {
  std::filesystem::path selmcast;  // programs
  std::filesystem::path selmcast_train;
  std::filesystem::path folder;  // of this run; made
  std::vector<WorkerLinks> links;
  std::vector<double> slow_factors;  // of computing, by worker
  Run run;
  std::uint64_t rounds = 30;
  std::string multicast = "unicast";
  double min_receivers = 0.3;
  std::uint32_t max_age = 7;
  bool ages_from_zero = false;
  std::uint32_t staleness = 4;             // of an ssp run
  double keep_fraction = 0.75;             // of an ssp or asp run
  std::vector<std::string> trainer_flags;  // handed to every worker: --model, --steps, ...
  std::string model = "mlp";
  std::string data;  // empty: the default
  // Where it runs. None: on this machine, links emulated in the workers. Else made for this run (scenario.h:
  // testbed_for); events count from when all workers have joined, and RUN/links.jsonl tells what links carried.
  std::optional<testbed::Description> network;
};

// What is known of a run while it goes on.
struct Progress {
  std::uint64_t rounds_done = 0;  // by all; without rounds in common by the slowest
  double loss = 0;                // mean over the workers, last round
  double accuracy = -1;           // of the averaged model, last evaluated round; -1: none yet
  double sync_seconds = 0;        // last round, or last multicast
  double receivers = 0;           // mean of the last round, or of the last multicasts, one a worker
  double seconds = 0;             // since the workers were started
  double seconds_left = -1;       // -1: cannot tell yet
  std::size_t workers = 0;        // still there
};

// Error: io, invalid_input (what the user gave does not do, as a worker says), unavailable (a process ended before its
// time; names it, its log and the log's last line), timeout, cancelled (`interrupted` said so). `on_progress` is called
// a few times a second.
Result<void> run_training(const TrainingOptions& options, const std::function<bool()>& interrupted,
                          const std::function<void(const Progress&)>& on_progress);

}  // namespace selmcast::demo
