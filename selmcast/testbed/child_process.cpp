#include "selmcast/testbed/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

extern char** environ;  // NOLINT: POSIX

namespace selmcast::testbed {

Result<ChildProcess> ChildProcess::start(const ChildSpec& spec) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  int ends[2] = {-1, -1};
  if (spec.stdin_pipe && pipe2(ends, O_CLOEXEC) != 0) {
    return failure(ErrorCode::io, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  if (spec.stdin_pipe) {
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  constexpr int kWrite = O_WRONLY | O_CREAT | O_APPEND;
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, spec.out.c_str(), kWrite, 0644);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, spec.err.c_str(), kWrite, 0644);

  // A group of its own, and no signal blocked or ignored.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<char*> arguments;
  for (const std::string& argument : spec.command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (spec.stdin_pipe) close(ends[0]);
  if (error != 0) {
    if (spec.stdin_pipe) close(ends[1]);
    return failure(ErrorCode::io, "cannot start " + spec.command[0] + ": " + std::strerror(error));
  }
  return ChildProcess(pid, ends[1]);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      stdin_fd_(std::exchange(other.stdin_fd_, -1)),
      status_(std::exchange(other.status_, std::nullopt)) {}

ChildProcess::~ChildProcess() {
  close_stdin();
  if (pid_ < 0 || !running()) return;
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::optional<int> ChildProcess::ended() {
  if (status_ || pid_ < 0) return status_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_;
}

void ChildProcess::close_stdin() {
  if (stdin_fd_ >= 0) close(std::exchange(stdin_fd_, -1));
}

void ChildProcess::signal(int number) {
  if (running()) kill(pid_, number);
}

void end_all(std::vector<ChildProcess>& children) {
  for (ChildProcess& child : children) child.signal(SIGTERM);
  constexpr timespec kPause{0, 20'000'000};
  for (int waited = 0; waited < 100; ++waited) {
    if (std::ranges::none_of(children, [](ChildProcess& child) { return child.running(); })) return;
    nanosleep(&kPause, nullptr);
  }
  for (ChildProcess& child : children) child.signal(SIGKILL);
}

}  // namespace selmcast::testbed
