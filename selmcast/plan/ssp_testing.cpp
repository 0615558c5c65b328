#include "selmcast/plan/ssp_testing.h"

#include <algorithm>
#include <set>

namespace selmcast::plan::testing {
namespace {

const SspSenderPlan* find(const SspPlan& plan, std::size_t sender) {
  const auto found = std::ranges::find(plan.senders, worker(sender), &SspSenderPlan::sender);
  return found == plan.senders.end() ? nullptr : &*found;
}

// About as long as deliveries take. Whole multiples of one time tie often; others hardly ever.
Duration random_wait(const Problem& base, bool small_whole, Rng& rng) {
  if (rng.below(2) == 0) return Duration();
  const Duration delivery = base.workers[0].volume / base.workers[0].uplink;
  return delivery * (small_whole ? static_cast<double>(rng.below(4)) : rng.uniform(0, 4));
}

RunningMulticast random_multicast(const Problem& base, std::size_t sender, bool small_whole, Rng& rng) {
  RunningMulticast multicast{worker(sender), random_wait(base, small_whole, rng), {}, {}};
  const std::int64_t volume = base.workers[sender].volume.count();
  // Of one network multicast usually the same remains for everybody: draw that often, too.
  const bool is_common = rng.below(2) == 0;
  const auto draw = [&] {
    return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(volume) + 1));
  };
  const std::int64_t common = draw();
  std::vector<std::size_t> others;
  for (std::size_t j = 0; j < base.size(); ++j) {
    if (j != sender) others.push_back(j);
  }
  rng.shuffle(std::span(others));
  for (const std::size_t j : others) {
    switch (rng.below(4)) {
      case 0: break;
      case 1: multicast.delivered.push_back(worker(j)); break;
      default: multicast.receivers.push_back({worker(j), Bytes(is_common ? common : draw())});
    }
  }
  return multicast;
}

// Leaves out what a dropped receiver makes impossible.
void keep_possible_required(SspProblem& problem) {
  std::erase_if(problem.base.required, [&](const Pair& pair) {
    const auto found = std::ranges::find(problem.active, pair.sender, &RunningMulticast::sender);
    if (found == problem.active.end()) return false;
    return std::ranges::count(found->delivered, pair.receiver) == 0 &&
           std::ranges::count(found->receivers, pair.receiver, &RunningReceiver::receiver) == 0;
  });
}

}  // namespace

RunningMulticast running(std::size_t sender, double wait,
                         const std::vector<std::pair<std::size_t, std::int64_t>>& receivers,
                         const std::vector<std::size_t>& delivered) {
  RunningMulticast multicast{worker(sender), Duration::seconds(wait), {}, {}};
  for (const auto& [receiver, remaining] : receivers)
    multicast.receivers.push_back({worker(receiver), Bytes(remaining)});
  for (const std::size_t receiver : delivered) multicast.delivered.push_back(worker(receiver));
  return multicast;
}

std::vector<std::size_t> receivers(const SspPlan& plan, std::size_t sender) {
  std::vector<std::size_t> result;
  if (const SspSenderPlan* of_sender = find(plan, sender)) {
    for (const Selection& selection : of_sender->receivers) result.push_back(position(selection.receiver));
  }
  return result;
}

std::vector<std::size_t> dropped(const SspPlan& plan, std::size_t sender) {
  std::vector<std::size_t> result;
  if (const SspSenderPlan* of_sender = find(plan, sender)) {
    for (const WorkerIndex receiver : of_sender->dropped) result.push_back(position(receiver));
  }
  return result;
}

std::optional<Reason> reason(const SspPlan& plan, std::size_t sender, std::size_t receiver) {
  if (const SspSenderPlan* of_sender = find(plan, sender)) {
    for (const Selection& selection : of_sender->receivers) {
      if (selection.receiver == worker(receiver)) return selection.reason;
    }
  }
  return std::nullopt;
}

SspProblem random_ssp_problem(const RandomProblem& options, Rng& rng) {
  SspProblem problem;
  problem.base = random_problem(options, rng);
  const std::size_t n = problem.size();
  problem.ready = worker(rng.below(n));
  problem.ready_wait = random_wait(problem.base, options.small_whole_rates, rng);
  problem.keep_fraction = rng.below(4) == 0 ? static_cast<double>(rng.below(2)) : rng.uniform();
  std::vector<std::size_t> senders;
  for (std::size_t i = 0; i < n; ++i) {
    if (worker(i) != problem.ready && rng.below(3) != 0) senders.push_back(i);
  }
  rng.shuffle(std::span(senders));
  for (const std::size_t i : senders)
    problem.active.push_back(random_multicast(problem.base, i, options.small_whole_rates, rng));
  keep_possible_required(problem);
  return problem;
}

}  // namespace selmcast::plan::testing
