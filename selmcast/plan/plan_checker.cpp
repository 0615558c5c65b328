#include "selmcast/plan/plan_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace selmcast::plan {
namespace {

constexpr double kRelativeTolerance = 1e-12;

// Receivers of one sender: known, up, ascending, not itself.
void check_receivers(const Problem& problem, const Plan& plan, std::size_t sender,
                     std::vector<std::string>& violations) {
  const std::string& name = problem.workers[sender].name;
  const std::vector<Selection>& row = plan.selections[sender];
  if (!row.empty() && !(problem.workers[sender].uplink.bps() > 0))
    violations.push_back(fmt::format("{} sends, but its uplink is down", name));
  for (std::size_t k = 0; k < row.size(); ++k) {
    const std::size_t receiver = row[k].receiver.value();
    if (receiver >= problem.workers.size()) {
      violations.push_back(fmt::format("{} sends to worker number {}, but there are only {}", name, receiver,
                                       problem.workers.size()));
      continue;
    }
    const std::string& receiver_name = problem.workers[receiver].name;
    if (!(problem.workers[receiver].downlink.bps() > 0))
      violations.push_back(fmt::format("{} sends to {}, whose downlink is down", name, receiver_name));
    if (receiver == sender) violations.push_back(fmt::format("{} sends to itself", name));
    if (k == 0) continue;
    const std::size_t before = row[k - 1].receiver.value();
    if (before == receiver) violations.push_back(fmt::format("{} sends to {} twice", name, receiver_name));
    if (before > receiver)
      violations.push_back(
          fmt::format("{}'s receivers are not in ascending order at {}", name, receiver_name));
  }
}

// Different receivers other than the sender: what counts towards min_receivers however the row is ordered.
std::size_t distinct_receivers(const Problem& problem, const Plan& plan, std::size_t sender) {
  std::vector<bool> reached(problem.workers.size(), false);
  std::size_t count = 0;
  for (const Selection& selection : plan.selections[sender]) {
    const std::size_t receiver = selection.receiver.value();
    if (receiver >= reached.size() || receiver == sender || reached[receiver]) continue;
    reached[receiver] = true;
    ++count;
  }
  return count;
}

bool sends(const Plan& plan, std::size_t sender, std::size_t receiver) {
  for (const Selection& selection : plan.selections[sender]) {
    if (selection.receiver.value() == receiver) return true;
  }
  return false;
}

// The tree of one relay multicast: a parent a receiver, from which the way leads to the sender over receivers alone.
void check_tree(const Problem& problem, const Plan& plan, std::size_t sender,
                std::vector<std::string>& violations) {
  const std::string& name = problem.workers[sender].name;
  const std::vector<Selection>& row = plan.selections[sender];
  const std::vector<WorkerIndex>& parents = plan.parents[sender];
  if (parents.size() != row.size()) {
    violations.push_back(fmt::format("{} has {} receivers, its tree {}", name, row.size(), parents.size()));
    return;
  }
  for (const WorkerIndex parent : parents) {
    if (parent.value() != sender && !sends(plan, sender, parent.value())) {
      violations.push_back(fmt::format("in {}'s tree worker number {} forwards, which is no receiver of it",
                                       name, parent.value()));
      return;
    }
    if (!(problem.workers[parent.value()].uplink.bps() > 0)) {
      violations.push_back(fmt::format("in {}'s tree {} forwards, whose uplink is down", name,
                                       problem.workers[parent.value()].name));
    }
  }
  for (std::size_t k = 0; k < row.size(); ++k) {
    std::size_t at = row[k].receiver.value(), steps = 0;
    for (; at != sender && steps <= row.size(); ++steps) {
      std::size_t place = 0;
      while (row[place].receiver.value() != at) ++place;
      at = parents[place].value();
    }
    if (at == sender) continue;
    violations.push_back(fmt::format("in {}'s tree no way leads from {} to the sender", name,
                                     problem.workers[row[k].receiver.value()].name));
    return;
  }
}

void check_trees(const Problem& problem, const Plan& plan, std::vector<std::string>& violations) {
  const std::size_t expected = problem.multicast == MulticastKind::relay ? problem.workers.size() : 0;
  if (plan.parents.size() != expected) {
    violations.push_back(fmt::format("the plan has {} trees where {} multicasts need {}", plan.parents.size(),
                                     to_string(problem.multicast), expected));
    return;
  }
  for (std::size_t i = 0; i < expected; ++i) check_tree(problem, plan, i, violations);
}

// On its own of reach.h.
bool is_unreached(const Problem& problem, std::size_t sender, WorkerIndex receiver) {
  return std::ranges::any_of(problem.unreached, [&](const Pair& pair) {
    return pair.sender.value() == sender && pair.receiver == receiver;
  });
}

long double bits_sent_by_network(const Problem& problem, const Plan& plan, std::size_t sender) {
  long double copies = 0;
  bool by_multicast = false;
  for (const Selection& selection : plan.selections[sender])
    is_unreached(problem, sender, selection.receiver) ? void(++copies) : void(by_multicast = true);
  return 8.0L * static_cast<long double>(problem.workers[sender].volume.count()) *
         (copies + (by_multicast ? 1 : 0));
}

long double recomputed_seconds(const Problem& problem, const Plan& plan) {
  const std::size_t n = problem.workers.size();
  std::vector<long double> sent_bits(n, 0), received_bits(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const long double bits = 8.0L * static_cast<long double>(problem.workers[i].volume.count());
    if (problem.multicast == MulticastKind::relay) {
      for (const WorkerIndex parent : plan.parents[i]) sent_bits[parent.value()] += bits;
    }
    if (problem.multicast == MulticastKind::network) sent_bits[i] = bits_sent_by_network(problem, plan, i);
    for (const Selection& selection : plan.selections[i]) {
      if (selection.receiver.value() >= n) continue;
      received_bits[selection.receiver.value()] += bits;
      if (problem.multicast == MulticastKind::unicast) sent_bits[i] += bits;
    }
  }
  long double longest = 0;
  const auto consider = [&](long double bits, Rate rate) {
    if (bits > 0) longest = std::max(longest, bits / static_cast<long double>(rate.bps()));
  };
  for (std::size_t i = 0; i < n; ++i) {
    consider(sent_bits[i], problem.workers[i].uplink);
    consider(received_bits[i], problem.workers[i].downlink);
  }
  return longest;
}

}  // namespace

