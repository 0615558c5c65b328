#include "selmcast/plan/ssp_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace selmcast::plan {
namespace {

constexpr double kRelativeTolerance = 1e-12;

class Checker {
 public:
  Checker(const SspProblem& problem, const SspPlan& plan) : problem_(problem), plan_(plan) {}

  std::vector<std::string> violations(std::optional<Duration> claimed) {
    check_senders();
    if (!violations_.empty()) return violations_;  // what follows walks the senders
    for (const SspSenderPlan& of_sender : plan_.senders) check_sender(of_sender);
    if (claimed && violations_.empty()) check_claim(*claimed);
    return violations_;
  }

 private:
  void complain(std::string what) { violations_.push_back(std::move(what)); }
  std::string name(WorkerIndex worker) const {
    const bool is_known = worker.value() < problem_.size();
    return is_known ? problem_.base.workers[worker.value()].name : fmt::format("number {}", worker.value());
  }
  const RunningMulticast* running(WorkerIndex sender) const {
    for (const RunningMulticast& multicast : problem_.active) {
      if (multicast.sender == sender) return &multicast;
    }
    return nullptr;
  }

  void check_senders() {
    std::vector<WorkerIndex> expected{problem_.ready};
    for (const RunningMulticast& multicast : problem_.active) expected.push_back(multicast.sender);
    std::sort(expected.begin(), expected.end());
    std::vector<WorkerIndex> found;
    for (const SspSenderPlan& of_sender : plan_.senders) found.push_back(of_sender.sender);
    if (found != expected)
      complain("the plan's senders are not the ready worker and those that send, in ascending order");
  }

  // nullopt: `receiver` is no candidate of `sender`.
  std::optional<Bytes> remaining(WorkerIndex sender, WorkerIndex receiver) const {
    if (receiver == sender || receiver.value() >= problem_.size()) return std::nullopt;
    const RunningMulticast* multicast = running(sender);
    if (multicast == nullptr) return problem_.base.workers[sender.value()].volume;
    for (const RunningReceiver& candidate : multicast->receivers) {
      if (candidate.receiver == receiver) return candidate.remaining;
    }
    return std::nullopt;
  }
  bool is_up(WorkerIndex sender, WorkerIndex receiver) const {
    return problem_.base.workers[sender.value()].uplink.bps() > 0 &&
           problem_.base.workers[receiver.value()].downlink.bps() > 0;
  }
  static bool selects(const SspSenderPlan& of_sender, WorkerIndex receiver) {
    for (const Selection& selection : of_sender.receivers) {
      if (selection.receiver == receiver) return true;
    }
    return false;
  }

  void check_sender(const SspSenderPlan& of_sender) {
    const WorkerIndex sender = of_sender.sender;
    for (std::size_t k = 0; k < of_sender.receivers.size(); ++k) {
      const WorkerIndex receiver = of_sender.receivers[k].receiver;
      if (!remaining(sender, receiver)) {
        complain(fmt::format("{} -> {} is selected, but no candidate", name(sender), name(receiver)));
      } else if (!is_up(sender, receiver)) {
        complain(fmt::format("{} -> {} is selected over a link that is down", name(sender), name(receiver)));
      }
      if (k > 0 && of_sender.receivers[k - 1].receiver >= receiver)
        complain(
            fmt::format("{}'s receivers are not in ascending order at {}", name(sender), name(receiver)));
    }
    check_needs(of_sender);
    check_required(of_sender);
    check_dropped(of_sender);
  }

  void check_needs(const SspSenderPlan& of_sender) {
    const RunningMulticast* multicast = running(of_sender.sender);
    std::ptrdiff_t possible = 0;
    for (const WorkerSpec& worker : problem_.base.workers) {
      const WorkerIndex receiver(static_cast<std::uint32_t>(&worker - problem_.base.workers.data()));
      if (remaining(of_sender.sender, receiver) && is_up(of_sender.sender, receiver)) ++possible;
    }
    const auto delivered = multicast == nullptr ? 0 : std::ssize(multicast->delivered);
    std::ptrdiff_t needed = problem_.base.workers[of_sender.sender.value()].min_receivers - delivered;
    if (multicast != nullptr) needed = std::min(needed, possible);
    if (std::ssize(of_sender.receivers) < needed)
      complain(fmt::format("{} has {} receivers and still needs {}", name(of_sender.sender),
                           of_sender.receivers.size(), needed));
  }

  void check_required(const SspSenderPlan& of_sender) {
    const RunningMulticast* multicast = running(of_sender.sender);
    for (const Pair& pair : problem_.base.required) {
      if (pair.sender != of_sender.sender || selects(of_sender, pair.receiver)) continue;
      if (multicast != nullptr && std::ranges::count(multicast->delivered, pair.receiver) > 0) continue;
      complain(fmt::format("required pair {} -> {} is missing", name(pair.sender), name(pair.receiver)));
    }
  }

  void check_dropped(const SspSenderPlan& of_sender) {
    std::vector<WorkerIndex> expected;
    if (const RunningMulticast* multicast = running(of_sender.sender)) {
      for (const RunningReceiver& candidate : multicast->receivers) {
        if (!selects(of_sender, candidate.receiver)) expected.push_back(candidate.receiver);
      }
    }
    std::sort(expected.begin(), expected.end());
    if (of_sender.dropped != expected)
      complain(fmt::format(
          "{}'s dropped receivers are not its running ones that were left out, in ascending order",
          name(of_sender.sender)));
  }

  void check_claim(Duration claimed) {
    const std::size_t n = problem_.size();
    std::vector<long double> received(n, 0);
    long double longest = 0;
    for (const SspSenderPlan& of_sender : plan_.senders) {
      long double sent = 0;
      for (const Selection& selection : of_sender.receivers) {
        const auto bytes = static_cast<long double>(remaining(of_sender.sender, selection.receiver)->count());
        received[selection.receiver.value()] += bytes;
        sent = problem_.base.multicast == MulticastKind::network ? std::max(sent, bytes) : sent + bytes;
      }
      if (sent > 0)
        longest = std::max(longest, sent * 8 / problem_.base.workers[of_sender.sender.value()].uplink.bps());
    }
    for (std::size_t j = 0; j < n; ++j) {
      if (received[j] > 0)
        longest = std::max(longest, received[j] * 8 / problem_.base.workers[j].downlink.bps());
    }
    const long double difference = std::fabs(static_cast<long double>(claimed.in_seconds()) - longest);
    if (!(difference <= kRelativeTolerance * longest))  // also for NaN
      complain(fmt::format("the completion time is {} s, but {} s is claimed", static_cast<double>(longest),
                           claimed.in_seconds()));
  }

  const SspProblem& problem_;
  const SspPlan& plan_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> check_plan(const SspProblem& problem, const SspPlan& plan,
                                    std::optional<Duration> claimed) {
  return Checker(problem, plan).violations(claimed);
}

}  // namespace selmcast::plan
