#include "selmcast/plan/unequal_planner.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "selmcast/plan/delivery_core.h"
#include "selmcast/plan/draft.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/reach.h"

namespace selmcast::plan {
namespace {

// What the local search may not beat and need not try to.
struct Floor {
  Duration time;
  std::optional<LinkTime> uplinks;  // the core's busiest uplink
};

Bytes volume_of(const Problem& problem, std::size_t sender) { return problem.workers[sender].volume; }

std::size_t missing_receivers(const Problem& problem, const DeliveryCore& core, std::size_t sender) {
  const auto wanted = static_cast<std::size_t>(problem.workers[sender].min_receivers);
  return wanted - std::min(wanted, core.receivers_of(sender));
}

DeliveryCore large_first(const Problem& problem) {
  DeliveryCore core(problem);
  std::vector<std::size_t> senders(problem.size());
  std::iota(senders.begin(), senders.end(), std::size_t{0});
  std::ranges::stable_sort(senders, std::greater{}, [&](std::size_t i) { return volume_of(problem, i); });
  std::vector<std::size_t> open;
  for (const std::size_t i : senders) {
    const std::size_t missing = missing_receivers(problem, core, i);
    if (missing == 0) continue;
    open.clear();
    for (std::size_t j = 0; j < problem.size(); ++j) {
      if (j != i && !core.has(i, j)) open.push_back(j);
    }
    const Bytes volume = volume_of(problem, i);
    std::ranges::nth_element(open, open.begin() + static_cast<std::ptrdiff_t>(missing) - 1,
                             [&](std::size_t a, std::size_t b) {
                               const auto order = core.time_with(a, volume) <=> core.time_with(b, volume);
                               return order != 0 ? order < 0 : a < b;
                             });
    for (std::size_t k = 0; k < missing; ++k) core.add(i, open[k]);
  }
  return core;
}

// What a plan has selected before spare bandwidth was given away.
DeliveryCore core_of(const Problem& problem, const Plan& plan) {
  DeliveryCore core(problem);
  for (std::size_t i = 0; i < problem.size(); ++i) {
    for (const Selection& selection : plan.selections[i]) {
      if (selection.reason == Reason::basic) core.add(i, position(selection.receiver));
    }
  }
  return core;
}

std::optional<DeliveryCore> as_if_equal(const Problem& problem) {
  Problem equal = problem;
  const Bytes greatest = std::ranges::max(problem.workers, {}, &WorkerSpec::volume).volume;
  for (WorkerSpec& worker : equal.workers) worker.volume = greatest;
  const Outcome outcome = plan_exactly(equal);
  const auto* planned = std::get_if<Planned>(&outcome);
  return planned == nullptr ? std::nullopt : std::optional(core_of(problem, planned->plan));
}

class LocalSearch {
 public:
  LocalSearch(const Problem& problem, const Floor& floor, DeliveryCore& core)
      : problem_(problem), floor_(floor), core_(core) {}

  void run() {
    while (effort_ < kSearchEffort) {
      const auto busiest = core_.busiest();
      if (!busiest || is_low_enough(core_.time_of(*busiest)) || !relieve(*busiest)) return;
    }
  }

 private:
  bool is_low_enough(const LinkTime& time) const {
    return time.duration() <= floor_.time || (floor_.uplinks && time <= *floor_.uplinks);
  }

  // One step: something leaves the busiest downlink, and nobody gets as busy as it was.
  bool relieve(std::size_t busiest) {
    const LinkTime limit = core_.time_of(busiest);
    const std::vector<std::size_t> senders = core_.senders_of(busiest);
    for (auto i = senders.rbegin(); i != senders.rend(); ++i) {
      if (hand_over(*i, busiest, limit)) return true;
    }
    for (auto i = senders.rbegin(); i != senders.rend(); ++i) {
      if (exchange(*i, busiest, limit)) return true;
    }
    return false;
  }

  // To the receiver that is least busy with it.
  bool hand_over(std::size_t i, std::size_t from, const LinkTime& limit) {
    std::optional<std::size_t> best;
    LinkTime least = limit;
    for (std::size_t j = 0; j < problem_.size(); ++j) {
      if (j == i || core_.has(i, j)) continue;
      const LinkTime time = core_.time_with(j, volume_of(problem_, i));
      if (time >= least) continue;
      best = j;
      least = time;
    }
    effort_ += static_cast<std::int64_t>(problem_.size());
    if (!best) return false;
    core_.remove(i, from);
    core_.add(i, *best);
    return true;
  }