std::vector<std::string> check_plan(const Problem& problem, const Plan& plan,
                                    std::optional<Duration> claimed) {
  const std::size_t n = problem.workers.size();
  if (plan.selections.size() != n) {
    return {fmt::format("the plan has {} senders, the problem {} workers", plan.selections.size(), n)};
  }
  std::vector<std::string> violations;
  for (std::size_t i = 0; i < n; ++i) {
    check_receivers(problem, plan, i, violations);
    const std::size_t reached = distinct_receivers(problem, plan, i);
    if (reached < static_cast<std::size_t>(problem.workers[i].min_receivers)) {
      violations.push_back(fmt::format("{} has {} receivers and needs {}", problem.workers[i].name, reached,
                                       problem.workers[i].min_receivers));
    }
  }
  for (const Pair& pair : problem.required) {
    if (sends(plan, pair.sender.value(), pair.receiver.value())) continue;
    violations.push_back(fmt::format("required pair {} -> {} is missing",
                                     problem.workers[pair.sender.value()].name,
                                     problem.workers[pair.receiver.value()].name));
  }
  if (violations.empty()) check_trees(problem, plan, violations);
  if (claimed && violations.empty()) {
    const long double seconds = recomputed_seconds(problem, plan);
    const long double difference = std::fabs(static_cast<long double>(claimed->in_seconds()) - seconds);
    if (!(difference <= kRelativeTolerance * seconds)) {  // also for NaN
      violations.push_back(fmt::format("the completion time is {} s, but {} s is claimed",
                                       static_cast<double>(seconds), claimed->in_seconds()));
    }
  }
  return violations;
}

std::vector<std::string> check_infeasible(const Problem& problem, const Infeasible& claimed) {
  const std::size_t n = problem.workers.size();
  for (const auto& named : {claimed.senders, claimed.receivers}) {
    for (const WorkerIndex worker : named) {
      if (worker.value() >= n) return {fmt::format("worker number {} is not there", worker.value())};
    }
  }
  if (claimed.senders.size() != 1) return {fmt::format("{} senders, not one", claimed.senders.size())};
  if (claimed.needed <= claimed.available) {
    return {fmt::format("{} deliveries are needed and {} available", claimed.needed, claimed.available)};
  }
  const std::size_t i = claimed.senders.front().value();
  const WorkerSpec& sender = problem.workers[i];
  std::int64_t required = 0;
  bool is_required = false;  // from the sender to the one receiver named
  for (const Pair& pair : problem.required) {
    if (pair.sender.value() != i) continue;
    ++required;
    if (claimed.receivers.size() == 1 && pair.receiver == claimed.receivers.front()) is_required = true;
  }
  const bool is_silent = sender.uplink.bps() == 0 && claimed.receivers.empty() && claimed.available == 0 &&
                         claimed.needed <= std::max<std::int64_t>(required, sender.min_receivers);
  const bool is_cut_off = is_required && claimed.needed == 1 && claimed.available == 0 &&
                          problem.workers[claimed.receivers.front().value()].downlink.bps() == 0;
  std::vector<WorkerIndex> live;
  for (std::size_t j = 0; j < n; ++j) {
    const bool can_receive = j != i && problem.workers[j].downlink.bps() > 0;
    if (can_receive) live.push_back(WorkerIndex(static_cast<std::uint32_t>(j)));
  }
  const bool are_too_few = claimed.receivers == live &&
                           claimed.available == static_cast<std::int64_t>(live.size()) &&
                           claimed.needed <= sender.min_receivers;
  if (is_silent || is_cut_off || are_too_few) return {};
  return {fmt::format("{} can make the {} deliveries claimed to be impossible", sender.name, claimed.needed)};
}

}  // namespace selmcast::plan
