// The manager of `selmcast run --state FILE`: a process of its own, which is started again when a signal ends it.
//
// Started again with the same file it goes on where it was (manager/durable_manager.h), at the same address. It dies
// with the thread that started it. Bounds: kStartsMax starts; its address within kAddressPatience. Thread rule: one
// thread, the one that started it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"

namespace selmcast::run {

inline constexpr int kManagerStartsMax = 100;

class ManagerChild {
 public:
  // `flags` of `selmcast manager`. Error: with what it said on standard error, there; `invalid_input` if it refuses
  // them.
  static Result<ManagerChild> start(std::vector<std::string> flags);
  ManagerChild(ManagerChild&& other) noexcept;
  ManagerChild& operator=(ManagerChild&&) = delete;
  ~ManagerChild();  // SIGTERM, and SIGKILL two seconds later

  const std::string& address() const { return address_; }
  // Starts it again, if a signal has ended it.
  void look_after();

 private:
  explicit ManagerChild(std::vector<std::string> flags) : flags_(std::move(flags)) {}
  Result<void> launch();

  std::vector<std::string> flags_;
  std::string address_;
  pid_t pid_ = -1;
  int starts_ = 0;
};

}  // namespace selmcast::run
