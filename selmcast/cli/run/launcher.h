// Starts the ranks of a job on this machine, passes on what they write and the signals that come, and ends them all.
//
//     running ── a rank fails ──> ending: SIGTERM to all ── grace over ──> SIGKILL
//             └─ SIGINT, SIGTERM, SIGHUP ──> ending: that signal to all ── grace over, or a second one ──> SIGKILL
//             └─ all have ended with 0 ──> over
//
// With `restarts` a rank that fails is started again instead, after a second, then twice as long each time, so often at
// most: it finds the others' training under way (an elastic manager lets it in). One that fails when all others have
// ended is not: there is nobody to come back to.
// SIGUSR1 and SIGUSR2 are passed on and change nothing. When this returns, no process of any rank's group is left.
// Bounds: from the first failure or signal to the end, `grace` and a second. Blocks the calling thread, which must be
// the one that stays: ranks die with it. Signal handlers are this process's: one launcher at a time.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::run {

struct JobSpec {
  int ranks = 1;
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> variables;  // of every rank; RANK and LOCAL_RANK are added
  Duration grace = Duration::seconds(5);
  int restarts = 0;  // of each rank
  // Called at least every 200 ms.
  std::function<void()> look_after = nullptr;
};

// What torchrun tells the ranks of a job of one machine, but for RANK and LOCAL_RANK; MASTER_PORT is one that was free.
std::vector<std::pair<std::string, std::string>> variables_of(int ranks);

// The exit status for the shell: 0 if all ranks ended with 0; else that of the first that did not; 128 + the signal if
// one came. Error (io) if the program cannot be started; those that were are ended.
Result<int> run_job(const JobSpec& job);

}  // namespace selmcast::run
