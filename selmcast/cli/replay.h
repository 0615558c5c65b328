// A real training again in the simulator: `selmcast simulate --replay RUN`.
//
// From the run folder (docs/run_folder.md) come who took part, each worker's computing time in each round, the links,
// the model's size and the settings of the manager. The simulator then plays the training with the same policy, and
// what it predicts stands beside what was measured. Nothing measured of communication goes in, so the comparison says
// how far the model (flows that share links max-min fairly; messages, checks and planning for free) can be trusted.
//
// Links are the true, emulated ones (`true`), or what the manager had learnt at the end (`learnt`, for runs on links
// that nobody knows). The planner of the simulation knows them; the real one began with what workers declared.
// Random draws of planners are not the run's: trials differ in their seed, figures are their means. Thread rule: none
// but simulate()'s.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::cli {

// Of a training, measured or predicted.
struct TrainingFigures {
  double npu_utilization = 0;  // computing / (computing + blocked), of all workers together
  Duration total;              // first worker begins to compute -> last one may go on after its last round
  Duration blocked;            // in synchronize(), mean over workers and rounds
  // bsp: of a round, plan -> last delivery; else of a multicast, plan -> complete. Mean. None: not in the journal.
  std::optional<Duration> completion;
  std::optional<double> receivers;              // of a multicast, mean
  std::vector<double> worker_utilization = {};  // by worker
};

struct ReplayOptions {
  std::filesystem::path run;  // DIR/RUN
  bool learnt_links = false;
  std::string planner = {};  // another one than the run's
  std::size_t trials = 10;
  std::uint64_t seed = 1;
};

struct Replay {
  std::string name;
  std::vector<std::string> names;  // of the workers
  sim::Settings settings;
  std::uint64_t rounds = 0;  // of the worker that did most
  TrainingFigures measured;
  TrainingFigures predicted;  // mean over trials
  std::vector<TrainingFigures> trials;
};

// Reads and simulates. Every worker must have finished a round. Error: what is wrong with the folder, or invalid_input
// where it lacks what is needed.
Result<Replay> replay(const ReplayOptions& options);

std::string replay_as_table(const Replay& replay);
// selmcast.replay/1
std::string replay_as_json(const Replay& replay);

}  // namespace selmcast::cli
