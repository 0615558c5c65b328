#include "selmcast/cli/report/gnuplot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string_view>

#include "selmcast/cli/report/markup.h"

namespace selmcast::report {
namespace {

constexpr std::size_t kShownOfLog = 400;

// Input from nowhere, output and errors to gnuplot.log; -d keeps the user's own start-up file out of it.
Result<pid_t> start(const Gnuplot& gnuplot, const std::filesystem::path& folder) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "gnuplot.log", O_WRONLY | O_CREAT | O_TRUNC,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::string program = gnuplot.program;
  std::string defaults = "-d";
  std::string script = "script.gp";
  std::array<char*, 4> arguments = {program.data(), defaults.data(), script.data(), nullptr};
  pid_t child = 0;
  const int problem = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (problem == ENOENT)
    return failure(
        ErrorCode::unavailable,
        fmt::format("{}: not found; install it (Debian: apt-get install gnuplot-nox)", gnuplot.program));
  if (problem != 0)
    return failure(ErrorCode::io,
                   fmt::format("{}: cannot be started: {}", gnuplot.program, std::strerror(problem)));
  return child;
}

bool ended_within(pid_t child, Duration limit) {
  // Not pidfd_open(): the header of glibc 2.36 declares it without C linkage.
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  if (handle < 0) return true;  // gone already, or no pidfd here: the wait below then decides
  pollfd waiting{handle, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, static_cast<int>(std::ceil(limit.in_milliseconds())));
  } while (ready < 0 && errno == EINTR);
  close(handle);
  return ready != 0;
}

std::string log_start(const std::filesystem::path& folder) {
  std::ifstream in(folder / "gnuplot.log", std::ios::binary);
  std::string text(kShownOfLog, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  std::ranges::replace(text, '\n', ' ');
  return printable(text, kShownOfLog);
}

}  // namespace

std::string gnuplot_quote(std::string_view text, std::size_t longest) {
  std::string quoted = "'";
  for (const char c : printable(text, longest)) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + "'";
}

Result<void> run_gnuplot(const Gnuplot& gnuplot, const std::string& script,
                         const std::filesystem::path& folder) {
  std::ofstream out(folder / "script.gp", std::ios::binary);
  out << script;
  out.close();
  if (!out) return failure(ErrorCode::io, (folder / "script.gp").string() + ": cannot be written");
  const auto child = start(gnuplot, folder);
  if (!child) return std::unexpected(child.error());
  const bool in_time = ended_within(*child, gnuplot.limit);
  if (!in_time) kill(*child, SIGKILL);
  int status = 0;
  pid_t waited = 0;
  do {
    waited = waitpid(*child, &status, 0);
  } while (waited < 0 && errno == EINTR);
  if (!in_time)
    return failure(ErrorCode::timeout, fmt::format("{}: not done after {} s and killed", gnuplot.program,
                                                   gnuplot.limit.in_seconds()));
  if (waited < 0) return failure(ErrorCode::io, fmt::format("{}: its exit status was lost", gnuplot.program));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return failure(ErrorCode::io, fmt::format("{}: failed: {}", gnuplot.program, log_start(folder)));
}

}  // namespace selmcast::report
