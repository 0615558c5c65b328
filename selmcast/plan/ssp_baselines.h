// The rivals of Algorithm 2 on dense tasks: `random` (Orpheus with max_age) and `broadcast`.
//
// Neither cuts anything off: all that runs goes on, if it is among the tasks at all. The ready worker takes its
// required receivers, then random ones up to min_receivers, or everybody. Neither uses a link that is down, but what
// runs over one is dropped: it would never end. O(candidates). Scratch is kept between calls. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::plan {

class SspBaselines {
 public:
  // One verdict a candidate, in the order of tasks and candidates; valid until the next call.
  std::span<const Verdict> random(const SspTasks& tasks, WorkerIndex ready, Rng& rng) &;
  std::span<const Verdict> broadcast(const SspTasks& tasks, WorkerIndex ready) &;

 private:
  // Returns how many of free_ the ready worker still needs.
  int keep_running(const SspTasks& tasks, WorkerIndex ready);

  std::vector<Verdict> verdicts_;
  std::vector<std::size_t> free_;  // places of the ready worker's candidates that may be taken
};

}  // namespace selmcast::plan
