#include "selmcast/plan/relay_draft.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::plan {
namespace {

// Pairs looked at in exchanges: a tenth of a second or so.
constexpr std::int64_t kMostLooks = 3'000'000;

}  // namespace

RelayDraft::RelayDraft(const Problem& problem, const Plan& plan)
    : problem_(problem),
      n_(problem.size()),
      reason_(n_ * n_, kNot),
      needed_(n_, 0),
      received_(n_),
      downlink_room_(n_),
      stuck_(n_, 0),
      pool_(problem) {
  if (!problem.ages.empty()) {
    ages_.resize(n_ * n_, 0);
    for (const PairAge& old : problem.ages)
      ages_[position(old.pair.sender) * n_ + position(old.pair.receiver)] = old.age;
  }
  for (const Pair& pair : problem.required) ++needed_[position(pair.sender)];
  for (std::size_t i = 0; i < n_; ++i) {
    needed_[i] = std::max<std::int64_t>(needed_[i], problem.workers[i].min_receivers);
    for (const Selection& selection : plan.selections[i])
      add(i, position(selection.receiver), selection.reason);
  }
}

void RelayDraft::open_downlinks(const LinkTime& time) {
  for (std::size_t j = 0; j < n_; ++j) {
    const WorkerSpec& worker = problem_.workers[j];
    downlink_room_[j] =
        worker.can_receive() ? capacity_within(worker.downlink, time) - received_[j] : Bytes(0);
    SELMCAST_CHECK(downlink_room_[j] >= Bytes(0), "what is selected fits into the time given");
  }
}

void RelayDraft::add(std::size_t i, std::size_t j, Reason reason) {
  reason_[i * n_ + j] = static_cast<char>(reason);
  received_[j] += problem_.workers[i].volume;
  downlink_room_[j] -= problem_.workers[i].volume;
  pool_.add_receiver(i, j);
}

void RelayDraft::remove(std::size_t i, std::size_t j) {
  reason_[i * n_ + j] = kNot;
  received_[j] -= problem_.workers[i].volume;
  downlink_room_[j] += problem_.workers[i].volume;
  pool_.remove_receiver(i, j);
}

bool RelayDraft::place_needs() {
  for (std::size_t i = 0; i < n_; ++i) {
    if (needed_[i] > 0) SELMCAST_CHECK(pool_.place_first(i), "the time is no less than that of first copies");
  }
  const auto placed = [&](std::size_t i) {
    return static_cast<std::int64_t>(pool_.receivers_of(i)) - pool_.copies_missing(i);
  };
  for (std::size_t i = 0; i < n_; ++i) {
    while (placed(i) < needed_[i]) {
      if (!pool_.place(i, needed_[i] - placed(i)) && !exchange()) return false;
    }
  }
  return true;
}

// Brings a worker with room into one of the multicasts of the cut.
bool RelayDraft::exchange() {
  const RelayPool::Cut cut = pool_.cut();
  const Bytes volume = problem_.workers.front().volume;
  std::vector<std::size_t> outside;
  for (std::size_t w = 0; w < n_; ++w) {
    if (pool_.room(w) >= volume && problem_.workers[w].can_receive()) outside.push_back(w);
  }
  std::ranges::stable_sort(outside, std::greater{}, [&](std::size_t w) { return pool_.room(w); });
  for (const std::size_t w : outside) {
    for (const std::size_t i : cut.multicasts) {
      if (effort_ > kMostLooks) return false;
      if (i != w && !has(i, w) && exchange_for(i, w)) return true;
    }
  }
  return false;
}

bool RelayDraft::exchange_for(std::size_t i, std::size_t outside) {
  if (downlink_room_[outside] >= problem_.workers[i].volume) {
    add(i, outside, Reason::spare);
    return true;
  }
  for (std::size_t other = 0; other < n_; ++other) {
    ++effort_;
    if (other != i && has(other, outside) && is_free(other, outside) && swap_with(i, outside, other))
      return true;
  }
  return false;
}

// i gets `outside` from `other` and gives it a receiver of its own.
bool RelayDraft::swap_with(std::size_t i, std::size_t outside, std::size_t other) {
  for (std::size_t j = 0; j < n_; ++j) {
    ++effort_;
    if (j == other || !has(i, j) || has(other, j) || !is_free(i, j)) continue;
    remove(other, outside);
    remove(i, j);
    add(i, outside, Reason::spare);
    add(other, j, Reason::spare);
    return true;
  }
  return false;
}

