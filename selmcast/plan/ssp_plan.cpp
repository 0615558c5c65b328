#include "selmcast/plan/ssp_plan.h"

#include <algorithm>

namespace selmcast::plan {
namespace {

// Of one sender: what remains to be sent to each worker.
void read_remaining(const SspProblem& problem, WorkerIndex sender, std::vector<Bytes>& remaining) {
  std::ranges::fill(remaining, problem.base.worker(sender).volume);
  const auto running = std::ranges::find(problem.active, sender, &RunningMulticast::sender);
  if (running == problem.active.end()) return;
  for (const RunningReceiver& receiver : running->receivers)
    remaining[position(receiver.receiver)] = receiver.remaining;
}

}  // namespace

std::size_t SspPlan::receiver_count() const {
  std::size_t count = 0;
  for (const SspSenderPlan& of_sender : senders) count += of_sender.receivers.size();
  return count;
}

std::size_t SspPlan::dropped_count() const {
  std::size_t count = 0;
  for (const SspSenderPlan& of_sender : senders) count += of_sender.dropped.size();
  return count;
}

LinkLoads link_loads(const SspProblem& problem, const SspPlan& plan) {
  LinkLoads loads{std::vector<Bytes>(problem.size()), std::vector<Bytes>(problem.size())};
  std::vector<Bytes> remaining(problem.size());
  for (const SspSenderPlan& of_sender : plan.senders) {
    if (of_sender.receivers.empty()) continue;
    read_remaining(problem, of_sender.sender, remaining);
    Bytes& uplink = loads.uplink[position(of_sender.sender)];
    for (const Selection& selection : of_sender.receivers) {
      const Bytes bytes = remaining[position(selection.receiver)];
      loads.downlink[position(selection.receiver)] += bytes;
      uplink = problem.base.multicast == MulticastKind::network ? std::max(uplink, bytes) : uplink + bytes;
    }
  }
  return loads;
}

Duration completion_time(const SspProblem& problem, const SspPlan& plan) {
  const auto longest = find_bottleneck(problem.base, link_loads(problem, plan));
  return longest ? longest->time.duration() : Duration();
}

}  // namespace selmcast::plan
