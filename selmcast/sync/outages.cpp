#include "selmcast/sync/outages.h"

#include <algorithm>
#include <optional>
#include <set>

namespace selmcast::sync {

void Outages::failed(WorkerPair pair, Instant now) {
  Outage& outage = pairs_[pair];
  if (outage.failures > 0 && now < outage.last + kOneBreak) return;
  outage.last = now;
  ++outage.failures;
  if (outage.failures < kFailures) return;
  Duration rest = kFirstRest;
  for (std::uint32_t k = kFailures; k < outage.failures && rest < kLongestRest; ++k) rest = rest * 2;
  outage.until = now + std::min(rest, kLongestRest);
}

void Outages::leave(WorkerId worker) {
  std::erase_if(pairs_, [&](const auto& entry) {
    return entry.first.sender == worker || entry.first.receiver == worker;
  });
}

bool Outages::rests(WorkerPair pair, Instant now) const {
  const auto found = pairs_.find(pair);
  return found != pairs_.end() && found->second.failures >= kFailures && now < found->second.until;
}

std::vector<Resting> Outages::resting(Instant now) const {
  std::vector<Resting> all;
  for (const auto& [pair, outage] : pairs_) {
    if (rests(pair, now)) all.push_back({pair, outage.until, outage.failures});
  }
  return all;
}

namespace {

using plan::Selection;

struct Detours {
  const plan::Problem& problem;
  plan::Plan plan;
  const std::vector<plan::Pair>& out;

  bool is_out(WorkerIndex from, WorkerIndex to) const {
    return std::ranges::binary_search(out, plan::Pair{from, to});
  }

  void strip(WorkerIndex sender) {
    std::erase_if(plan.selections[position(sender)],
                  [&](const Selection& selection) { return is_out(sender, selection.receiver); });
  }

  std::size_t place_of(WorkerIndex sender, WorkerIndex receiver) const {
    const auto& receivers = plan.selections[position(sender)];
    return static_cast<std::size_t>(std::ranges::lower_bound(receivers, receiver, {}, &Selection::receiver) -
                                    receivers.begin());
  }

  // Whether what `receiver` gets of the sender's model comes by way of `via`, or is its own.
  bool comes_by(WorkerIndex sender, WorkerIndex receiver, WorkerIndex via) const {
    while (receiver != sender) {
      if (receiver == via) return true;
      receiver = plan.parents[position(sender)][place_of(sender, receiver)];
    }
    return false;
  }

  std::optional<WorkerIndex> another_way(WorkerIndex sender, WorkerIndex to) const {
    if (!is_out(sender, to)) return sender;
    for (const Selection& other : plan.selections[position(sender)]) {
      if (!is_out(other.receiver, to) && problem.worker(other.receiver).can_send() &&
          !comes_by(sender, other.receiver, to))
        return other.receiver;
    }
    return std::nullopt;
  }

  // Of a relay plan.
  void reroute(WorkerIndex sender) {
    auto& receivers = plan.selections[position(sender)];
    auto& parents = plan.parents[position(sender)];
    for (std::size_t k = 0; k < receivers.size();) {
      const WorkerIndex to = receivers[k].receiver;
      if (!is_out(parents[k], to)) {
        ++k;
        continue;
      }
      if (const auto way = another_way(sender, to)) {
        parents[k++] = *way;
        continue;
      }
      receivers.erase(receivers.begin() + static_cast<std::ptrdiff_t>(k));
      parents.erase(parents.begin() + static_cast<std::ptrdiff_t>(k));
      std::ranges::replace(parents, to, sender);  // whom it would have sent it on to
      k = 0;
    }
  }

  void refill(WorkerIndex sender, std::vector<Bytes>& loads) {
    auto& receivers = plan.selections[position(sender)];
    const plan::WorkerSpec& spec = problem.worker(sender);
    while (std::ssize(receivers) < spec.min_receivers) {
      std::optional<WorkerIndex> lightest;
      Duration least = Duration::infinite();
      for (std::uint32_t j = 0; j < problem.size(); ++j) {
        const WorkerIndex receiver(j);
        if (receiver == sender || is_out(sender, receiver) || plan.has({sender, receiver})) continue;
        if (!problem.worker(receiver).can_receive()) continue;
        const Duration time = (loads[j] + spec.volume) / problem.worker(receiver).downlink;
        if (time < least) least = time, lightest = receiver;
      }
      if (!lightest) return;
      const std::size_t k = place_of(sender, *lightest);
      receivers.insert(receivers.begin() + static_cast<std::ptrdiff_t>(k), {*lightest, plan::Reason::basic});
      if (!plan.parents.empty()) {
        auto& parents = plan.parents[position(sender)];
        parents.insert(parents.begin() + static_cast<std::ptrdiff_t>(k), sender);
      }
      loads[position(*lightest)] += spec.volume;
    }
  }
};

}  // namespace

plan::Plan without_outages(const plan::Problem& problem, plan::Plan planned,
                           const std::vector<plan::Pair>& out) {
  if (out.empty()) return planned;
  Detours detours{problem, std::move(planned), out};
  for (std::uint32_t i = 0; i < problem.size(); ++i)
    detours.plan.parents.empty() ? detours.strip(WorkerIndex(i)) : detours.reroute(WorkerIndex(i));
  std::vector<Bytes> loads = plan::link_loads(problem, detours.plan).downlink;
  for (std::uint32_t i = 0; i < problem.size(); ++i) {
    if (problem.workers[i].can_send()) detours.refill(WorkerIndex(i), loads);
  }
  return std::move(detours.plan);
}

plan::Problem relaxed_to(plan::Problem problem, const plan::Plan& planned) {
  std::erase_if(problem.required, [&](const plan::Pair& pair) { return !planned.has(pair); });
  for (std::size_t i = 0; i < problem.size(); ++i) {
    int& least = problem.workers[i].min_receivers;
    least = std::min(least, static_cast<int>(planned.selections[i].size()));
  }
  return problem;
}

}  // namespace selmcast::sync
