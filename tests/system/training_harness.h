// A whole training in this process: a real manager and real workers, threads, gRPC and TCP on loopback, free ports.
//
// Worker k calls itself "w<k>", so that its id is k. Before every synchronisation it sets its parameters to values that
// tell worker, round and place (model_value), so that the mix says exactly what was mixed.
// Thread rule: one owner; it starts the threads itself and joins them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "selmcast/manager/manager.h"
#include "selmcast/worker/worker.h"

namespace selmcast::testing {

float model_value(std::uint32_t worker, std::uint64_t round, std::size_t place);

// A manager that runs in a thread of its own until the training is over.
class RunningManager {
 public:
  explicit RunningManager(manager::ManagerOptions options);
  ~RunningManager();

  const std::string& address() const { return address_; }
  void stop(const std::string& why) { manager_->stop(why); }
  Result<void> wait();  // until run() returns

  // Where the workers listen, as far as plans have named them.
  std::map<WorkerId, std::uint16_t> data_ports() const;
  std::size_t rounds_over() const;

 private:
  void remember(const manager::Output& output);

  mutable std::mutex mutex_;
  std::map<WorkerId, std::uint16_t> data_ports_;
  std::size_t rounds_over_ = 0;
  std::unique_ptr<manager::Manager> manager_;
  std::string address_;
  std::thread thread_;
  std::optional<Result<void>> result_;
};

manager::ManagerOptions manager_options(std::uint32_t workers);
worker::WorkerOptions worker_options(const RunningManager& manager, std::uint32_t worker,
                                     std::size_t parameters);

// What one worker did.
struct WorkerStory {
  std::optional<Error> error;  // of connect() or synchronize()
  std::uint64_t rounds = 0;    // done
  std::uint64_t models_mixed = 0;
  std::uint32_t workers_last = 0;  // of the last report
  std::vector<std::string> wrong_mixes;
};
// Whose models are mixed: of the own round, or without rounds in common of any.
enum class MixOf { own_round, any_round };
// Connects and trains; `before_round` is called before each synchronisation, and false ends the training there.
WorkerStory train(const worker::WorkerOptions& options, std::uint32_t worker, std::uint64_t rounds,
                  const std::function<bool(std::uint64_t round)>& before_round = nullptr,
                  MixOf mix = MixOf::own_round);

// Runs `story(k)` for k = 0 .. count - 1 in threads and returns what they returned.
std::vector<WorkerStory> in_threads(std::uint32_t count,
                                    const std::function<WorkerStory(std::uint32_t)>& story);

}  // namespace selmcast::testing
