// The part of OnlineRounds (online_rounds.h) for workers that come while the training runs.
#include <algorithm>
#include <iterator>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/sync/donors.h"
#include "selmcast/sync/online_rounds.h"

namespace selmcast::sync {

Actions OnlineRounds::catch_up(WorkerId worker, const Member& member, Instant now) {
  SELMCAST_CHECK(!lives_.contains(worker), "a worker comes once");
  network_.advance(now);
  std::vector<WorkerId> others;
  for (const auto& [id, life] : lives_) {
    if (!guests_.contains(id)) others.push_back(id);
  }
  std::vector<WorkerIndex> donors;
  const WorkerId comers[] = {worker};
  for (const WorkerPair& pair :
       choose_donors(others, comers, {[&](WorkerId id) { return estimator_.uplink(id); }}))
    donors.push_back(index(pair.sender));
  guests_[worker];
  machine_.invite(index(worker), machine_member(take_in(worker, member, now)), donors, now);
  // What runs was planned before it came.
  for (const WorkerId other : others) {
    if (machine_.workers()[other.value()].sending) meetings_.excuse({other, worker});
  }
  return finish({}, now);
}

void OnlineRounds::enter_if_caught_up(Instant now, Consequences& c) {
  const std::size_t needed = std::min(kDonors, lives_.size() - guests_.size());
  for (auto guest = guests_.begin(); guest != guests_.end();) {
    const WorkerId worker = guest->first;
    const std::set<WorkerId>& from = guest->second.from;
    const bool in_vain = guest->second.failures >= kAttempts * needed;  // it makes do with what it has
    if (from.empty() || (from.size() < needed && !in_vain)) {
      ++guest;
      continue;
    }
    machine_.enter(index(worker), now);
    Life& life = lives_.at(worker);
    life.computed = life.completed = machine_.workers()[worker.value()].computed;
    life.computing_since = now;
    c.then.push_back(CaughtUp{worker, Round(life.computed), {from.begin(), from.end()}, machine_.present()});
    guest = guests_.erase(guest);
    set_bandwidth(worker);
  }
}

// The guests that nothing comes to.
void OnlineRounds::turn_away_in_vain(Instant now, Actions& actions) {
  const std::size_t donors = std::min(kDonors, lives_.size() - guests_.size());
  std::vector<std::pair<WorkerId, std::string>> in_vain;
  for (const auto& [worker, guest] : guests_) {
    if (guest.from.empty() && guest.failures > 0 && guest.failures >= kAttempts * donors)
      in_vain.emplace_back(worker, why_turned_away(guest.last_failure));
  }
  for (const auto& [worker, why] : in_vain) {
    if (!guests_.contains(worker)) continue;
    actions.push_back(Evicted{worker, why});
    std::ranges::move(leave(worker, why, now), std::back_inserter(actions));
  }
}

// A guest's links are planned as donors.h says.
void OnlineRounds::set_bandwidth(WorkerId worker) {
  const bool guest = guests_.contains(worker);
  const Rate least = guest && lives_.size() > guests_.size() ? slowest_link() * (1 / kSlowerMax) : Rate();
  network_.set_bandwidth(index(worker), std::max(estimator_.lower_end({worker, Direction::up}), least),
                         std::max(estimator_.lower_end({worker, Direction::down}), least));
}

// Of those that are no guests; there must be one.
Rate OnlineRounds::slowest_link() const {
  Rate slowest = Rate::unlimited();
  for (const auto& [id, life] : lives_) {
    if (!guests_.contains(id)) slowest = std::min({slowest, estimator_.uplink(id), estimator_.downlink(id)});
  }
  return slowest;
}

// Before `sender` is planned for: whom nothing of it reaches.
void OnlineRounds::look_at_outages(WorkerId sender, Instant now) {
  std::vector<plan::Pair> out;
  for (const Resting& rest : outages_.resting(now)) {
    if (rest.pair.sender == sender) out.push_back({index(rest.pair.sender), index(rest.pair.receiver)});
  }
  network_.set_out(std::move(out));
}

}  // namespace selmcast::sync
