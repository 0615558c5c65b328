#include "tests/system/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selmcast/base/check.h"

extern char** environ;  // NOLINT: POSIX

namespace selmcast::testing {
namespace {

constexpr int kWatchdogMilliseconds = 120'000;  // a hang, not slowness

}  // namespace

Process::Process(const std::vector<std::string>& argv) {
  int ends[2] = {-1, -1};
  SELMCAST_CHECK(pipe2(ends, O_CLOEXEC) == 0, "a pipe can be had");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int error = posix_spawn(&pid_, arguments[0], &actions, &attributes, arguments.data(), environ);
  SELMCAST_CHECK(error == 0, "the program under test is built");
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  pipe_ = ends[0];
}

Process::~Process() {
  close(pipe_);
  if (status_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Process::send(int signal) const { kill(pid_, signal); }

bool Process::read_some() {
  pollfd readable{pipe_, POLLIN, 0};
  if (poll(&readable, 1, kWatchdogMilliseconds) != 1) return false;
  char buffer[4096];
  const ssize_t count = read(pipe_, buffer, sizeof buffer);
  if (count <= 0) return false;
  output_.append(buffer, static_cast<std::size_t>(count));
  return true;
}

std::optional<std::string> Process::line_with(const std::string& text) {
  do {
    for (std::size_t end; (end = output_.find('\n', looked_at_)) != std::string::npos;) {
      const std::string line = output_.substr(looked_at_, end - looked_at_);
      looked_at_ = end + 1;
      if (line.find(text) != std::string::npos) return line;
    }
  } while (read_some());
  return std::nullopt;
}

std::optional<int> Process::wait() {
  while (!status_ && read_some()) {
  }
  if (status_) return status_;
  // The output has ended, or the watchdog has barked: then the process is still there.
  siginfo_t ended{};
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  pollfd gone{pidfd, POLLIN, 0};
  const bool over = poll(&gone, 1, kWatchdogMilliseconds) == 1;
  close(pidfd);
  if (!over || waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED) != 0) return std::nullopt;
  status_ = ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status;
  return status_;
}

void adopt_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

bool has_children() {
  pid_t reaped = 0;
  while ((reaped = waitpid(-1, nullptr, WNOHANG)) > 0) {
  }
  return reaped == 0;
}

}  // namespace selmcast::testing
