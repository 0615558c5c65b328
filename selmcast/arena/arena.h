// The arena: the real manager and worker cores on a simulated network in virtual time, driven by a seed.
//
// One run is a training of 3 to 16 workers: every control message and every data frame is delayed at random
// (in order on its connection), streams take the time their rate says, and faults strike: data connections
// break in the middle of a stream, bytes are corrupted on the way, workers crash, fall silent or leave, come again, or
// come late, the manager's disk takes its time, processes and whole machines stand still, and clocks are set. The same
// seed replays the same story. Apart from the system stand the checkers (checkers.h and online_checkers.h),
// which see the traffic and the models, not the cores' state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/arena/leak_watch.h"
#include "selmcast/base/units.h"
#include "selmcast/payload/format.h"
#include "selmcast/plan/planner.h"
#include "selmcast/wire/mixing.h"

namespace selmcast::arena {

struct Faults {
  bool broken_links = true;
  bool corruption = true;
  bool crashes = true;   // the session and all links break at once
  bool silences = true;  // nothing is heard any more, no connection breaks
  bool cuts = true;      // between two, or one and all, one way or both; for a time
  bool bandwidth_changes = true;
  bool manager_crashes = true;  // also between storing and saying; it is made again from what was stored
  bool joins = true;            // who is lost comes again, others come late
  bool broken_streams = true;   // to the manager, while it lives
  bool slow_disks = true;       // under the manager's state: it stands still for as long as a commit takes
  bool unreachable = true;      // some that come late are dialled in vain
  bool clocks = true;           // processes and machines stand still; clocks begin anywhere, and are set
  bool leaves = true;           // workers go in order, in the middle of whatever they do, and may come again
};
inline constexpr Faults kNoFaults{false, false, false, false, false, false, false,
                                  false, false, false, false, false, false};

enum class Sync { bsp, ssp, asp };

struct ArenaSettings {
  std::uint64_t seed = 1;
  std::uint32_t workers = 0;  // 0: drawn from 3 .. 16
  std::uint64_t rounds = 12;
  Sync sync = Sync::bsp;
  bool relay = false;    // bsp only
  bool network = false;  // IP multicast
  // Models ten times as large, and pairs that seldom must meet: links fall silent, and are sounded (sync/soundings.h).
  bool seldom = false;
  const plan::Planner* planner = nullptr;  // of bsp; null: drawn
  std::string policy;                      // of ssp and asp; empty: drawn
  std::optional<bool> overlap;             // of ssp and asp; empty: drawn. Never with a staleness of 0
  std::optional<wire::MixingKind> mixing;  // empty: drawn
  payload::Format payload = payload::Format::float32;
  Faults faults;
  Duration virtual_time_max = Duration::seconds(3600);
};

struct ArenaResult {
  std::vector<std::string> violations;  // of correctness; empty: all checkers are content
  std::vector<std::string> stuck;       // of liveness: who did not finish, or nobody went on for too long
  bool content() const { return violations.empty() && stuck.empty(); }
  std::vector<std::string> story;  // what happened, a line an event, with virtual times
  bool overlap = false;
  std::uint64_t rounds_done = 0;  // by the survivors
  std::uint32_t workers = 0;
  std::uint32_t late = 0;  // who came later
  std::uint32_t survivors = 0;
  std::uint64_t deliveries = 0;  // committed
  std::uint64_t cancelled = 0;
  std::uint64_t soundings = 0;    // that were measured
  std::uint64_t grouped = 0;      // network: receivers that joined a multicast
  std::uint64_t handed_over = 0;  // of these: the rest came over TCP
  std::uint64_t unheard = 0;      // of these: nothing was heard of the other side any more
  std::uint64_t told_slow = 0;    // of these: the sender told of less than was sent
  std::uint64_t rerouted = 0;     // relay: deliveries that their sender took over
  std::uint64_t resumed = 0;      // of these: went on where they had been cut off, not from the start
  std::uint64_t dropped = 0;      // ssp, asp: not counted as cancelled
  std::uint64_t new_rates = 0;    // ssp, asp: of running deliveries
  std::uint64_t widest_lead = 0;  // ssp, asp
  std::uint64_t widest_gap = 0;
  std::uint64_t returns = 0;         // of processes that were lost
  std::uint64_t caught_up = 0;       // workers that came while the training ran
  std::uint64_t broken_streams = 0;  // to the manager
  LeakWatch::Most most_held;         // by one worker between its rounds, by the manager for one worker
  std::uint64_t standstills = 0;     // of workers and managers
  std::uint64_t managers = 1;        // the first one, and each that was made again
  Duration longest_pause;            // from one answer of a synchronize(), of anybody, to the next
  Duration virtual_time;
};

ArenaResult run_arena(const ArenaSettings& settings);

// Of settings that fail: as few kinds of faults and rounds as still fail, found by leaving out one after the other. The
// same draws are made, so what is left tells the same story as far as it can.
ArenaSettings smallest_that_fails(const ArenaSettings& settings);

}  // namespace selmcast::arena
