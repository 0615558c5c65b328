// `--multicast auto`: asks all workers what the network does with IP multicast, gathers what they saw, and chooses
// (sync/multicast_choice.h).
//
//     begin() ── Probe to all ──> asked ── all Probed, or kProbePatience over ──> decided ── begin() ... when one comes
//                                                                                   └── begin() ... when in doubt
//
// Nobody waits for it: until it is decided the training uses unicast, or what was chosen before. A probing is begun
// anew when a worker has come; when one leaves, what is known of the others decides again.
// In doubt: full links lose probes, and reports of who joins, so that one who seems deaf to some may have been unlucky.
// All are asked again after kProbeAgain, kProbings times in all; who was heard once is heard.
// Two groups: the workers of a host join one of them, hosts by turns, so that each worker has one that its host has not
// joined, and whatever of that comes there shows a flood. Workers on one host join one group, and nothing can flood.
// Pure; callers hand in `now`. Thread rule: one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/sync/multicast_choice.h"
#include "selmcast/wire/control.h"

namespace selmcast::manager {

// The probes themselves take 3.5 s (mcast/probe.h); the rest is for workers whose machines are busy.
inline constexpr Duration kProbePatience = Duration::seconds(10);
inline constexpr Duration kProbeAgain = Duration::seconds(5);  // after a decision in doubt
inline constexpr int kProbings = 4;                            // of the same workers

class MulticastProbing {
 public:
  explicit MulticastProbing(plan::MulticastKind fallback) : fallback_(fallback) {}

  // What to tell whom. `hosts`: where each worker's data goes to. Of others than before, or before again(): what was
  // seen so far is forgotten.
  std::vector<std::pair<WorkerId, wire::Probe>> begin(const std::map<WorkerId, std::string>& hosts,
                                                      std::uint64_t run_token, Instant now);
  // Of an earlier probing, or said before: ignored.
  void seen(WorkerId worker, const wire::Probed& what);
  void left(WorkerId worker);
  void postpone(Duration away) { due_ = due_ + away, again_ = again_ + away; }
  // It is time for a begin(), since the decision is in doubt.
  bool again(Instant now) const { return now >= again_; }
  // The choice, if it is decided now, or became another by asking again or since a worker left. Once. `machine`: for
  // its outlook.
  std::optional<sync::MulticastChoice> news(const sync::TrainingMachine& machine, Instant now);
  Instant deadline() const { return std::min(due_, again_); }

 private:
  bool in_doubt() const;

  plan::MulticastKind fallback_;
  std::uint64_t number_ = 0;
  std::vector<WorkerId> workers_;                  // asked and still here, ascending
  std::map<WorkerId, sync::ProbeReport> reports_;  // of all probings of these workers
  std::set<WorkerId> answered_;                    // this one
  int probings_ = 0;                               // of these workers
  bool one_machine_ = false;
  bool decided_ = false;
  bool lost_one_ = false;             // since
  Instant due_ = Instant::never();    // while it is asked
  Instant again_ = Instant::never();  // when decided in doubt
  std::optional<sync::MulticastChoice> told_;
};

}  // namespace selmcast::manager
