#include "selmcast/plan/relay_search.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/plan/delivery_time.h"
#include "selmcast/plan/exact_planner.h"

namespace selmcast::plan {
namespace {

// Moves of the local search; each looks at one worker's copies.
constexpr std::size_t kMostMoves = 100'000;

LinkTime time_of_copies(const Problem& problem, const std::vector<std::size_t>& workers,
                        std::int64_t copies) {
  std::vector<DeliveryRange> uplinks;
  for (const std::size_t w : workers) uplinks.push_back({problem.workers[w].uplink, 0, copies});
  const auto time = time_of_deliveries(problem.workers.front().volume, uplinks, copies);
  SELMCAST_CHECK(time.has_value(), "whoever sends has an uplink");
  return *time;
}

// What no division of copies can beat: the senders' first copies, and all copies over all uplinks of members.
LinkTime first_time(const Problem& problem, const RelayPool& pool, LinkTime time) {
  std::vector<std::size_t> all(problem.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  std::int64_t copies = 0;
  for (const std::size_t i : all) {
    if (pool.receivers_of(i) == 0) continue;
    copies += static_cast<std::int64_t>(pool.receivers_of(i));
    time = std::max(time, LinkTime{problem.workers[i].volume, problem.workers[i].uplink});
  }
  return std::max(time, time_of_copies(problem, all, copies));
}

LinkTime place_equal(const Problem& problem, RelayPool& pool, LinkTime time) {
  std::vector<std::int64_t> needed;
  for (std::size_t i = 0; i < problem.size(); ++i)
    needed.push_back(static_cast<std::int64_t>(pool.receivers_of(i)));
  time = first_time(problem, pool, time);
  for (pool.open_until(time); !pool.place_everything(); pool.open_until(time)) {
    const LinkTime later = time_of_cut(problem, pool, needed);
    SELMCAST_CHECK(later > time, "a cut forbids the time at which it was found");
    time = later;
  }
  return time;
}

LinkTime place_unequal(const Problem& problem, RelayPool& pool, LinkTime time) {
  std::vector<std::size_t> order(problem.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return problem.workers[i].volume; });
  pool.open_until({kMaxLoad, kMinRate});
  for (const std::size_t i : order) {
    if (pool.receivers_of(i) > 0) pool.place_first(i);
  }
  for (const std::size_t i : order) {
    while (pool.receivers_of(i) > 0 && pool.copies_missing(i) > 0) pool.place_lightest(i);
  }
  const auto busiest = [&] { return *pool.busiest(); };
  const auto busy = [&](std::size_t w) { return LinkTime{pool.load(w), problem.workers[w].uplink}; };
  for (std::size_t moves = 0; moves < kMostMoves && busy(busiest()) > time; ++moves) {
    if (!pool.relieve(busiest())) break;
  }
  time = std::max(time, busy(busiest()));
  pool.open_until(time);
  return time;
}

}  // namespace

std::optional<LinkTime> place_in_least_time(const Problem& problem, RelayPool& pool,
                                            std::optional<LinkTime> not_before) {
  bool any = false;
  for (std::size_t i = 0; i < problem.size() && !any; ++i) any = pool.receivers_of(i) > 0;
  if (!any) return std::nullopt;
  const LinkTime start = not_before.value_or(LinkTime{});
  return has_equal_volumes(problem) ? place_equal(problem, pool, start) : place_unequal(problem, pool, start);
}

LinkTime time_of_cut(const Problem& problem, const RelayPool& pool, std::span<const std::int64_t> needed) {
  std::vector<char> inside(problem.size(), 0);
  std::int64_t copies = 0;
  for (const std::size_t i : pool.cut().multicasts) {
    inside[i] = 1;
    copies += needed[i];
  }
  for (const std::size_t w : pool.cut().workers) copies += inside[w] == 0 && needed[w] > 0 ? 1 : 0;
  return time_of_copies(problem, pool.cut().workers, copies);
}

}  // namespace selmcast::plan
