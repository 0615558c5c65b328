#include "selmcast/plan/feasibility.h"

#include <fmt/format.h>

#include <algorithm>

namespace selmcast::plan {
namespace {

WorkerIndex index_at(std::size_t i) { return WorkerIndex(static_cast<std::uint32_t>(i)); }

// (1) of the header.
std::optional<Infeasible> find_silent_sender(const Problem& problem) {
  std::vector<std::int64_t> needed(problem.size(), 0);
  for (const Pair& pair : problem.required) ++needed[position(pair.sender)];
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const WorkerSpec& sender = problem.workers[i];
    needed[i] = std::max<std::int64_t>(needed[i], sender.min_receivers);
    if (sender.can_send() || needed[i] == 0) continue;
    return Infeasible{
        fmt::format("worker {} needs {} receivers, but its uplink is down", sender.name, needed[i]),
        {index_at(i)},
        {},
        needed[i],
        0};
  }
  return std::nullopt;
}

// (2)
std::optional<Infeasible> find_cut_off_pair(const Problem& problem) {
  const auto found = std::ranges::find_if(
      problem.required, [&](const Pair& pair) { return !problem.worker(pair.receiver).can_receive(); });
  if (found == problem.required.end()) return std::nullopt;
  const std::string& receiver = problem.worker(found->receiver).name;
  return Infeasible{fmt::format("the pair {} -> {} is required, but the downlink of {} is down",
                                problem.worker(found->sender).name, receiver, receiver),
                    {found->sender},
                    {found->receiver},
                    1,
                    0};
}

// (3)
std::optional<Infeasible> find_too_few_receivers(const Problem& problem) {
  const std::int64_t live = std::ranges::count_if(problem.workers, &WorkerSpec::can_receive);
  for (std::size_t i = 0; i < problem.size(); ++i) {
    const WorkerSpec& sender = problem.workers[i];
    const std::int64_t others = live - (sender.can_receive() ? 1 : 0);
    if (sender.min_receivers <= others) continue;
    Infeasible infeasible{
        fmt::format("worker {} needs {} receivers, but only {} others have a downlink that is up",
                    sender.name, sender.min_receivers, others),
        {index_at(i)},
        {},
        sender.min_receivers,
        others};
    for (std::size_t j = 0; j < problem.size(); ++j) {
      if (j != i && problem.workers[j].can_receive()) infeasible.receivers.push_back(index_at(j));
    }
    return infeasible;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Infeasible> find_infeasibility(const Problem& problem) {
  if (auto found = find_silent_sender(problem)) return found;
  if (auto found = find_cut_off_pair(problem)) return found;
  return find_too_few_receivers(problem);
}

}  // namespace selmcast::plan
