#include "selmcast/plan/relay_trees.h"

#include <algorithm>
#include <deque>
#include <numeric>

#include "selmcast/base/check.h"
#include "selmcast/plan/relay_search.h"

namespace selmcast::plan {

std::vector<WorkerIndex> tree_of_copies(WorkerIndex root, std::uint32_t root_copies,
                                        std::span<const std::uint32_t> copies,
                                        std::span<const Selection> receivers) {
  SELMCAST_CHECK(
      root_copies + std::accumulate(copies.begin(), copies.end(), std::size_t{0}) == receivers.size(),
      "a copy a receiver");
  std::vector<std::size_t> order(receivers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t k) { return copies[k]; });
  std::vector<WorkerIndex> parents(receivers.size());
  struct Free {
    WorkerIndex worker;
    std::uint32_t copies;
  };
  std::deque<Free> free{{root, root_copies}};  // the flattest first
  for (const std::size_t k : order) {
    SELMCAST_CHECK(!free.empty(), "the root sends first");
    parents[k] = free.front().worker;
    if (--free.front().copies == 0) free.pop_front();
    if (copies[k] > 0) free.push_back({receivers[k].receiver, copies[k]});
  }
  return parents;
}

std::vector<std::size_t> depths(const Plan& plan, WorkerIndex sender) {
  const auto& receivers = plan.selections[position(sender)];
  const auto& parents = plan.parents[position(sender)];
  const auto place = [&](WorkerIndex worker) {
    const auto found = std::ranges::lower_bound(receivers, worker, {}, &Selection::receiver);
    return static_cast<std::size_t>(found - receivers.begin());
  };
  std::vector<std::size_t> depth(receivers.size(), 0);
  std::vector<std::size_t> path;
  for (std::size_t k = 0; k < receivers.size(); ++k) {
    std::size_t at = k;
    for (path.clear(); depth[at] == 0; at = place(parents[at])) {
      path.push_back(at);
      if (parents[at] == sender) break;
    }
    std::size_t above = path.empty() || parents[path.back()] == sender ? 0 : depth[at];
    for (; !path.empty(); path.pop_back()) depth[path.back()] = ++above;
  }
  return depth;
}

std::size_t tree_depth(const Plan& plan) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < plan.parents.size(); ++i) {
    for (const std::size_t depth : depths(plan, WorkerIndex(static_cast<std::uint32_t>(i))))
      most = std::max(most, depth);
  }
  return most;
}

void grow_trees(const Problem& problem, Plan& plan) {
  RelayPool pool(problem);
  pool.set_receivers(plan);
  place_in_least_time(problem, pool, {});
  pool.write_trees(plan);
}

}  // namespace selmcast::plan
