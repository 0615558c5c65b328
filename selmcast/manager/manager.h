// The running manager: DurableManager (durable_manager.h) behind gRPC, with a real clock, a state and a journal.
//
//     gRPC threads ── post ──> one loop: core, state, journal, timers ── SessionStream::send ──> gRPC threads
//
// With a state file (state_store.h) create() goes on with the training that it holds, if it holds one: same settings,
// same address if `port` is 0, its journal written anew. Workers wait for that, `settings.manager_patience` at most.
// Thread rule: create() and run() by one thread, which becomes the loop; stop() by any thread.
// Besides the control service it answers gRPC's standard health checks ("selmcast.wire.pb.Manager", SERVING while it
// runs) and server reflection. No encryption yet: it listens on loopback unless told otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/manager/manager_core.h"
#include "selmcast/wire/credentials.h"

namespace selmcast::manager {

struct ManagerOptions {
  ManagerSettings settings;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;              // 0: any free one
  std::filesystem::path journal;       // empty: none
  std::filesystem::path state;         // empty: a manager that dies cannot be made again
  std::optional<Duration> clock_zero;  // what the journal's times count from, on CLOCK_MONOTONIC;
                                       // nothing: the creation of the manager
  wire::Credentials credentials = wire::Credentials::insecure();
  std::function<void(const Output&)> on_output;            // on the loop, for logs and progress; may be empty
  std::function<void(const std::string&)> on_notice = {};  // likewise: made again, state cannot be written
};

class Manager {
 public:
  // Listens. Errors: invalid_input (settings; or others than those of the state), io naming the address, e.g. when the
  // port is in use, the state or the journal.
  static Result<std::unique_ptr<Manager>> create(ManagerOptions options);
  virtual ~Manager() = default;

  virtual std::string address() const = 0;  // "host:port"
  // Until the training is over. Error if it never started or was stopped.
  virtual Result<void> run() = 0;
  // Tells every worker why, then run() returns. From any thread, also before run().
  virtual void stop(const std::string& why) = 0;
};

}  // namespace selmcast::manager
