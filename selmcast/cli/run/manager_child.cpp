#include "selmcast/cli/run/manager_child.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

namespace selmcast::run {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kAddressPatience{
    30};  // it decides all of a long training again before it listens
constexpr std::chrono::seconds kFarewell{2};

// The first line that comes, without its end; nothing if the stream ends before, or the time is over.
std::optional<std::string> first_line(int fd) {
  std::string line;
  const auto until = Clock::now() + kAddressPatience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd readable{fd, POLLIN, 0};
    if (left.count() <= 0) return std::nullopt;
    if (poll(&readable, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return std::nullopt;
    if (readable.revents == 0) continue;
    char byte = 0;
    if (read(fd, &byte, 1) != 1) return std::nullopt;
    if (byte == '\n') return line;
    line.push_back(byte);
  }
}

}  // namespace

Result<ManagerChild> ManagerChild::start(std::vector<std::string> flags) {
  ManagerChild child(std::move(flags));
  if (auto launched = child.launch(); !launched) return std::unexpected(launched.error());
  return child;
}

ManagerChild::ManagerChild(ManagerChild&& other) noexcept
    : flags_(std::move(other.flags_)),
      address_(std::move(other.address_)),
      pid_(std::exchange(other.pid_, -1)),
      starts_(other.starts_) {}

Result<void> ManagerChild::launch() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return failure(ErrorCode::io, "no pipe for the manager");
  std::vector<char*> arguments;  // before the fork: between fork and exec nothing may be allocated
  std::string program = "/proc/self/exe", word = "manager";
  arguments.push_back(program.data());
  arguments.push_back(word.data());
  for (std::string& flag : flags_) arguments.push_back(flag.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = fork();
  if (pid_ == 0) {
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    setpgid(0, 0);  // Ctrl-C at the terminal is for the ranks first
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    dup2(ends[1], STDOUT_FILENO);
    execv(program.c_str(), arguments.data());
    _exit(127);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(ends[1]);
  ++starts_;
  const auto address = pid_ < 0 ? std::nullopt : first_line(ends[0]);
  close(ends[0]);
  if (address) {
    address_ = *address;
    return {};
  }
  int status = 0;
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, -1), &status, 0);
  }
  const bool refused = WIFEXITED(status) && WEXITSTATUS(status) == 2;
  return failure(refused ? ErrorCode::invalid_input : ErrorCode::io, "the manager did not start");
}

void ManagerChild::look_after() {
  int status = 0;
  if (pid_ < 0 || waitpid(pid_, &status, WNOHANG) != pid_) return;
  pid_ = -1;
  if (!WIFSIGNALED(status) || starts_ >= kManagerStartsMax) return;  // the training is over
  fmt::print(stderr, "[run] the manager was ended by signal {}: it is started again\n", WTERMSIG(status));
  if (auto again = launch(); !again) fmt::print(stderr, "[run] {}\n", again.error().message);
}

ManagerChild::~ManagerChild() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  const auto until = Clock::now() + kFarewell;
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (Clock::now() >= until) kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace selmcast::run