bool RelayDraft::place_unless_stuck(std::size_t i) {
  if (pool_.room_in_all() < problem_.workers[i].volume) return false;
  if (stuck_[i] != 0) return pool_.place_directly(i);
  if (pool_.place(i)) return true;
  for (const std::size_t reached : pool_.cut().multicasts) stuck_[reached] = 1;
  return false;
}

bool RelayDraft::place_spare() {
  for (std::size_t i = 0; i < n_; ++i) {
    if (pool_.receivers_of(i) > 0) pool_.place_first(i);
  }
  // One each in turns: where uplinks are short, all multicasts are cut down alike.
  for (bool any = true; any;) {
    any = false;
    for (std::size_t i = 0; i < n_; ++i) {
      const bool has_begun = pool_.copies(i, i) > 0;
      if (has_begun && pool_.copies_missing(i) > 0 && place_unless_stuck(i)) any = true;
    }
  }
  for (std::size_t i = 0; i < n_; ++i) {
    if (!give_up_missing(i)) return false;
  }
  return true;
}

bool RelayDraft::give_up_missing(std::size_t i) {
  while (pool_.copies_missing(i) > 0) {
    std::vector<std::size_t> leaves, forwarders;
    for (std::size_t j = 0; j < n_; ++j) {
      if (has(i, j) && !is_required(i, j)) (is_free(i, j) ? leaves : forwarders).push_back(j);
    }
    if (leaves.empty()) {
      if (forwarders.empty()) return false;
      pool_.take_back(i, forwarders.back());
      continue;
    }
    std::ranges::stable_sort(leaves, {}, [&](std::size_t j) { return age(i, j); });
    for (std::size_t k = 0; k < leaves.size() && pool_.copies_missing(i) > 0; ++k) remove(i, leaves[k]);
  }
  return static_cast<std::int64_t>(pool_.receivers_of(i)) >= needed_[i];
}

void RelayDraft::add_if_it_fits(std::size_t i, std::size_t j) {
  const WorkerSpec& sender = problem_.workers[i];
  if (i == j || has(i, j) || !sender.can_send() || !problem_.workers[j].can_receive()) return;
  if (downlink_room_[j] < sender.volume || pool_.room_in_all() < sender.volume) return;
  const bool is_first = pool_.receivers_of(i) == 0;
  add(i, j, Reason::spare);
  if (is_first ? pool_.place_first(i) : place_unless_stuck(i)) return;
  remove(i, j);
}

void RelayDraft::fill() {
  std::ranges::fill(stuck_, 0);
  std::vector<PairAge> aged = problem_.ages;
  const auto volume = [&](const PairAge& old) { return problem_.worker(old.pair.sender).volume; };
  std::ranges::sort(aged, [&](const PairAge& a, const PairAge& b) {
    if (a.age != b.age) return a.age > b.age;
    return volume(a) != volume(b) ? volume(a) < volume(b) : a.pair < b.pair;
  });
  for (const PairAge& old : aged) {
    if (old.age > 0) add_if_it_fits(position(old.pair.sender), position(old.pair.receiver));
  }
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t j = 0; j < n_; ++j) add_if_it_fits(i, j);
  }
}

Plan RelayDraft::finish() && {
  Plan plan{std::vector<std::vector<Selection>>(n_)};
  for (std::size_t i = 0; i < n_; ++i) {
    std::int64_t counted = 0;  // required and basic ones
    for (std::size_t j = 0; j < n_; ++j) {
      if (!has(i, j)) continue;
      const auto reason = static_cast<Reason>(reason_[i * n_ + j]);
      counted += reason != Reason::spare ? 1 : 0;
      plan.selections[i].push_back({WorkerIndex(static_cast<std::uint32_t>(j)), reason});
    }
    // Where exchanges left fewer than are needed, others take their part.
    for (Selection& selection : plan.selections[i]) {
      if (selection.reason != Reason::spare || counted >= needed_[i]) continue;
      selection.reason = Reason::basic;
      ++counted;
    }
  }
  pool_.write_trees(plan);
  return plan;
}

}  // namespace selmcast::plan
