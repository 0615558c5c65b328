// One rank of `selmcast run`: a process in a group of its own, its output in two pipes.
//
// It dies with the thread that started it (PR_SET_PDEATHSIG), whatever ends that; what it started itself is in its
// group and is killed with it when the owner ends in order. Thread rule: one thread, the one that started it.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/cli/run/line_prefixer.h"

namespace selmcast::run {

struct RankSpec {
  int rank = 0;
  std::vector<std::string> command;                            // program (looked for in PATH) and arguments
  std::vector<std::pair<std::string, std::string>> variables;  // on top of this process's environment
};

class RankProcess {
 public:
  // Standard input is /dev/null. Error (io) if it cannot be started.
  static Result<RankProcess> start(const RankSpec& spec);
  RankProcess(RankProcess&& other) noexcept;
  RankProcess& operator=(RankProcess&&) = delete;
  ~RankProcess();  // kills the group, and reaps

  int rank() const { return rank_; }
  // Exit status once it has ended: 0 .. 255, or 128 + the signal that ended it. Does not wait.
  std::optional<int> ended();
  // To the whole group, also when its leader has ended.
  void signal_group(int number) const;

  struct Output {
    int fd = -1;  // -1: at its end
    int to = 1;   // 1 standard output, 2 standard error
    LinePrefixer lines;
  };
  std::array<Output, 2>& outputs() { return outputs_; }
  // Reads what is there and writes whole lines on. Call it when poll() says that there is something, or an end.
  void pass_on(Output& output);

 private:
  RankProcess(int rank, pid_t pid, int out, int err);

  int rank_ = 0;
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::array<Output, 2> outputs_;
};

}  // namespace selmcast::run
