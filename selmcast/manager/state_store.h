// Where a manager keeps what it is made again from (durable_manager.h): the settings of its training and every input,
// in order.
//
// The interface is a seam: SQLite on a local disk is one store; a replicated one can be another.
// Durable means: append() has returned, so a manager killed at any moment afterwards finds the input again. The SQLite
// store keeps that promise for crashes of the process (write-ahead log, synchronous=NORMAL); of a machine that loses
// power the last moments may be missing. Workers that have heard more than the record then says are turned away, not
// misled. One process at a time has a store open.
// Thread rule: one owner.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/manager/input.h"

namespace selmcast::manager {

// What stands in a store before its inputs.
struct Training {
  ManagerSettings settings;  // with its run token
  Instant created;
  std::string host;
  std::uint16_t port = 0;
};

class StateStore {
 public:
  virtual ~StateStore() = default;
  // False: a new one, to begin().
  virtual bool has_training() const = 0;
  virtual Result<void> begin(const Training& training) = 0;
  virtual Result<Training> training() = 0;
  // In order. Errors of `each` end it.
  virtual Result<void> for_each_input(const std::function<Result<void>(const Input&)>& each) = 0;
  // `wall`: seconds of the clock of the day, which says how long the manager was away.
  virtual Result<void> append(const Input& input, double wall) = 0;
  virtual double last_wall() const = 0;  // of the last input; 0 if there is none
};

// Error (io) naming the file: cannot be opened, is no such store, or another process has it open.
Result<std::unique_ptr<StateStore>> open_sqlite_store(const std::filesystem::path& path);

}  // namespace selmcast::manager
