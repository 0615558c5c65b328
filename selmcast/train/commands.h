// The three commands of selmcast-train, as values, and the functions that run them. main.cpp fills the values
// in. A command returns its exit status: 0 done, 1 failed, 2 wrong usage or input; errors go to standard
// error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/train/evaluation_watch.h"
#include "selmcast/train/idx_dataset.h"
#include "selmcast/train/shard.h"
#include "selmcast/train/trainer.h"
#include "selmcast/train/worker_loop.h"
#include "selmcast/worker/worker.h"

namespace selmcast::train {

struct WorkerCommand {
  std::filesystem::path data = kDefaultDataFolder;
  TrainerOptions trainer;  // its rank is this worker's
  Sharding sharding;
  std::uint32_t workers = 1;
  std::uint64_t rounds = 30;
  int steps = 25;
  std::filesystem::path out = ".";
  std::optional<std::filesystem::path> snapshots;
  std::optional<Instant> clock_zero;  // start of the run on CLOCK_MONOTONIC; else the start of this process
  bool solo = false;                  // train without peers

  std::optional<std::string> manager;                      // host:port
  std::string name;                                        // for people, e.g. "w3"
  std::optional<Rate> uplink, downlink;                    // emulated; else the real link
  std::optional<Rate> declared_uplink, declared_downlink;  // told to the manager
  worker::MixingKind mixing = worker::MixingKind::average;
  worker::Format payload = worker::Format::float32;
  int streams = 1;

  double slow_factor = 1;                         // computing takes so many times as long
  Duration compute_floor = Duration::seconds(0);  // and at least this long before that
};
// SIGTERM and SIGINT: it leaves the training, with that reason, and ends with 128 + the signal, after a second at most.
int run_worker(const WorkerCommand& command);

struct EvaluateCommand {
  std::filesystem::path data = kDefaultDataFolder;
  ModelKind model = ModelKind::mlp;
  WatchOptions watch;
  std::filesystem::path out = "evaluation.jsonl";
  bool finish_with_stdin = false;  // end of standard input: evaluate what is there, then end
};
// SIGTERM and SIGINT end it after the evaluation that is under way; that counts as done.
int run_evaluate(const EvaluateCommand& command);

// Prints what a model is as JSON: {"model": "mlp", "bytes": 1089576, "tensors": [{"name": ..., "shape": [...]}]}.
int run_describe(ModelKind model, worker::Format payload);

// Connects this worker to its training; --solo gives a function that mixes with nobody. In a training that ran already
// when this worker came, the trainer has the others' parameters afterwards, and goes on at the round that they compute.
struct Connection {
  Synchronize synchronize;
  Round first = {};
  // From any thread; synchronize() fails from then on. Empty if there is nobody to leave.
  std::function<void(const std::string& why)> leave = nullptr;
};
Result<Connection> connect(const WorkerCommand& command, Trainer& trainer);

// Prints the error to standard error and returns the exit status it stands for.
int report(const Error& error);

}  // namespace selmcast::train
