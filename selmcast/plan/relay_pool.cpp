#include "selmcast/plan/relay_pool.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/relay_trees.h"

namespace selmcast::plan {

RelayPool::RelayPool(const Problem& problem)
    : problem_(problem),
      equal_(has_equal_volumes(problem)),
      members_(problem.size()),
      memberships_(problem.size()),
      movable_(problem.size()),
      placed_(problem.size()),
      load_(problem.size()),
      room_(problem.size()) {
  for (std::uint32_t i = 0; i < problem.size(); ++i) {
    members_[i].push_back({i, 0});
    memberships_[i].push_back({i, 0});
  }
}

void RelayPool::set_receivers(const Plan& plan) {
  clear_copies();
  for (auto& of_worker : memberships_) of_worker.clear();
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    members_[i].assign(1, {i, 0});
    memberships_[i].push_back({i, 0});
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    for (const Selection& selection : plan.selections[i]) add_receiver(i, position(selection.receiver));
  }
}

void RelayPool::open_until(const LinkTime& time) {
  room_in_all_ = Bytes(0);
  for (std::size_t w = 0; w < room_.size(); ++w) {
    const Rate uplink = problem_.workers[w].uplink;
    room_[w] = uplink > Rate() ? capacity_within(uplink, time) - load_[w] : Bytes(0);
    SELMCAST_CHECK(room_[w] >= Bytes(0), "copies placed fit into the time given");
    room_in_all_ = std::min(kMaxLoad, room_in_all_ + std::min(room_[w], kMaxLoad - room_in_all_));
  }
}

void RelayPool::clear_copies() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    for (std::size_t m = 0; m < members_[i].size(); ++m) {
      while (members_[i][m].copies > 0) take(i, m);
    }
  }
}

void RelayPool::give(std::size_t i, std::size_t place, std::uint32_t count) {
  Member& member = members_[i][place];
  const Bytes volume = static_cast<std::int64_t>(count) * problem_.workers[i].volume;
  const std::uint32_t fixed = place == 0 ? 1 : 0;  // the first copy is the sender's
  if (member.copies <= fixed && member.copies + count > fixed)
    movable_[member.worker].push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(place)});
  member.copies += count;
  placed_[i] += count;
  load_[member.worker] += volume;
  room_[member.worker] -= volume;
  room_in_all_ -= volume;
}

void RelayPool::take(std::size_t i, std::size_t place) {
  Member& member = members_[i][place];
  const Bytes volume = problem_.workers[i].volume;
  const std::uint32_t fixed = place == 0 ? 1 : 0;
  if (member.copies == fixed + 1) {
    auto& movable = movable_[member.worker];
    movable.erase(std::ranges::find(movable, static_cast<std::uint32_t>(i), &Membership::multicast));
  }
  --member.copies;
  --placed_[i];
  load_[member.worker] -= volume;
  room_[member.worker] += volume;
  room_in_all_ += volume;
}

std::optional<std::size_t> RelayPool::roomiest(std::size_t i) const {
  std::optional<std::size_t> best;
  for (std::size_t m = 0; m < members_[i].size(); ++m) {
    const std::size_t w = members_[i][m].worker;
    if (!fits(w, problem_.workers[i].volume)) continue;
    const auto rank = [&](std::size_t place) {
      const Member& member = members_[i][place];
      return std::pair(member.copies > (place == 0 ? 1U : 0U), room_[member.worker]);
    };
    if (!best || rank(m) > rank(*best)) best = m;
  }
  return best;
}

bool RelayPool::place_first(std::size_t i) {
  if (members_[i][0].copies > 0) return true;
  if (!fits(i, problem_.workers[i].volume)) return false;
  give(i, 0, 1);
  return true;
}

bool RelayPool::place_directly(std::size_t i, std::int64_t most) {
  const auto place = roomiest(i);
  if (!place) return false;
  const std::int64_t fitting = room_[members_[i][*place].worker].count() / problem_.workers[i].volume.count();
  give(i, *place, static_cast<std::uint32_t>(std::min(fitting, most)));
  return true;
}

bool RelayPool::place(std::size_t i, std::int64_t most) {
  if (room_in_all_ >= problem_.workers[i].volume && place_directly(i, most)) return true;
  return equal_ && place_by_path(i);
}

// Breadth first: multicasts reach their members, a full member reaches the multicasts of which it sends a copy that
// others could send.
bool RelayPool::place_by_path(std::size_t start) {
  constexpr std::uint32_t kNone = UINT32_MAX;
  struct Step {
    std::uint32_t multicast = kNone, place = kNone;
  };
  std::vector<Step> reached_worker(members_.size());     // by which member of which multicast
  std::vector<Step> reached_multicast(members_.size());  // by the copy that it has where
  std::vector<char> seen(members_.size(), 0);
  cut_ = {{start}, {}};
  seen[start] = 1;
  for (std::size_t head = 0; head < cut_.multicasts.size(); ++head) {
    const std::size_t i = cut_.multicasts[head];
    for (std::uint32_t m = 0; m < members_[i].size(); ++m) {
      const std::uint32_t w = members_[i][m].worker;
      if (reached_worker[w].multicast != kNone) continue;
      reached_worker[w] = {static_cast<std::uint32_t>(i), m};
      if (fits(w, problem_.workers[i].volume)) {
        for (Step step = reached_worker[w];;) {
          give(step.multicast, step.place, 1);
          if (step.multicast == start) return true;
          const Step moved = reached_multicast[step.multicast];
          take(moved.multicast, moved.place);
          step = reached_worker[members_[moved.multicast][moved.place].worker];
        }
      }
      cut_.workers.push_back(w);
      for (const auto& [other, place] : movable_[w]) {
        if (seen[other] != 0) continue;
        seen[other] = 1;
        reached_multicast[other] = {other, place};
        cut_.multicasts.push_back(other);
      }
    }
  }
  return false;
}

