// The part of the Twin (twin.h) in which processes and machines stand still, and clocks are set.
//
// Every process has a clock that only runs (CLOCK_MONOTONIC), which begins anywhere. A process that is stopped does
// nothing while its clock goes on and its kernel acknowledges and answers; what comes meanwhile waits. A machine that
// is suspended stops its clocks, too, and nothing passes to or from it. The clock of the day may be set while a
// manager is away: how long that was, it knows only by that clock, and it believes no more than workers wait.
#include <algorithm>
#include <utility>

#include "selmcast/arena/twin.h"

namespace selmcast::arena {

void Twin::at(std::size_t k, Instant when, EventQueue::Event event) {
  queue_.at(when, [this, k, event = std::move(event)] { happen(k, event); });
}

void Twin::happen(std::size_t k, EventQueue::Event event) {
  Node& node = nodes_[k];
  const bool runs = queue_.now() >= node.stands_until && node.to_happen.empty();
  if (runs) return event();
  node.to_happen.push_back(std::move(event));
  if (node.to_happen.size() == 1) queue_.at(node.stands_until, [this, k] { wake(k); });
}

void Twin::wake(std::size_t k) {
  Node& node = nodes_[k];
  if (queue_.now() < node.stands_until) return queue_.at(node.stands_until, [this, k] { wake(k); });
  while (!node.to_happen.empty()) {
    node.to_happen.front()();
    node.to_happen.pop_front();
  }
}

void Twin::when_manager_is_free(EventQueue::Event event) {
  if (queue_.now() >= manager_free_at_ && to_manage_.empty()) return event();
  to_manage_.push_back(std::move(event));
  if (to_manage_.size() == 1) queue_.at(manager_free_at_, [this] { wake_manager(); });
}

void Twin::wake_manager() {
  while (!to_manage_.empty()) {
    if (queue_.now() < manager_free_at_)  // the next commit takes long, too
      return queue_.at(manager_free_at_, [this] { wake_manager(); });
    const EventQueue::Event event = std::move(to_manage_.front());
    to_manage_.pop_front();
    event();
  }
}

void Twin::plan_standstills(Rng rng, Instant until) {
  for (std::uint64_t times = rng.below(5); times > 0; --times) {
    const Instant when = Instant::at_seconds(rng.uniform(0.1, until.in_seconds()));
    const std::size_t node = rng.below(nodes_.size() + 1);
    const bool with_its_machine = rng.below(2) == 0;
    const Duration time = Duration::seconds(rng.below(4) == 0 ? rng.uniform(3, 8) : rng.uniform(0.05, 2.5));
    if (settings_.faults.clocks)
      queue_.at(when, [this, node, time, with_its_machine] { stand_still(node, time, with_its_machine); });
  }
}

void Twin::stand_still(std::size_t k, Duration time, bool with_its_machine) {
  const std::string what = with_its_machine ? "machine of " : "process of ";
  const Instant until = queue_.now() + time;
  if (k == manager_place()) {
    if (!manager_ || manager_->finished()) return;
    tell("the " + what + "the manager stands still for " + to_string(time));
    manager_free_at_ = std::max(manager_free_at_, until);
    if (with_its_machine) manager_ahead_ = manager_ahead_ - time;
  } else {
    Node& node = nodes_[k];
    if (!node.alive || node.silent || node.over) return;
    tell("the " + what + "w" + std::to_string(k) + " stands still for " + to_string(time));
    node.stands_until = std::max(node.stands_until, until);
    if (with_its_machine) {
      node.ahead = node.ahead - time;
      for (std::size_t other = 0; other <= manager_place(); ++other) {
        if (other == k) continue;
        cut(k, other, time, true);
        cut(other, k, time, true);
      }
    }
    // One after the other is as long as both: then the manager may take it for silent.
    if (node.stands_until - queue_.now() > settings_.manager.heartbeat_timeout - Duration::seconds(0.9))
      node.cut_off = true;
  }
  ++result_.standstills;
}

Duration Twin::away_by_the_clock_of_the_day() {
  const Duration away = queue_.now() - manager_gone_at_;
  if (!settings_.faults.clocks) return away;
  Rng rng = rng_.fork(6000 + epoch_);
  constexpr double kSteps[] = {0, 0, 0, 1, -1, 20, -20, 1e6, -1e6};
  const double step = kSteps[rng.below(std::size(kSteps))];
  if (step != 0) tell("the clock of the day was set by " + to_string(Duration::seconds(step)));
  return Duration::seconds(
      std::clamp(away.in_seconds() + step, 0.0, settings_.manager.manager_patience.in_seconds()));
}

}  // namespace selmcast::arena
