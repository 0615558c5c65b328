#include "selmcast/plan/ssp_baselines.h"

#include <utility>

namespace selmcast::plan {

int SspBaselines::keep_running(const SspTasks& tasks, WorkerIndex ready) {
  verdicts_.assign(tasks.candidate_count(), std::nullopt);
  free_.clear();
  int needed_by_ready = 0;
  std::size_t next = 0;
  for (const SspTask& task : tasks.tasks) {
    int needed = task.needed;
    for (const SspCandidate& candidate : task.candidates) {
      const std::size_t place = next++;
      if (!tasks.is_up(task, candidate)) continue;
      if (candidate.required || task.sender != ready) {
        verdicts_[place] = candidate.required ? Reason::required : Reason::kept;
        --needed;
      } else {
        free_.push_back(place);
      }
    }
    if (task.sender == ready) needed_by_ready = needed;
  }
  return needed_by_ready;
}

std::span<const Verdict> SspBaselines::random(const SspTasks& tasks, WorkerIndex ready, Rng& rng) & {
  const int needed = keep_running(tasks, ready);
  // Fisher-Yates from the front, as far as receivers are needed.
  for (std::size_t k = 0; std::cmp_less(k, needed) && k < free_.size(); ++k) {
    std::swap(free_[k], free_[k + rng.below(free_.size() - k)]);
    verdicts_[free_[k]] = Reason::random;
  }
  return verdicts_;
}

std::span<const Verdict> SspBaselines::broadcast(const SspTasks& tasks, WorkerIndex ready) & {
  keep_running(tasks, ready);
  for (const std::size_t place : free_) verdicts_[place] = Reason::broadcast;
  return verdicts_;
}

}  // namespace selmcast::plan
