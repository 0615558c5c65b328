// The part of OnlineRounds (online_rounds.h) for workers that come while the training runs.
#include <algorithm>
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
       choose_donors(others, comers, [&](WorkerId id) { return estimator_.uplink(id); }))
    donors.push_back(index(pair.sender));
  machine_.invite(index(worker), machine_member(take_in(worker, member, now)), donors, now);
  guests_[worker];
  // What runs was planned before it came.
  for (const WorkerId other : others) {
    if (machine_.workers()[other.value()].sending) meetings_.excuse({other, worker});
  }
  return finish({}, now);
}

void OnlineRounds::enter_if_caught_up(Instant now, Consequences& c) {
  const std::size_t needed = std::min(kDonors, lives_.size() - guests_.size());
  for (auto guest = guests_.begin(); guest != guests_.end();) {
    const auto& [worker, from] = *guest;
    if (from.empty() || from.size() < needed) {
      ++guest;
      continue;
    }
    machine_.enter(index(worker), now);
    Life& life = lives_.at(worker);
    life.computed = life.completed = machine_.workers()[worker.value()].computed;
    life.computing_since = now;
    c.then.push_back(CaughtUp{worker, Round(life.computed), {from.begin(), from.end()}, machine_.present()});
    guest = guests_.erase(guest);
  }
}

}  // namespace selmcast::sync
