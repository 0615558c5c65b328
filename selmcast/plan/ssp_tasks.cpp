#include "selmcast/plan/ssp_tasks.h"

#include <algorithm>
#include <numeric>

#include "selmcast/base/check.h"

namespace selmcast::plan {
namespace {

// The entries of `pairs` by their sender: those of sender i are order[first[i]] .. order[first[i + 1] - 1].
struct BySender {
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> order;

  template <class SenderAt>
  BySender(std::size_t workers, std::size_t pairs, SenderAt sender_at) : first(workers + 1, 0), order(pairs) {
    for (std::size_t k = 0; k < pairs; ++k) ++first[position(sender_at(k)) + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
    for (std::size_t k = 0; k < pairs; ++k)
      order[next[position(sender_at(k))]++] = static_cast<std::uint32_t>(k);
  }
  std::span<const std::uint32_t> of(WorkerIndex sender) const {
    const std::size_t i = position(sender);
    return std::span(order).subspan(first[i], first[i + 1] - first[i]);
  }
};

std::vector<SspCandidate> everybody_but(WorkerIndex sender, std::size_t workers, Bytes volume) {
  std::vector<SspCandidate> candidates;
  for (std::size_t j = 0; j < workers; ++j) {
    const WorkerIndex receiver(static_cast<std::uint32_t>(j));
    if (receiver != sender) candidates.push_back({receiver, 0, volume, false});
  }
  return candidates;
}

std::vector<SspCandidate> still_running(const RunningMulticast& multicast) {
  std::vector<SspCandidate> candidates;
  for (const RunningReceiver& running : multicast.receivers)
    candidates.push_back({running.receiver, 0, running.remaining, false});
  std::ranges::sort(candidates, {}, &SspCandidate::receiver);
  return candidates;
}

}  // namespace

SspTaskTable::SspTaskTable(const SspProblem& problem)
    : multicast_(problem.base.multicast), keep_fraction_(problem.keep_fraction), ready_(problem.ready) {
  const Problem& base = problem.base;
  for (const WorkerSpec& worker : base.workers) {
    uplink_.push_back(worker.uplink);
    downlink_.push_back(worker.downlink);
  }
  const BySender required(base.size(), base.required.size(),
                          [&](std::size_t k) { return base.required[k].sender; });
  const BySender aged(base.size(), base.ages.size(), [&](std::size_t k) { return base.ages[k].pair.sender; });

  std::vector<const RunningMulticast*> running_of(base.size(), nullptr);
  for (const RunningMulticast& multicast : problem.active)
    running_of[position(multicast.sender)] = &multicast;
  std::vector<std::size_t> first;
  std::vector<std::uint32_t> place(base.size());  // 1 + place of a receiver in the list, 0 if it is not there
  for (std::size_t i = 0; i < base.size(); ++i) {
    const WorkerIndex sender(static_cast<std::uint32_t>(i));
    const RunningMulticast* running = running_of[i];
    if (running == nullptr && sender != problem.ready) continue;
    const WorkerSpec& worker = base.worker(sender);
    auto list =
        running == nullptr ? everybody_but(sender, base.size(), worker.volume) : still_running(*running);
    std::ranges::fill(place, 0);
    for (std::size_t k = 0; k < list.size(); ++k)
      place[position(list[k].receiver)] = static_cast<std::uint32_t>(k + 1);
    for (const std::uint32_t k : required.of(sender)) {
      if (const auto at = place[position(base.required[k].receiver)]; at > 0) list[at - 1].required = true;
    }
    for (const std::uint32_t k : aged.of(sender)) {
      if (const auto at = place[position(base.ages[k].pair.receiver)]; at > 0)
        list[at - 1].age = base.ages[k].age;
    }
    const int delivered = running == nullptr ? 0 : static_cast<int>(running->delivered.size());
    first.push_back(candidates_.size());
    tasks_.push_back({sender,
                      running == nullptr ? problem.ready_wait : running->wait,
                      worker.volume,
                      worker.min_receivers - delivered,
                      {}});
    candidates_.insert(candidates_.end(), list.begin(), list.end());
  }
  first.push_back(candidates_.size());
  // Only now, when candidates_ moves no more.
  for (std::size_t t = 0; t < tasks_.size(); ++t)
    tasks_[t].candidates = std::span(candidates_).subspan(first[t], first[t + 1] - first[t]);
}

SspPlan SspTaskTable::to_plan(std::span<const Verdict> verdicts) const {
  SELMCAST_CHECK(verdicts.size() == candidates_.size(), "a verdict for every candidate");
  SspPlan plan;
  std::size_t next = 0;
  for (const SspTask& task : tasks_) {
    SspSenderPlan& of_sender = plan.senders.emplace_back(SspSenderPlan{task.sender, {}, {}});
    for (const SspCandidate& candidate : task.candidates) {
      const Verdict& verdict = verdicts[next++];
      if (verdict) of_sender.receivers.push_back({candidate.receiver, *verdict});
      if (!verdict && task.sender != ready_) of_sender.dropped.push_back(candidate.receiver);
    }
  }
  return plan;
}

}  // namespace selmcast::plan
