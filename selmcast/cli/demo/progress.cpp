#include "selmcast/cli/demo/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace selmcast::demo {
namespace {

constexpr double kQuietMax = 30;  // seconds between two lines of a log

}  // namespace

std::string progress_text(const std::string& run, std::uint64_t rounds, const Progress& p) {
  std::string text = fmt::format("{:<14} round {:>2}/{}", run, p.rounds_done, rounds);
  if (p.rounds_done == 0) return text + "  starting";
  text += fmt::format("  loss {:.3f}", p.loss);
  if (p.accuracy >= 0) text += fmt::format("  accuracy {:.1f} %", 100 * p.accuracy);
  text += fmt::format("  sync {:.3f} s  {:.1f} receivers  {:.0f} s", p.sync_seconds, p.receivers, p.seconds);
  if (p.seconds_left >= 0 && p.rounds_done < rounds)
    text += fmt::format(", about {:.0f} s left", p.seconds_left);
  return text;
}

ProgressLine::ProgressLine(std::string run, std::uint64_t rounds, std::size_t workers)
    : run_(std::move(run)), rounds_(rounds), workers_(workers), terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(const Progress& progress) {
  std::string text = progress_text(run_, rounds_, progress);
  if (progress.rounds_done > 0 && progress.rounds_done < rounds_ && progress.workers < workers_) {
    text += fmt::format("  ({} of {} workers left)", progress.workers, workers_);
  }
  last_ = text;
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}", text);
    std::fflush(stderr);
    return;
  }
  const std::uint64_t every = std::max<std::uint64_t>(1, rounds_ / 6);
  const bool due =
      progress.rounds_done >= printed_round_ + every ||
      (progress.rounds_done > printed_round_ && progress.seconds >= printed_seconds_ + kQuietMax);
  if (due && progress.rounds_done < rounds_) {
    printed_round_ = progress.rounds_done;
    printed_seconds_ = progress.seconds;
    fmt::print(stderr, "{}\n", text);
  }
}

void ProgressLine::finish() { fmt::print(stderr, "{}{}\n", terminal_ ? "\r\033[K" : "", last_); }

}  // namespace selmcast::demo
