#include "selmcast/plan/plan_checker.h"

#include <fmt/format.h>

#include <cmath>

namespace selmcast::plan {
namespace {

constexpr double kRelativeTolerance = 1e-12;

// Receivers of one sender: known, ascending, not itself.
void check_receivers(const Problem& problem, const Plan& plan, std::size_t sender,
                     std::vector<std::string>& violations) {
  const std::string& name = problem.workers[sender].name;
  const std::vector<Selection>& row = plan.selections[sender];
  for (std::size_t k = 0; k < row.size(); ++k) {
    const std::size_t receiver = row[k].receiver.value();
    if (receiver >= problem.workers.size()) {
      violations.push_back(fmt::format("{} sends to worker number {}, but there are only {}", name, receiver,
                                       problem.workers.size()));
      continue;
    }
    const std::string& receiver_name = problem.workers[receiver].name;
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

long double recomputed_seconds(const Problem& problem, const Plan& plan) {
  const std::size_t n = problem.workers.size();
  std::vector<long double> sent_bits(n, 0), received_bits(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const long double bits = 8.0L * static_cast<long double>(problem.workers[i].volume.count());
    for (const Selection& selection : plan.selections[i]) {
      if (selection.receiver.value() >= n) continue;
      received_bits[selection.receiver.value()] += bits;
      sent_bits[i] = problem.multicast == MulticastKind::network ? bits : sent_bits[i] + bits;
    }
  }
  long double longest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    longest = std::max(longest, sent_bits[i] / static_cast<long double>(problem.workers[i].uplink.bps()));
    longest =
        std::max(longest, received_bits[i] / static_cast<long double>(problem.workers[i].downlink.bps()));
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
  if (claimed) {
    const long double seconds = recomputed_seconds(problem, plan);
    const long double difference = std::fabs(static_cast<long double>(claimed->in_seconds()) - seconds);
    if (!(difference <= kRelativeTolerance * seconds)) {  // also for NaN
      violations.push_back(fmt::format("the completion time is {} s, but {} s is claimed",
                                       static_cast<double>(seconds), claimed->in_seconds()));
    }
  }
  return violations;
}

}  // namespace selmcast::plan
