// A child process that is watched, and never outlives its owner.
//
// Each child is the leader of a process group of its own, so that Ctrl-C reaches the demo alone, which then ends its
// children in order; they are also told to die with it (--die-with-parent). The destructor kills and reaps.
// Thread rule: one thread, the one that started the child.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"

namespace selmcast::testbed {

struct ChildSpec {
  std::vector<std::string> command;  // program and arguments
  std::filesystem::path out;         // standard output and error go there: files, or /dev/null
  std::filesystem::path err;
  bool stdin_pipe = false;  // keep its standard input open until close_stdin(); else /dev/null
};

class ChildProcess {
 public:
  // Error (io) if it cannot be started.
  static Result<ChildProcess> start(const ChildSpec& spec);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  // Exit status once it has ended: 0 .. 255, or 128 + the signal that ended it. Does not wait.
  std::optional<int> ended();
  bool running() { return !ended().has_value(); }
  void close_stdin();
  void signal(int number);
  pid_t pid() const { return pid_; }

 private:
  ChildProcess(pid_t pid, int stdin_fd) : pid_(pid), stdin_fd_(stdin_fd) {}
  pid_t pid_ = -1;
  int stdin_fd_ = -1;
  std::optional<int> status_;
};

// SIGTERM to all that run, then SIGKILL to those that still run after two seconds.
void end_all(std::vector<ChildProcess>& children);

}  // namespace selmcast::testbed
