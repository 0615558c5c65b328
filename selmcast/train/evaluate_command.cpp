#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <system_error>
#include <utility>

#include "selmcast/train/commands.h"

namespace selmcast::train {
namespace {

volatile std::sig_atomic_t stop_asked = 0;
extern "C" void ask_to_stop(int) { stop_asked = 1; }

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

// Waits for at most `time`; true once standard input has ended. What comes in before is read and thrown away.
bool wait_for_end_of_stdin(Duration time) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, static_cast<int>(time.in_milliseconds())) <= 0) return false;
  std::array<char, 4096> unread{};
  const ssize_t got = read(STDIN_FILENO, unread.data(), unread.size());
  return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

// Opened before anything slow, so that a wrong --out is noticed at once.
Result<std::ofstream> open_output(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  std::ofstream out(path, std::ios::trunc);
  if (out) return out;
  return failure(ErrorCode::io, fmt::format("cannot write {}; choose another --out", path.string()));
}

Result<void> evaluate(const EvaluateCommand& command) {
  auto out = open_output(command.out);
  if (!out) return std::unexpected(out.error());
  auto test = load_dataset(command.data, Split::test);
  if (!test) return std::unexpected(test.error());
  auto evaluator = Evaluator::create(command.model, std::move(*test));
  if (!evaluator) return std::unexpected(evaluator.error());
  const auto write_line = [&](const Evaluation& evaluation) -> Result<void> {
    const std::string line = to_json_line(evaluation);
    *out << line << '\n' << std::flush;
    fmt::print("{}\n", line);
    std::fflush(stdout);
    if (*out) return {};
    return failure(ErrorCode::io, fmt::format("cannot write {}; is there space?", command.out.string()));
  };
  bool ended = false;
  const auto wait = [&](Duration time) {
    if (command.finish_with_stdin && !ended) {
      ended = wait_for_end_of_stdin(time);
    } else {
      poll(nullptr, 0, static_cast<int>(time.in_milliseconds()));
    }
    if (stop_asked) return WatchOrder::stop;
    return ended ? WatchOrder::finish : WatchOrder::go_on;
  };
  return watch_and_evaluate(*evaluator, command.watch, wait, write_line);
}

}  // namespace

int run_evaluate(const EvaluateCommand& command) {
  stop_on_signals();
  const auto done = evaluate(command);
  return done ? 0 : report(done.error());
}

}  // namespace selmcast::train
