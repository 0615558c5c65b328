#include "selmcast/cli/run/rank_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

extern char** environ;  // NOLINT: POSIX

namespace selmcast::run {
namespace {

constexpr int kExecFailed = 127;  // as a shell says it

// Before the fork: between fork and exec nothing may be allocated.
std::string found_in_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string candidate = folders.substr(begin, end - begin) + "/" + program;
    if (access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate)) return candidate;
    begin = end + 1;
  }
  return {};
}

std::vector<std::string> environment_with(const RankSpec& spec) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool replaced = std::ranges::any_of(
        spec.variables, [&](const auto& variable) { return text.starts_with(variable.first + "="); });
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [name, value] : spec.variables) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads any more
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

struct Pipe {
  int ends[2] = {-1, -1};
  bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
  void close_end(int which) {
    if (ends[which] >= 0) close(std::exchange(ends[which], -1));
  }
};

}  // namespace

Result<RankProcess> RankProcess::start(const RankSpec& spec) {
  const auto failed = [&](const std::string& why) {
    return failure(ErrorCode::io, "cannot start " + spec.command[0] + ": " + why);
  };
  const std::string program = found_in_path(spec.command[0]);
  if (program.empty()) return failed("there is no such program in PATH");
  if (access(program.c_str(), X_OK) != 0) return failed(std::strerror(errno));
  std::vector<std::string> command = spec.command;
  std::vector<std::string> variables = environment_with(spec);
  const std::vector<char*> arguments = pointers(command);
  const std::vector<char*> environment = pointers(variables);
  Pipe out, err;
  if (!out.open() || !err.open()) {
    for (Pipe* pipe : {&out, &err})
      for (const int end : {0, 1}) pipe->close_end(end);
    return failed("no pipe: " + std::string(std::strerror(errno)));
  }
  const pid_t parent = getpid();
  // Until exec the child has our signal handlers, which would take its signals for ours: none arrives before that.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) {
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kExecFailed);  // it ended in between
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(out.ends[1], STDOUT_FILENO);
    dup2(err.ends[1], STDERR_FILENO);
    execve(program.c_str(), arguments.data(), environment.data());
    _exit(kExecFailed);
  }
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  out.close_end(1);
  err.close_end(1);
  if (pid < 0) {
    out.close_end(0);
    err.close_end(0);
    return failed(std::strerror(fork_error));
  }
  setpgid(pid, pid);  // both sides say it: whoever comes first
  for (const int fd : {out.ends[0], err.ends[0]}) fcntl(fd, F_SETFL, O_NONBLOCK);
  return RankProcess(spec.rank, pid, out.ends[0], err.ends[0]);
}

RankProcess::RankProcess(int rank, pid_t pid, int out, int err)
    : rank_(rank),
      pid_(pid),
      outputs_{Output{out, STDOUT_FILENO, LinePrefixer("[" + std::to_string(rank) + "] ")},
               Output{err, STDERR_FILENO, LinePrefixer("[" + std::to_string(rank) + "] ")}} {}

RankProcess::RankProcess(RankProcess&& other) noexcept
    : rank_(other.rank_),
      pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      outputs_(other.outputs_) {
  for (Output& output : other.outputs_) output.fd = -1;
}

RankProcess::~RankProcess() {
  for (Output& output : outputs_) {
    if (output.fd >= 0) close(output.fd);
  }
  if (pid_ < 0) return;
  signal_group(SIGKILL);
  if (!ended()) waitpid(pid_, nullptr, 0);
}

std::optional<int> RankProcess::ended() {
  if (status_ || pid_ < 0) return status_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_)
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

void RankProcess::signal_group(int number) const {
  if (pid_ > 0) kill(-pid_, number);
}

void RankProcess::pass_on(Output& output) {
  char bytes[16 * 1024];
  for (;;) {
    const ssize_t count = read(output.fd, bytes, sizeof bytes);
    if (count > 0) {
      write_all(output.to, output.lines.take({bytes, static_cast<std::size_t>(count)}));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    write_all(output.to, output.lines.finish());
    close(std::exchange(output.fd, -1));
    return;
  }
}

}  // namespace selmcast::run
