// The rounds of one worker: train, synchronise, write down what happened, hand the model to the evaluator.
//
// How a model is synchronised is the caller's: it hands in a function. It is called once a round, on this
// thread, after the local steps; it may change the parameters in place until it returns. A line of
// worker-K.jsonl is written for every round that ended (docs/run_folder.md), flushed at once; then the
// snapshot. So the snapshot of a round exists before this worker says that it is ready with the next one.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/train/trainer.h"

namespace selmcast::train {

struct SyncOutcome {
  std::vector<WorkerId> mixed_with;  // whose models were mixed in, ascending
  double own_weight = 1;             // worker::SyncReport's
};
using Synchronize = std::function<Result<SyncOutcome>(std::span<float> parameters)>;
using Clock = std::function<Instant()>;  // monotonic; its zero is the start of the run
using Sleep = std::function<void(Duration)>;

// What worker-K.jsonl says about one round.
struct WorkerRound {
  Round round;
  Instant at;       // when it ended
  double loss = 0;  // mean over the local steps
  Duration compute;
  Duration slept;  // of `compute`: so that it takes as long as it should (Slowness)
  Duration sync;   // for which `synchronize` blocked
  std::vector<WorkerId> mixed_with;
  double own_weight = 1;
};
// Without the line end.
std::string to_json_line(const WorkerRound& round);

// How slow a worker is made, so that stragglers can be shown on one machine. Computing of a round takes `factor` times
// as long as the steps took, or as `least` if that is longer; what is missing is slept, so that slowness costs the
// other workers of the machine no processor time. The steps' own time is what the clock says: it includes waiting for
// a processor.
struct Slowness {
  double factor = 1;  // >= 1
  Duration least;
};
Duration time_to_sleep(const Slowness& slowness, Duration steps_took);

struct WorkerLoopOptions {
  std::uint64_t rounds = 30;
  int steps = 25;  // local steps a round
  WorkerId worker;
  std::filesystem::path out;                       // folder of worker-K.jsonl; made if missing
  std::optional<std::filesystem::path> snapshots;  // folder; made if missing
  Slowness slowness = {};
  Sleep sleep = {};  // required if slowness asks for any
  Round first = {};  // not 0: it came later, or came back; then its file goes on
};

using OnRound = std::function<void(const WorkerRound&)>;  // e.g. to print progress

// Returns after the last round. On any error returns it with the round it happened in; at the end, and on an
// error too, gone-K is written to the snapshots folder. Requires rounds >= 1, steps >= 1. Errors:
// Trainer::train_steps(), `synchronize`, io.
Result<void> run_worker_loop(Trainer& trainer, const WorkerLoopOptions& options,
                             const Synchronize& synchronize, const Clock& clock, const OnRound& on_round);

}  // namespace selmcast::train
