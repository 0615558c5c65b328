// `--multicast auto`: asks all workers what the network does with IP multicast, gathers what they saw, and chooses
// (sync/multicast_choice.h).
//
//     begin() ── Probe to all ──> asked ── all Probed, or kProbePatience over ──> decided ── begin() ... when one comes
//
// Nobody waits for it: until it is decided the training uses unicast, or what was chosen before. A probing is begun
// anew when a worker has come; when one leaves, what is known of the others decides again.
// Two groups: the workers of a host join one of them, hosts by turns, so that each worker has one that its host has not
// joined, and whatever of that comes there shows a flood. Workers on one host join one group, and nothing can flood.
// Pure; callers hand in `now`. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/sync/multicast_choice.h"
#include "selmcast/wire/control.h"

namespace selmcast::manager {

// The probes themselves take 3.5 s (mcast/probe.h); the rest is for workers whose machines are busy.
inline constexpr Duration kProbePatience = Duration::seconds(10);

class MulticastProbing {
 public:
  explicit MulticastProbing(plan::MulticastKind fallback) : fallback_(fallback) {}

  // What to tell whom. `hosts`: where each worker's data goes to.
  std::vector<std::pair<WorkerId, wire::Probe>> begin(const std::map<WorkerId, std::string>& hosts,
                                                      std::uint64_t run_token, Instant now);
  // Of an earlier probing, or said before: ignored.
  void seen(WorkerId worker, const wire::Probed& what);
  void left(WorkerId worker);
  void postpone(Duration away) { due_ = due_ + away; }
  // The choice, if it is decided now, or became another since a worker left. Once. `machine`: for its outlook.
  std::optional<sync::MulticastChoice> news(const sync::TrainingMachine& machine, Instant now);
  Instant deadline() const { return due_; }

 private:
  plan::MulticastKind fallback_;
  std::uint64_t number_ = 0;
  std::vector<WorkerId> workers_;  // asked and still here, ascending
  std::map<WorkerId, sync::ProbeReport> reports_;
  bool one_machine_ = false;
  bool decided_ = false;
  bool lost_one_ = false;           // since
  Instant due_ = Instant::never();  // while it is asked
  std::optional<sync::MulticastChoice> told_;
};

}  // namespace selmcast::manager
