#include "selmcast/plan/ssp_lower_bound.h"

#include <algorithm>
#include <vector>

#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::plan {
namespace {

constexpr double kSafety = 1e-12;

// W_i of the header: the bytes that i has to send at least.
std::vector<Bytes> least_to_send(const SspTasks& tasks, const SspTask& task) {
  std::vector<Bytes> least, others;
  for (const SspCandidate& candidate : task.candidates) {
    if (tasks.is_up(task, candidate)) (candidate.required ? least : others).push_back(candidate.remaining);
  }
  std::ranges::sort(others);
  for (const Bytes bytes : others) {
    if (std::ssize(least) >= task.needed) break;
    least.push_back(bytes);
  }
  return least;
}

class LongestTime {
 public:
  void consider(BoundKind kind, std::optional<WorkerIndex> worker, Duration time) {
    if (time > bound_.time) bound_ = {time, kind, worker};
  }
  LowerBound bound() const { return bound_; }

 private:
  LowerBound bound_;
};

}  // namespace

LowerBound lower_bound(const SspProblem& problem) {
  const SspTaskTable table(problem);
  const SspTasks tasks = table.tasks();
  LongestTime longest;
  std::vector<Bytes> required(problem.size());
  Bytes all;
  for (const SspTask& task : tasks.tasks) {
    Bytes sum, largest;
    for (const Bytes bytes : least_to_send(tasks, task)) {
      sum += bytes;
      largest = std::max(largest, bytes);
    }
    all += sum;
    const Bytes uplink = tasks.multicast == MulticastKind::network ? largest : sum;
    if (uplink > Bytes(0))
      longest.consider(BoundKind::uplink, task.sender, uplink / tasks.uplink[position(task.sender)]);
    for (const SspCandidate& candidate : task.candidates) {
      if (candidate.required && tasks.is_up(task, candidate))
        required[position(candidate.receiver)] += candidate.remaining;
    }
  }
  Rate downlinks;
  for (std::size_t j = 0; j < problem.size(); ++j) {
    downlinks += tasks.downlink[j];
    if (required[j] > Bytes(0)) {
      longest.consider(BoundKind::downlink, WorkerIndex(static_cast<std::uint32_t>(j)),
                       required[j] / tasks.downlink[j]);
    }
  }
  if (all > Bytes(0))
    longest.consider(BoundKind::all_downlinks, std::nullopt, (all / downlinks) * (1 - kSafety));
  return longest.bound();
}

}  // namespace selmcast::plan
