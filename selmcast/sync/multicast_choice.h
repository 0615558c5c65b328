// Which kind of multicast a training is to use, from what probes of its network showed (docs/multicast.md, "Chosen by
// probing").
//
// Notation: r hears s if what s sent to a group came to r, which had joined it; s floods r if what s sent to a group
// came to r, which had not. The choice, the first that applies:
//
//     n <= 2 workers                      unicast   a multicast has one receiver, so all kinds are alike
//     some r does not hear some s         fallback  r's models would go over TCP, beside the multicast, in every round
//     some s floods some r                fallback  every multicast would take its rate from everybody's downlink
//     nobody could see whether it floods  fallback  likely enough to be worse than sure
//     else                                network   one copy on each uplink, and only where it is wanted
//
// The fallback is relay where the training can (one copy on each uplink, over TCP), else unicast. A plan has one kind
// for all of its multicasts, so the choice is the training's, not a pair's: the reason names the pairs that decided.
// Who said nothing is taken to hear nobody: it may be slow or gone, and unicast reaches it at any rate.
// PURE, deterministic; names and sets in ascending order. Complexity O(n^2 log n). Any thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "selmcast/base/ids.h"
#include "selmcast/plan/problem.h"

namespace selmcast::sync {

// What one worker saw of the others' probes.
struct ProbeReport {
  std::set<WorkerId> heard;    // of a group that it had joined
  std::set<WorkerId> flooded;  // of a group that it had not; empty where it cannot see that
  bool sees_floods = false;    // false: it may not look at what is not meant for it
  std::string fault = "";      // it could not listen or send; why
};

struct ProbedNetwork {
  std::span<const WorkerId> workers;  // ascending
  std::map<WorkerId, ProbeReport> reports;
  bool one_machine = false;  // all of them: there is no network that could flood
};

struct MulticastChoice {
  plan::MulticastKind kind = plan::MulticastKind::unicast;
  std::string why;
  std::string remedy = "";  // what to change for `network`; empty: it is chosen, or would be no better
  bool operator==(const MulticastChoice&) const = default;
};

MulticastChoice choose_multicast(const ProbedNetwork& network, plan::MulticastKind fallback);

}  // namespace selmcast::sync
