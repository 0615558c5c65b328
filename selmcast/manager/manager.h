// The running manager: ManagerCore (manager_core.h) behind gRPC, with a real clock and a journal.
//
//     gRPC threads ── post ──> one loop: core, journal, timers ── SessionStream::send ──> gRPC threads
//
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

namespace selmcast::manager {

struct ManagerOptions {
  ManagerSettings settings;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;                        // 0: any free one
  std::filesystem::path journal;                 // empty: none
  std::optional<Duration> clock_zero;            // what the journal's times count from, on CLOCK_MONOTONIC;
                                                 // nothing: the creation of the manager
  std::function<void(const Output&)> on_output;  // on the loop, for logs and progress; may be empty
};

class Manager {
 public:
  // Listens. Errors: invalid_input (settings), io naming the address, e.g. when the port is in use, or the journal.
  static Result<std::unique_ptr<Manager>> create(ManagerOptions options);
  virtual ~Manager() = default;

  virtual std::string address() const = 0;  // "host:port"
  // Until the training is over. Error if it never started or was stopped.
  virtual Result<void> run() = 0;
  // Tells every worker why, then run() returns. From any thread, also before run().
  virtual void stop(const std::string& why) = 0;
};

}  // namespace selmcast::manager