  bool exchange(std::size_t i, std::size_t from, const LinkTime& limit) {
    for (std::size_t j = 0; j < problem_.size(); ++j) {
      ++effort_;
      if (j == i || j == from || core_.has(i, j)) continue;
      if (const auto k = partner(i, from, j, limit)) {
        core_.remove(i, from);
        core_.remove(*k, j);
        core_.add(i, j);
        core_.add(*k, from);
        return true;
      }
    }
    return false;
  }

  // The smallest of j's deliveries that leaves j less busy than `limit` if it gets i's instead.
  std::optional<std::size_t> partner(std::size_t i, std::size_t from, std::size_t j, const LinkTime& limit) {
    const std::vector<std::size_t>& others = core_.senders_of(j);
    const Bytes volume = volume_of(problem_, i);
    const auto first = std::ranges::partition_point(
        others, [&](std::size_t k) { return core_.time_with(j, volume - volume_of(problem_, k)) >= limit; });
    for (auto k = first; k != others.end() && volume_of(problem_, *k) < volume; ++k) {
      ++effort_;
      if (*k != from && !core_.has(*k, from)) return *k;
    }
    return std::nullopt;
  }

  const Problem& problem_;
  const Floor& floor_;
  DeliveryCore& core_;
  std::int64_t effort_ = 0;
};

LinkTime least_link_time(const Problem& problem, const Plan& plan) {
  const auto slowest = find_bottleneck(problem, link_loads(problem, plan));
  return slowest ? slowest->time : LinkTime{};
}

// Step 3.
Plan filled_up(const Problem& problem, const Plan& core) {
  Draft draft(problem);
  for (std::size_t i = 0; i < problem.size(); ++i) {
    for (const Selection& selection : core.selections[i]) {
      draft.add(i, position(selection.receiver), selection.reason);
    }
  }
  const auto slowest = find_bottleneck(problem, draft.loads());
  if (!slowest) return std::move(draft).finish();  // t = 0: nobody needs a receiver
  LinkLoads capacity;
  for (const WorkerSpec& worker : problem.workers) {
    capacity.uplink.push_back(capacity_within(worker.uplink, slowest->time));
    capacity.downlink.push_back(capacity_within(worker.downlink, slowest->time));
  }
  const auto add_if_it_fits = [&](std::size_t i, std::size_t j) {
    if (i == j || draft.has(i, j)) return;
    if (draft.uplink_load_with(i, j) > capacity.uplink[i]) return;
    if (draft.loads().downlink[j] + volume_of(problem, i) > capacity.downlink[j]) return;
    draft.add(i, j, Reason::spare);
  };
  std::vector<PairAge> aged = problem.ages;
  const auto volume = [&](const PairAge& old) { return problem.worker(old.pair.sender).volume; };
  std::ranges::sort(aged, [&](const PairAge& a, const PairAge& b) {
    if (a.age != b.age) return a.age > b.age;
    return volume(a) != volume(b) ? volume(a) < volume(b) : a.pair < b.pair;
  });
  for (const PairAge& old : aged) {
    if (old.age > 0) add_if_it_fits(position(old.pair.sender), position(old.pair.receiver));
  }
  std::vector<std::size_t> senders(problem.size());
  std::iota(senders.begin(), senders.end(), std::size_t{0});
  std::ranges::stable_sort(senders, {}, [&](std::size_t i) { return volume_of(problem, i); });
  for (const std::size_t i : senders) {
    for (std::size_t j = 0; j < problem.size(); ++j) add_if_it_fits(i, j);
  }
  return std::move(draft).finish();
}

}  // namespace

Plan plan_unequal(const Problem& problem) {
  const Duration bound = lower_bound(problem).time;
  std::optional<Plan> best;
  const auto consider = [&](DeliveryCore core) {
    LinkLoads sent = link_loads(problem, core.as_plan());
    std::ranges::fill(sent.downlink, Bytes(0));
    const auto uplink = find_bottleneck(problem, sent);
    const Floor floor{bound, uplink ? std::optional(uplink->time) : std::nullopt};
    if (!is_mixed(problem)) LocalSearch(problem, floor, core).run();  // it looks at downlinks alone
    Plan plan = core.as_plan();
    if (!best || least_link_time(problem, plan) < least_link_time(problem, *best)) best = std::move(plan);
  };
  const auto is_done = [&] { return completion_time(problem, *best) <= bound; };
  if (!is_mixed(problem)) consider(large_first(problem));
  if (!best || !is_done()) consider(core_of(problem, plan_by_paper(problem)));
  if (!is_done()) {
    if (auto core = as_if_equal(problem)) consider(*std::move(core));
  }
  return filled_up(problem, *best);
}

}  // namespace selmcast::plan
