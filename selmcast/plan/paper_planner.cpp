#include "selmcast/plan/paper_planner.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <utility>

#include "selmcast/plan/draft.h"
#include "selmcast/plan/reach.h"

namespace selmcast::plan {
namespace {

// What receiver j would be busy with if it took one more delivery; in a mixed problem (reach.h) or the sender, if that
// is longer.
struct Candidate {
  LinkTime time;
  std::size_t receiver = 0;

  std::weak_ordering operator<=>(const Candidate& other) const {
    const auto order = time <=> other.time;
    return order != 0 ? order : receiver <=> other.receiver;
  }
  bool operator==(const Candidate& other) const { return (*this <=> other) == 0; }
};

void select_lightest(const Problem& problem, std::size_t sender, std::size_t count,
                     std::vector<Candidate>& candidates, Draft& draft) {
  candidates.clear();
  for (std::size_t j = 0; j < problem.size(); ++j) {
    if (j == sender || !problem.workers[j].can_receive() || draft.has(sender, j)) continue;
    candidates.push_back(
        {{draft.loads().downlink[j] + problem.workers[sender].volume, problem.workers[j].downlink}, j});
  }
  // One sender's picks do not weigh on one another, so their order does not matter.
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count) - 1,
                   candidates.end());
  for (std::size_t k = 0; k < count; ++k) draft.add(sender, candidates[k].receiver, Reason::basic);
}

// Here they do weigh on one another: each that has a copy of its own makes the next one of these dearer. Both kinds in
// order of their downlinks; the lighter one of the two first ones is next.
void select_lightest_of_mixed(const Problem& problem, const Reach& reach, std::size_t sender,
                              std::size_t count, Draft& draft) {
  const Bytes volume = problem.workers[sender].volume;
  std::array<std::vector<Candidate>, 2> kinds;  // with a copy of their own, and sharing one
  for (std::size_t j = 0; j < problem.size(); ++j) {
    if (j == sender || !problem.workers[j].can_receive() || draft.has(sender, j)) continue;
    kinds[reach.shares(sender, j) ? 1 : 0].push_back(
        {{draft.loads().downlink[j] + volume, problem.workers[j].downlink}, j});
  }
  for (auto& kind : kinds) std::ranges::sort(kind, std::greater{});
  const auto with_uplink = [&](Candidate next) {
    const LinkTime up{draft.uplink_load_with(sender, next.receiver), problem.workers[sender].uplink};
    next.time = std::max(next.time, up);
    return next;
  };
  for (; count > 0; --count) {
    const bool shares = kinds[0].empty() ||
                        (!kinds[1].empty() && !(with_uplink(kinds[0].back()) < with_uplink(kinds[1].back())));
    draft.add(sender, kinds[shares ? 1 : 0].back().receiver, Reason::basic);
    kinds[shares ? 1 : 0].pop_back();
  }
}

void select_basic(const Problem& problem, Draft& draft) {
  std::vector<std::size_t> senders(problem.size());
  std::iota(senders.begin(), senders.end(), std::size_t{0});
  std::ranges::stable_sort(senders, std::greater{}, [&](std::size_t i) { return draft.receivers_of(i); });
  const Reach reach(problem);
  std::vector<Candidate> candidates;
  for (const std::size_t i : senders) {
    const auto wanted = static_cast<std::size_t>(problem.workers[i].min_receivers);
    if (wanted <= draft.receivers_of(i)) continue;
    const std::size_t missing = wanted - draft.receivers_of(i);
    if (is_mixed(problem))
      select_lightest_of_mixed(problem, reach, i, missing, draft);
    else
      select_lightest(problem, i, missing, candidates, draft);
  }
}

// The bytes each link may carry without delaying the plan.
LinkLoads capacities_within(const Problem& problem, const LinkTime& limit) {
  LinkLoads capacities;
  for (const WorkerSpec& worker : problem.workers) {
    capacities.uplink.push_back(capacity_within(worker.uplink, limit));
    capacities.downlink.push_back(capacity_within(worker.downlink, limit));
  }
  return capacities;
}

void fill_spare_bandwidth(const Problem& problem, Draft& draft) {
  const auto slowest = find_bottleneck(problem, draft.loads());
  if (!slowest) return;  // t = 0: nobody needs a receiver
  const LinkLoads capacity = capacities_within(problem, slowest->time);
  const auto add_if_it_fits = [&](std::size_t i, std::size_t j) {
    if (i == j || draft.has(i, j)) return;
    if (draft.uplink_load_with(i, j) > capacity.uplink[i]) return;
    if (draft.loads().downlink[j] + problem.workers[i].volume > capacity.downlink[j]) return;
    draft.add(i, j, Reason::spare);
  };

  std::vector<PairAge> aged = problem.ages;
  std::ranges::sort(aged, [](const PairAge& a, const PairAge& b) {
    return a.age != b.age ? a.age > b.age : a.pair < b.pair;
  });
  for (const PairAge& old : aged) {
    if (old.age > 0) add_if_it_fits(position(old.pair.sender), position(old.pair.receiver));
  }
  // All others have age 0. A pair that was turned away above is turned away again: loads only grow.
  for (std::size_t i = 0; i < problem.size(); ++i) {
    for (std::size_t j = 0; j < problem.size(); ++j) add_if_it_fits(i, j);
  }
}

}  // namespace

Plan plan_by_paper(const Problem& problem) {
  Draft draft(problem);
  draft.add_required();
  select_basic(problem, draft);
  fill_spare_bandwidth(problem, draft);
  return std::move(draft).finish();
}

}  // namespace selmcast::plan