bool RelayPool::place_all(std::size_t i) {
  if (receivers_of(i) == 0) return true;
  if (!place_first(i)) return false;
  while (copies_missing(i) > 0) {
    if (!place(i, copies_missing(i))) return false;
  }
  return true;
}

bool RelayPool::place_everything() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (receivers_of(i) > 0 && !place_first(i)) return false;
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!place_all(i)) return false;
  }
  return true;
}

void RelayPool::place_lightest(std::size_t i) {
  const auto with_one_more = [&](const Member& member) {
    return LinkTime{load_[member.worker] + problem_.workers[i].volume,
                    problem_.workers[member.worker].uplink};
  };
  std::optional<std::size_t> best;
  for (std::size_t m = 0; m < members_[i].size(); ++m) {
    if (!problem_.workers[members_[i][m].worker].can_send()) continue;
    if (!best || with_one_more(members_[i][m]) < with_one_more(members_[i][*best])) best = m;
  }
  SELMCAST_CHECK(best.has_value(), "whoever sends has an uplink");
  give(i, *best, 1);
}

bool RelayPool::relieve(std::size_t worker) {
  const LinkTime limit{load_[worker], problem_.workers[worker].uplink};
  for (const auto& [i, place] : memberships_[worker]) {
    if (members_[i][place].copies <= (place == 0 ? 1U : 0U)) continue;
    for (std::size_t m = 0; m < members_[i].size(); ++m) {
      const std::size_t other = members_[i][m].worker;
      if (other == worker || !problem_.workers[other].can_send()) continue;
      if (LinkTime{load_[other] + problem_.workers[i].volume, problem_.workers[other].uplink} >= limit)
        continue;
      take(i, place);
      give(i, m, 1);
      return true;
    }
  }
  return false;
}

std::optional<std::size_t> RelayPool::busiest() const {
  std::optional<std::size_t> best;
  const auto time = [&](std::size_t w) { return LinkTime{load_[w], problem_.workers[w].uplink}; };
  for (std::size_t w = 0; w < load_.size(); ++w) {
    if (load_[w] > Bytes(0) && (!best || time(w) > time(*best))) best = w;
  }
  return best;
}

std::optional<std::size_t> RelayPool::place_of(std::size_t i, std::size_t worker) const {
  const auto found = std::ranges::find(members_[i], static_cast<std::uint32_t>(worker), &Member::worker);
  if (found == members_[i].end()) return std::nullopt;
  return static_cast<std::size_t>(found - members_[i].begin());
}

std::int64_t RelayPool::copies(std::size_t i, std::size_t worker) const {
  const auto place = place_of(i, worker);
  return place ? members_[i][*place].copies : 0;
}

std::int64_t RelayPool::copies_missing(std::size_t i) const {
  return std::ssize(members_[i]) - 1 - placed_[i];
}

void RelayPool::add_receiver(std::size_t i, std::size_t worker) {
  memberships_[worker].push_back(
      {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(members_[i].size())});
  members_[i].push_back({static_cast<std::uint32_t>(worker), 0});
}

void RelayPool::remove_receiver(std::size_t i, std::size_t worker) {
  const auto place = place_of(i, worker);
  SELMCAST_CHECK(place && *place > 0 && members_[i][*place].copies == 0, "only leaves are removed");
  const auto entry_of = [&](std::vector<Membership>& of_worker) {
    return std::ranges::find(of_worker, static_cast<std::uint32_t>(i), &Membership::multicast);
  };
  memberships_[worker].erase(entry_of(memberships_[worker]));
  const Member last = members_[i].back();
  members_[i].pop_back();
  if (*place == members_[i].size()) return;
  members_[i][*place] = last;
  const auto moved = static_cast<std::uint32_t>(*place);
  entry_of(memberships_[last.worker])->place = moved;
  if (last.copies > 0) entry_of(movable_[last.worker])->place = moved;
}

void RelayPool::take_back(std::size_t i, std::size_t worker) {
  const auto place = place_of(i, worker);
  SELMCAST_CHECK(place && *place > 0, "a receiver gives copies back");
  while (members_[i][*place].copies > 0) take(i, *place);
}

void RelayPool::write_trees(Plan& plan) const {
  plan.parents.assign(members_.size(), {});
  std::vector<std::uint32_t> copies_of(members_.size(), 0);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    SELMCAST_CHECK(copies_missing(i) == 0 || receivers_of(i) == 0, "every receiver has its copy");
    for (const Member& member : members_[i]) copies_of[member.worker] = member.copies;
    std::vector<std::uint32_t> copies;
    for (const Selection& selection : plan.selections[i])
      copies.push_back(copies_of[position(selection.receiver)]);
    plan.parents[i] =
        tree_of_copies(WorkerIndex(static_cast<std::uint32_t>(i)), copies_of[i], copies, plan.selections[i]);
    for (const Member& member : members_[i]) copies_of[member.worker] = 0;
  }
}

}  // namespace selmcast::plan
