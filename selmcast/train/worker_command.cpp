#include <fmt/core.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "selmcast/train/commands.h"

namespace selmcast::train {
namespace {

Instant monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant::at_seconds(static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec));
}

void sleep_for(Duration time) {
  std::this_thread::sleep_for(std::chrono::duration<double>(time.in_seconds()));
}

// The shard of this worker only, so that the whole data set is in memory no longer than needed.
Result<Dataset> load_shard(const WorkerCommand& command) {
  const auto dataset = load_dataset(command.data, Split::train);
  if (!dataset) return std::unexpected(dataset.error());
  const auto shards = make_shards(dataset->labels, {command.sharding, command.workers, command.trainer.seed});
  if (!shards) return std::unexpected(shards.error());
  return subset(*dataset, shards->at(command.trainer.rank));
}

void print_progress(const std::string& name, std::uint64_t rounds, const WorkerRound& round) {
  std::string peers;
  for (const WorkerId worker : round.mixed_with) peers += " " + to_string(worker);
  fmt::print(stderr, "[{}] round {}/{}  loss {:.3f}  compute {:.3f} s  sync {:.3f} s  mixed with{}\n", name,
             round.round.value() + 1, rounds, round.loss, round.compute.in_seconds(), round.sync.in_seconds(),
             peers.empty() ? " nobody" : peers);
}

Result<void> train(const WorkerCommand& command) {
  auto shard = load_shard(command);
  if (!shard) return std::unexpected(shard.error());
  auto trainer = Trainer::create(std::move(*shard), command.trainer);
  if (!trainer) return std::unexpected(trainer.error());
  auto connection = connect(command, *trainer);
  if (!connection) return std::unexpected(connection.error());
  if (connection->first > Round(0))
    fmt::print(stderr, "[{}] the training runs already: goes on at round {}\n", command.name,
               connection->first.value() + 1);

  const Instant zero = command.clock_zero.value_or(monotonic_now());
  const auto since_zero = [zero] { return Instant() + (monotonic_now() - zero); };
  const auto on_round = [&](const WorkerRound& round) {
    print_progress(command.name, command.rounds, round);
  };
  WorkerLoopOptions loop{command.rounds, command.steps,     WorkerId(command.trainer.rank),
                         command.out,    command.snapshots, {command.slow_factor, command.compute_floor},
                         sleep_for};
  loop.first = connection->first;
  return run_worker_loop(*trainer, loop, connection->synchronize, since_zero, on_round);
}

}  // namespace

int run_worker(const WorkerCommand& command) {
  const auto done = train(command);
  return done ? 0 : report(with_context(command.name, done.error()));
}

int report(const Error& error) {
  fmt::print(stderr, "selmcast-train: {}\n", error.message);
  // A damaged data set is wrong input too; what a peer damages on the way never ends a worker.
  return error.code == ErrorCode::invalid_input || error.code == ErrorCode::corrupt ? 2 : 1;
}

}  // namespace selmcast::train
