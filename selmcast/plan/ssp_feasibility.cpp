#include "selmcast/plan/ssp_feasibility.h"

#include <algorithm>

#include "selmcast/plan/feasibility.h"

namespace selmcast::plan {

Problem what_must_be_sent(const SspProblem& problem) {
  Problem result{problem.base.multicast, problem.base.workers, {}, {}};
  for (std::size_t i = 0; i < problem.size(); ++i) {
    if (i != position(problem.ready)) result.workers[i].min_receivers = 0;
  }
  std::vector<const RunningMulticast*> running_of(problem.size(), nullptr);
  for (const RunningMulticast& multicast : problem.active)
    running_of[position(multicast.sender)] = &multicast;
  for (const Pair& pair : problem.base.required) {
    const RunningMulticast* running = running_of[position(pair.sender)];
    const bool is_to_run = running != nullptr &&
                           std::ranges::find(running->receivers, pair.receiver, &RunningReceiver::receiver) !=
                               running->receivers.end();
    if (pair.sender == problem.ready || is_to_run) result.required.push_back(pair);
  }
  return result;
}

std::optional<Infeasible> find_infeasibility(const SspProblem& problem) {
  return find_infeasibility(what_must_be_sent(problem));
}

}  // namespace selmcast::plan
