#include <fmt/core.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
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

// SIGTERM and SIGINT, while it lives: the training is left, and the process ends, whatever it is computing. A thread of
// its own waits for them; the handler only counts. (Blocking them and sigwait() would miss threads of OpenBLAS.)
class LeaveOnSignal {
 public:
  explicit LeaveOnSignal(std::function<void(const std::string&)> leave) : leave_(std::move(leave)) {
    sem_init(&received(), 0, 0);
    struct sigaction action {};
    action.sa_handler = [](int number) {
      signal_number() = number;
      sem_post(&received());
    };
    for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
    waiter_ = std::thread([this] {
      while (sem_wait(&received()) != 0) {
      }
      if (is_over_) return;
      const int number = signal_number();
      leave_("interrupted by signal " + std::to_string(number));
      // The goodbye is on its way; what the main thread makes of it is of no matter.
      sleep_for(Duration::milliseconds(300));
      fmt::print(stderr, "selmcast-train: interrupted by signal {}\n", number);
      std::fflush(nullptr);
      _exit(128 + number);
    });
  }
  ~LeaveOnSignal() {
    is_over_ = true;
    sem_post(&received());
    waiter_.join();
  }
  LeaveOnSignal(const LeaveOnSignal&) = delete;
  LeaveOnSignal& operator=(const LeaveOnSignal&) = delete;

 private:
  static sem_t& received() {
    static sem_t semaphore;
    return semaphore;
  }
  static std::atomic<int>& signal_number() {
    static std::atomic<int> number = 0;
    return number;
  }
  std::function<void(const std::string&)> leave_;
  std::atomic<bool> is_over_ = false;
  std::thread waiter_;
};

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
  const std::uint64_t done = connection->first.value();
  if (done > command.rounds) {
    if (connection->leave) connection->leave("its --rounds were over before it came");
    return failure(
        ErrorCode::invalid_input,
        fmt::format("--rounds {}: the training has done {} rounds already; give those of the whole "
                    "training, as the other workers have them",
                    command.rounds, done));
  }
  if (done == command.rounds)
    fmt::print(stderr, "[{}] the training has done all of its {} rounds: nothing is left to do\n",
               command.name, done);

  std::optional<LeaveOnSignal> leaver;
  if (connection->leave) leaver.emplace(connection->leave);
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
