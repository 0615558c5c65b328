// The half of the Twin (twin.h) that does harm: crashes, silences, cuts and links that change.
#include <algorithm>

#include "selmcast/arena/twin.h"
#include "selmcast/net/limits.h"

namespace selmcast::arena {

using net::kDeadAfter;

void Twin::plan_faults(Rng rng) {
  const double last = 3.0 * static_cast<double>(settings_.rounds) / 4;
  plan_cuts(rng.fork(2), Instant::at_seconds(last));
  plan_joins(rng.fork(4), Instant::at_seconds(last));
  plan_standstills(rng.fork(7), Instant::at_seconds(last));
  const auto strike = [&](bool allowed, auto action) {
    // At most a third of the workers, so that a training remains.
    const std::uint64_t times = rng.below(nodes_.size() / 3 + 1);
    for (std::uint64_t k = 0; k < times; ++k) {
      const std::size_t node = rng.below(nodes_.size());
      const Duration when = Duration::seconds(rng.uniform(0.1, last));
      if (allowed) queue_.after(when, [action, node] { action(node); });
    }
  };
  strike(settings_.faults.crashes, [this](std::size_t node) { crash(node); });
  strike(settings_.faults.silences, [this](std::size_t node) {
    if (!nodes_[node].alive || nodes_[node].silent) return;
    tell("w" + std::to_string(node) + " falls silent");
    nodes_[node].silent = true;
    nodes_[node].silenced = nodes_[node].life;
    perhaps_again(node);
  });
  Rng disks = rng.fork(5);
  for (std::uint64_t k = disks.below(4); k > 0; --k) {
    const Instant when = Instant::at_seconds(disks.uniform(0.1, last));
    const Duration time =
        Duration::seconds(disks.below(3) == 0 ? disks.uniform(3, 6) : disks.uniform(0.05, 1));
    if (settings_.faults.slow_disks) queue_.at(when, [this, time] { next_commit_takes_ = time; });
  }
  Rng leavers = rng.fork(6);
  for (std::uint64_t k = leavers.below(nodes_.size() / 4 + 1); k > 0; --k) {
    const Instant when = Instant::at_seconds(leavers.uniform(0.1, last));
    const std::size_t node = leavers.below(nodes_.size());
    if (settings_.faults.leaves) queue_.at(when, [this, node] { leave(node); });
  }
  if (!settings_.faults.manager_crashes) return;
  Rng fates = rng.fork(1);
  for (std::uint64_t k = fates.below(4); k > 0; --k) {
    const bool in_mid_sentence = fates.below(2) == 0;
    queue_.after(Duration::seconds(fates.uniform(0.01, last)), [this, in_mid_sentence] {
      in_mid_sentence ? void(dies_in_mid_sentence_ = true) : crash_manager();
    });
  }
}

// Nothing is lost in a cut, as with TCP: it comes later; but a connection between workers over which nothing passes,
// one way or both, for net::kDeadAfter is dead, and both ends notice by themselves (net/limits.h). A worker that the
// manager does not hear for too long is lost.
void Twin::plan_cuts(Rng rng, Instant until) {
  const auto at = [&] { return Instant::at_seconds(rng.uniform(0.1, until.in_seconds())); };
  for (std::uint64_t k = rng.below(4); k > 0; --k) {
    const Instant when = at();
    const std::size_t one = rng.below(nodes_.size());
    const std::size_t other = rng.below(nodes_.size() + 2);  // the last place: everybody
    const std::uint64_t ways = rng.below(3);
    const bool is_long = rng.below(4) == 0;
    const Duration time = Duration::seconds(is_long ? rng.uniform(5, 15) : rng.uniform(0.2, 3));
    if (!settings_.faults.cuts) continue;
    queue_.at(when, [this, one, other, ways, time] {
      for (std::size_t place = 0; place <= manager_place(); ++place) {
        if (place == one || (place != other && other <= manager_place())) continue;
        if (ways != 0) cut(one, place, time);
        if (ways != 1) cut(place, one, time);
      }
    });
  }
  for (std::uint64_t k = rng.below(nodes_.size() / 2 + 1); k > 0; --k) {
    const Instant when = at();
    const std::size_t node = rng.below(nodes_.size());
    const double up = rng.uniform(0.3, 2), down = rng.uniform(0.3, 2);
    if (!settings_.faults.bandwidth_changes) continue;
    queue_.at(when, [this, node, up, down] {
      tell("the links of w" + std::to_string(node) + " change");
      nodes_[node].uplink = nodes_[node].uplink * up;
      nodes_[node].downlink = nodes_[node].downlink * down;
    });
  }
}

void Twin::cut(std::size_t from, std::size_t to, Duration time, bool told) {
  const auto name = [&](std::size_t place) {
    return place == manager_place() ? std::string("the manager") : "w" + std::to_string(place);
  };
  if (!told) tell("nothing passes from " + name(from) + " to " + name(to) + " for " + to_string(time));
  const bool is_new = !is_cut(from, to);
  Instant& until = cuts_[{from, to}];
  until = std::max(until, queue_.now() + time);
  if (is_new && from != manager_place() && to != manager_place()) watch_cut(from, to);
  const bool from_manager = from == manager_place();
  // One cut after the other is as long as both.
  const bool too_long = until - queue_.now() > settings_.manager.heartbeat_timeout - Duration::seconds(0.9);
  if (too_long && (from_manager || to == manager_place())) nodes_[from_manager ? to : from].cut_off = true;
}

bool Twin::is_cut(std::size_t one, std::size_t other) const {
  const auto cut = [&](std::size_t from, std::size_t to) {
    const auto found = cuts_.find({from, to});
    return found != cuts_.end() && queue_.now() < found->second;
  };
  return cut(one, other) || cut(other, one);
}

void Twin::notice_dead_links(std::size_t one, std::size_t other) {
  std::vector<ConnectionId> dead;
  for (const auto& [id, c] : connections_) {
    const bool between = (c.from == one && c.to == other) || (c.from == other && c.to == one);
    if (between && queue_.now() >= c.opened + kDeadAfter) dead.push_back(id);
  }
  for (const ConnectionId id : dead) break_connection(id, "nothing is heard", std::nullopt, true);
}

// While it lasts: what has been open for kDeadAfter of it is dead.
void Twin::watch_cut(std::size_t one, std::size_t other) {
  queue_.after(kDeadAfter, [this, one, other] {
    if (is_cut(one, other)) notice_dead_links(one, other);
  });
}

Instant Twin::passes(std::size_t from, std::size_t to, Instant sent) const {
  const auto found = cuts_.find({from, to});
  return found == cuts_.end() || queue_.now() >= found->second ? sent : std::max(sent, found->second);
}

void Twin::crash_manager() {
  if (!manager_ || manager_->finished()) return;
  tell("the manager crashes");
  manager_.reset();
  crashed_at_[epoch_] = queue_.now();
  crashed_in_commit_ = queue_.now() < manager_free_at_;
  next_commit_takes_.reset();
  to_manage_.clear();
  manager_free_at_ = queue_.now();
  manager_tick_at_ = Instant::never();
  manager_gone_at_ = queue_.now();
  for (Node& node : nodes_) {
    if (node.has_stream) end_stream(node.stream, "connection reset");
  }
  queue_.after(Duration::seconds(rng_.uniform(0.05, 5)), [this] { restart_manager(); });
}

void Twin::restart_manager() {
  manager_.emplace(settings_.manager, Instant());
  for (const manager::Input& input : stored_) manager_->replay(input);
  tell("manager " + std::to_string(++epoch_) + " goes on after " + std::to_string(stored_.size()) +
       " inputs");
  ++result_.managers;
  const Duration away = away_by_the_clock_of_the_day();
  manager_ahead_ = stored_.empty() ? Duration() : stored_.back().at + away - queue_.now();
  carry_out(manager_->restarted(epoch_, away, manager_time()));
}

void Twin::crash(std::size_t k) {
  Node& node = nodes_[k];
  if (!node.alive || node.over || node.rounds_done == settings_.rounds) return;
  tell("w" + std::to_string(k) + " crashes");
  if (!node.silent) perhaps_again(k);
  end_process(k, "connection reset", queue_.now());
}

// Says goodbye, and is gone.
void Twin::leave(std::size_t k) {
  Node& node = nodes_[k];
  if (!node.alive || node.silent || node.over || node.draining || !node.core->welcome()) return;
  if (queue_.now() < node.stands_until) return;
  tell("w" + std::to_string(k) + " leaves");
  carry_out(k, node.core->leave("it is needed elsewhere"));
  perhaps_again(k);
  end_process(k, "stream ended", std::max(queue_.now(), node.to_manager_free));
}

void Twin::end_process(std::size_t k, const std::string& why, Instant heard) {
  Node& node = nodes_[k];
  node.alive = false;
  groups_.erase(k);
  std::erase_if(memberships_, [k](const auto& one) { return one.first.first == k; });
  std::vector<ConnectionId> broken;
  for (const auto& [id, connection] : connections_) {
    if (connection.from == k || connection.to == k) broken.push_back(id);
  }
  for (ConnectionId id : broken) break_connection(id, "connection reset", k);
  queue_.at(passes(k, manager_place(), heard + delay(node.rng)), [this, k, why, stream = node.stream] {
    when_manager_is_free([this, k, why, stream] {
      if (manager_ && !nodes_[k].silent) carry_out(manager_->closed(stream, why, manager_time()));
    });
  });
}

}  // namespace selmcast::arena
