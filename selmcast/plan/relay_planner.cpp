#include "selmcast/plan/relay_planner.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/relay_draft.h"
#include "selmcast/plan/relay_search.h"
#include "selmcast/plan/relay_trees.h"
#include "selmcast/plan/unequal_planner.h"

namespace selmcast::plan {
namespace {

Plan without_spare(Plan plan) {
  for (auto& of_sender : plan.selections)
    std::erase_if(of_sender, [](const Selection& selection) { return selection.reason == Reason::spare; });
  return plan;
}

// Steps "copies" and 5 for receivers that are all wanted.
Plan completed(const Problem& problem, const Plan& core) {
  RelayDraft draft(problem, core);
  LinkLoads received = link_loads(as_network(problem), core);
  std::ranges::fill(received.uplink, Bytes(0));
  const auto downlinks = find_bottleneck(problem, received);
  const auto time =
      place_in_least_time(problem, draft.pool(), downlinks ? std::optional(downlinks->time) : std::nullopt);
  if (!time) return std::move(draft).finish();  // nobody needs a receiver
  draft.open_downlinks(*time);
  draft.fill();
  return std::move(draft).finish();
}

// As many receivers as each needs: required ones, then the oldest.
Plan trimmed(const Problem& problem, Plan plan) {
  const RelayDraft draft(problem, plan);
  for (std::size_t i = 0; i < problem.size(); ++i) {
    auto& row = plan.selections[i];
    std::ranges::stable_sort(row, {}, [](const Selection& s) { return s.reason != Reason::required; });
    row.resize(static_cast<std::size_t>(draft.needed()[i]));
    std::ranges::sort(row, {}, &Selection::receiver);
  }
  return plan;
}

Plan plan_equal(const Problem& problem) {
  ExactPlanner exact(as_network(problem));
  for (auto floor = bound_of_uplinks(problem); floor;) {
    exact.not_before(*floor);
    const Outcome outcome = exact.plan();
    const Plan& receivers = std::get<Planned>(outcome).plan;
    RelayDraft draft(problem, receivers);
    draft.pool().open_until(*exact.time());
    draft.open_downlinks(*exact.time());
    if (!draft.place_needs()) {
      floor = time_of_cut(problem, draft.pool(), draft.needed());
      SELMCAST_CHECK(*floor > *exact.time(), "a cut forbids the time at which it was found");
      continue;
    }
    if (!draft.place_spare()) return completed(problem, trimmed(problem, receivers));
    draft.fill();
    return std::move(draft).finish();
  }
  RelayDraft nobody(problem, Plan{std::vector<std::vector<Selection>>(problem.size())});
  return std::move(nobody).finish();
}

// The number of deliveries of volume v that a link carries until `time`.
std::int64_t deliveries_within(Rate rate, Bytes volume, const LinkTime& time) {
  return rate > Rate() ? capacity_within(rate, time).count() / volume.count() : 0;
}

}  // namespace

Problem as_network(const Problem& problem) {
  Problem network = problem;
  network.multicast = MulticastKind::network;
  network.unreached.clear();
  return network;
}

Plan with_trees(const Problem& problem, Plan plan) {
  grow_trees(problem, plan);
  return plan;
}

Plan plan_relays_by_paper(const Problem& problem) {
  return completed(problem, without_spare(plan_by_paper(as_network(problem))));
}

Planned plan_relays(const Problem& problem) {
  const bool equal = has_equal_volumes(problem);
  Planned planned{equal ? plan_equal(problem)
                        : completed(problem, without_spare(plan_unequal(as_network(problem))))};
  const auto slowest = find_bottleneck(problem, link_loads(problem, planned.plan));
  if (!slowest) {
    planned.status = Status::optimal;
  } else if (equal && slowest->time.duration() <= lower_bound(problem).time &&
             planned.plan.receiver_count() == most_receivers(problem, slowest->time)) {
    planned.status = Status::optimal;
  }
  return planned;
}

std::optional<std::size_t> most_receivers(const Problem& problem, const LinkTime& time) {
  if (!has_equal_volumes(problem)) return std::nullopt;
  const Bytes volume = problem.workers.front().volume;
  std::int64_t senders = 0, received = 0, sent = 0;
  for (const WorkerSpec& worker : problem.workers)
    senders += deliveries_within(worker.uplink, volume, time) > 0 ? 1 : 0;
  for (const WorkerSpec& worker : problem.workers) {
    const std::int64_t copies = deliveries_within(worker.uplink, volume, time);
    const std::int64_t others = senders - (copies > 0 ? 1 : 0);
    received += std::min(others, deliveries_within(worker.downlink, volume, time));
    sent += worker.can_receive() ? copies : std::min(copies, std::ssize(problem.workers) - 1);
  }
  return static_cast<std::size_t>(std::min(received, sent));
}

}  // namespace selmcast::plan
