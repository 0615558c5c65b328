#include "selmcast/testbed/shell.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

extern char** environ;  // NOLINT: POSIX

namespace selmcast::testbed {
namespace {

using Clock = std::chrono::steady_clock;

// What the command still writes, from both its pipes, until it closes them or `due` has come.
struct Collector {
  std::array<int, 2> pipes;  // our ends: its standard output and error
  std::array<std::string, 2> text = {};

  bool collect(Clock::time_point due) {
    std::array<bool, 2> open = {true, true};
    while (open[0] || open[1]) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - Clock::now()).count();
      if (left <= 0) return false;
      std::array<pollfd, 2> polled = {pollfd{open[0] ? pipes[0] : -1, POLLIN, 0},
                                      pollfd{open[1] ? pipes[1] : -1, POLLIN, 0}};
      if (poll(polled.data(), polled.size(), static_cast<int>(left)) <= 0) continue;
      for (std::size_t k = 0; k < 2; ++k) {
        if (polled[k].revents == 0) continue;
        std::array<char, 4096> buffer;
        const ssize_t count = read(pipes[k], buffer.data(), buffer.size());
        if (count > 0) text[k].append(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0) open[k] = false;
      }
    }
    return true;
  }
};

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t line = text.rfind('\n');
  return line == text.npos ? text : text.substr(line + 1);
}

}  // namespace

Result<std::string> run_command(const Command& command) {
  const auto failed = [&](const std::string& why) {
    return failure(ErrorCode::io, "'" + to_text(command) + "': " + why);
  };
  std::array<int, 2> out{}, err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0) return failed(std::strerror(errno));
  if (pipe2(err.data(), O_CLOEXEC) != 0) {
    close(out[0]), close(out[1]);
    return failed(std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  // A group of its own: Ctrl-C is ours to act on, not the command's.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(out[1]), close(err[1]);
  Collector collector{{out[0], err[0]}};
  bool in_time = true;
  if (error == 0) {
    in_time =
        collector.collect(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                             std::chrono::duration<double>(kCommandPatience.in_seconds())));
  }
  close(out[0]), close(err[0]);
  if (error != 0) {
    return failed(std::string("cannot be started: ") + std::strerror(error) +
                  "; install iproute2 (scripts/install_dependencies.sh)");
  }
  if (!in_time) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) return failed("does not end");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::move(collector.text[0]);
  return failed(last_line(collector.text[1].empty() ? collector.text[0] : collector.text[1]));
}

Result<void> run_commands(const Commands& commands) {
  for (const Command& command : commands) {
    if (auto done = run_command(command); !done) return std::unexpected(done.error());
  }
  return {};
}

}  // namespace selmcast::testbed
