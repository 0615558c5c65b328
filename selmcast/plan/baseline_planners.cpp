#include "selmcast/plan/baseline_planners.h"

#include <utility>

#include "selmcast/plan/draft.h"

namespace selmcast::plan {

Plan plan_at_random(const Problem& problem, Rng& rng) {
  Draft draft(problem);
  draft.add_required();
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < problem.size(); ++i) {
    others.clear();
    for (std::size_t j = 0; j < problem.size(); ++j) {
      if (j != i && problem.workers[j].can_receive() && !draft.has(i, j)) others.push_back(j);
    }
    // Fisher-Yates from the front, as far as receivers are needed.
    const auto wanted = static_cast<std::size_t>(problem.workers[i].min_receivers);
    for (std::size_t k = 0; draft.receivers_of(i) < wanted; ++k) {
      std::swap(others[k], others[k + rng.below(others.size() - k)]);
      draft.add(i, others[k], Reason::random);
    }
  }
  return std::move(draft).finish();
}

Plan plan_broadcast(const Problem& problem) {
  Draft draft(problem);
  draft.add_required();
  for (std::size_t i = 0; i < problem.size(); ++i) {
    if (!problem.workers[i].can_send()) continue;
    for (std::size_t j = 0; j < problem.size(); ++j) {
      if (j != i && problem.workers[j].can_receive() && !draft.has(i, j)) draft.add(i, j, Reason::broadcast);
    }
  }
  return std::move(draft).finish();
}

}  // namespace selmcast::plan
