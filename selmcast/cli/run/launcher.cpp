#include "selmcast/cli/run/launcher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>

#include "selmcast/cli/run/rank_process.h"

namespace selmcast::run {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{200};        // between two looks, when nothing happens
constexpr std::chrono::milliseconds kLastWords{1000};  // for output of ranks that have ended

int g_signal_pipe[2] = {-1, -1};

// Signals become bytes of a pipe. (Not blocked and read by signalfd: threads that libraries start before main() do not
// block them.)
class Signals {
 public:
  Result<void> open() {
    if (pipe2(g_signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
      return failure(ErrorCode::io, "no pipe for signals");
    struct sigaction action {};
    action.sa_handler = [](int number) {
      const int kept = errno;
      const auto byte = static_cast<unsigned char>(number);
      if (write(g_signal_pipe[1], &byte, 1) < 0) errno = kept;  // full: one of the kind is in it already
      errno = kept;
    };
    action.sa_flags = SA_RESTART;
    for (std::size_t k = 0; k < kNumbers.size(); ++k) sigaction(kNumbers[k], &action, &before_[k]);
    return {};
  }
  ~Signals() {
    if (g_signal_pipe[0] < 0) return;
    for (std::size_t k = 0; k < kNumbers.size(); ++k) sigaction(kNumbers[k], &before_[k], nullptr);
    for (int& end : g_signal_pipe) close(std::exchange(end, -1));
  }
  int fd() const { return g_signal_pipe[0]; }
  std::optional<int> next() {
    unsigned char byte = 0;
    if (read(g_signal_pipe[0], &byte, 1) != 1) return std::nullopt;
    return byte;
  }

 private:
  static constexpr std::array<int, 6> kNumbers = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
  std::array<struct sigaction, 6> before_{};
};

class Job {
 public:
  explicit Job(const JobSpec& spec) : spec_(spec) {}

  Result<int> run() {
    // What a rank leaves behind becomes ours to reap.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (auto opened = signals_.open(); !opened) return std::unexpected(opened.error());
    failures_.resize(static_cast<std::size_t>(spec_.ranks));
    for (int rank = 0; rank < spec_.ranks; ++rank) {
      if (auto started = start(rank); !started) return std::unexpected(started.error());
    }
    while (running() > 0) {
      wait_for_something();
      handle_signals();
      notice_ends();
      if (auto restarted = restart_due(); !restarted) return std::unexpected(restarted.error());
      if (spec_.look_after) spec_.look_after();
      if (kill_at_ && Clock::now() >= *kill_at_) kill_all();
    }
    // One that was to come again, and all others have ended meanwhile.
    for (const auto& rank : ranks_) {
      if (status_ == 0 && rank->ended().value_or(0) != 0) status_ = *rank->ended();
    }
    last_words();
    ranks_.clear();  // kills what is left in their groups
    while (!spec_.look_after && waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return status_;
  }

 private:
  struct Failures {
    int count = 0;
    std::optional<Clock::time_point> again_at;
  };

  Result<void> start(int rank) {
    RankSpec one{rank, spec_.command, spec_.variables};
    one.variables.emplace_back("RANK", std::to_string(rank));
    one.variables.emplace_back("LOCAL_RANK", std::to_string(rank));
    if (const int count = failures_[static_cast<std::size_t>(rank)].count; count > 0)
      one.variables.emplace_back("SELMCAST_RESTARTS", std::to_string(count));
    auto started = RankProcess::start(one);
    if (!started) return std::unexpected(started.error());
    ranks_.push_back(std::make_unique<RankProcess>(*std::move(started)));
    return {};
  }

  std::size_t running() {
    return static_cast<std::size_t>(
        std::ranges::count_if(ranks_, [](const auto& rank) { return !rank->ended().has_value(); }));
  }

  // Something to read, a signal, or a moment later.
  void wait_for_something() {
    std::vector<pollfd> waits{{signals_.fd(), POLLIN, 0}};
    std::vector<std::pair<RankProcess*, RankProcess::Output*>> owners;
    for (const auto& rank : ranks_) {
      for (RankProcess::Output& output : rank->outputs()) {
        if (output.fd < 0) continue;
        waits.push_back({output.fd, POLLIN, 0});
        owners.emplace_back(rank.get(), &output);
      }
    }
    if (poll(waits.data(), waits.size(), static_cast<int>(kLook.count())) <= 0) return;
    for (std::size_t k = 0; k < owners.size(); ++k) {
      if (waits[k + 1].revents != 0) owners[k].first->pass_on(*owners[k].second);
    }
  }

  void handle_signals() {
    while (const auto number = signals_.next()) {
      if (*number == SIGCHLD) continue;
      if (*number == SIGUSR1 || *number == SIGUSR2) {
        signal_all(*number);
      } else if (signalled_) {
        kill_all();
      } else {
        signalled_ = true;
        status_ = 128 + *number;
        end_all(*number);
      }
    }
  }

  void notice_ends() {
    for (const auto& rank : ranks_) {
      const auto status = rank->ended();
      if (!status || *status == 0 || kill_at_) continue;
      if (comes_again(rank->rank(), *status)) continue;
      status_ = *status;
      if (running() > 0)
        fmt::print(stderr, "[run] rank {} ended with status {}; ending the others\n", rank->rank(), *status);
      end_all(SIGTERM);
    }
  }

  // Of one that has failed.
  bool comes_again(int rank, int status) {
    Failures& failures = failures_[static_cast<std::size_t>(rank)];
    if (failures.again_at) return true;
    if (running() == 0 || failures.count >= spec_.restarts) return false;
    const std::chrono::seconds pause(1 << std::min(failures.count, 5));
    failures.again_at = Clock::now() + pause;
    ++failures.count;
    fmt::print(stderr, "[run] rank {} ended with status {}; it is started again in {} s ({} of {})\n", rank,
               status, pause.count(), failures.count, spec_.restarts);
    return true;
  }

  Result<void> restart_due() {
    for (std::size_t rank = 0; rank < failures_.size(); ++rank) {
      auto& again_at = failures_[rank].again_at;
      if (!again_at || Clock::now() < *again_at || kill_at_) continue;
      again_at.reset();
      const auto ended = std::ranges::find_if(
          ranks_, [&](const auto& one) { return one->rank() == static_cast<int>(rank); });
      for (RankProcess::Output& output : (*ended)->outputs()) {
        if (output.fd >= 0) (*ended)->pass_on(output);
      }
      ranks_.erase(ended);  // with what it left behind
      if (auto started = start(static_cast<int>(rank)); !started) return started;
    }
    return {};
  }

  void end_all(int number) {
    signal_all(number);
    kill_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(spec_.grace.in_seconds()));
  }
  void signal_all(int number) {
    for (const auto& rank : ranks_) {
      if (!rank->ended()) rank->signal_group(number);
    }
  }
  void kill_all() {
    signal_all(SIGKILL);
    kill_at_ = Clock::now() + kLook;
  }

  // Of ranks that have ended; a process they left behind may hold the pipe open, so there is a bound.
  void last_words() {
    const auto until = Clock::now() + kLastWords;
    const auto open = [&] {
      return std::ranges::any_of(ranks_, [](const auto& rank) {
        return std::ranges::any_of(rank->outputs(), [](const auto& output) { return output.fd >= 0; });
      });
    };
    for (const auto& rank : ranks_) rank->signal_group(SIGKILL);
    while (open() && Clock::now() < until) wait_for_something();
  }

  const JobSpec& spec_;
  Signals signals_;
  std::vector<std::unique_ptr<RankProcess>> ranks_;
  std::vector<Failures> failures_;  // by rank
  int status_ = 0;
  bool signalled_ = false;
  std::optional<Clock::time_point> kill_at_;
};

// One that nobody listens on now; the ranks bind it later (rank 0's store or rendezvous, which also look next to it).
std::string free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool found = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (fd >= 0) close(fd);
  return std::to_string(found ? ntohs(address.sin_port) : 29500);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> variables_of(int ranks) {
  const std::string count = std::to_string(ranks);
  std::vector<std::pair<std::string, std::string>> variables = {{"WORLD_SIZE", count},
                                                                {"LOCAL_WORLD_SIZE", count},
                                                                {"GROUP_RANK", "0"},
                                                                {"MASTER_ADDR", "127.0.0.1"},
                                                                {"MASTER_PORT", free_port()}};
  // As torchrun does, so that ranks share the processors; and lines come when they are written.
  if (ranks > 1 && std::getenv("OMP_NUM_THREADS") == nullptr) variables.emplace_back("OMP_NUM_THREADS", "1");
  if (std::getenv("PYTHONUNBUFFERED") == nullptr) variables.emplace_back("PYTHONUNBUFFERED", "1");
  return variables;
}

Result<int> run_job(const JobSpec& job) { return Job(job).run(); }

}  // namespace selmcast::run
