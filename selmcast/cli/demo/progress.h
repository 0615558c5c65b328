// The line of a run on the terminal. On a terminal it is redrawn in place; elsewhere a line is printed every few
// rounds or 30 s, so that logs stay short.
#pragma once

#include <cstdint>
#include <string>

#include "selmcast/cli/demo/training_run.h"

namespace selmcast::demo {

// "paper      round 12/30  loss 0.451  accuracy 84.1 %  sync 0.193 s  2.0 receivers   3.2 s, about 4 s left"
std::string progress_text(const std::string& run, std::uint64_t rounds, const Progress& progress);

class ProgressLine {
 public:
  ProgressLine(std::string run, std::uint64_t rounds, std::size_t workers);
  void show(const Progress& progress);
  void finish();  // ends the line

 private:
  std::string run_;
  std::uint64_t rounds_;
  std::size_t workers_;
  bool terminal_;
  std::uint64_t printed_round_ = 0;
  double printed_seconds_ = 0;
  std::string last_;
};

}  // namespace selmcast::demo
