// A flow-level simulator of peer-to-peer data-parallel training: what a cluster would do, in virtual time.
//
// Model (paper section IV; plan/problem.h for links). n workers, each in a cycle: compute for a random time (drawn from
// `compute`, anew each round); send the model, `volume` bytes, to the receivers of a plan; wait until the own multicast
// is complete and the rule of synchronisation lets it go on. The links share as maxmin/solver.h says; a `network`
// multicast is one flow at the rate of its slowest receiver, a `unicast` one a flow for each receiver.
//
//   bsp  When all have computed, all multicasts are planned together (a planner of plan/planner.h) and start; when
//        all are complete, all compute again. Ages and required pairs as in sync/age_table.h.
//   ssp  A worker plans when it has computed (sync/online_policy.h). A worker that has completed r rounds may
//        start the next one while r - (least r of all) <= staleness. A round is completed when its multicast is.
//   asp  As ssp, but nobody ever waits for others.
//
// A second reading of the rule of ssp, StalenessRule::computed: r counts the rounds computed, sent or not, and a worker
// may start the next one while r - (least r of all) < staleness. `completed` is what we build; the paper's figures look
// like `computed`: where staleness is small the two are far apart, and Figure 10's Orpheus curves are met by `computed`
// everywhere (simulation_test.cpp) and missed by `completed` at ssp = 1 by 12 to 19 %.
//
// Overlap (ssp, asp): a worker goes on as soon as the rule allows, while its multicast is delivered from a snapshot; it
// has one, so who has computed again before that is over is held until it is. r counts the rounds it has computed,
// against the least completed of all. A mode of its own: never compare it with figures of blocking trainings.
//
// What a plan of ssp knows. Bandwidth is known to the planner as it is at that moment, but for estimate_error; what it
// expects of the others is in sync/online_machine.h, with the mean of `compute` and at first min_receivers * volume /
// bandwidth for a multicast. How running multicasts share: sync/sharing.h, unless the planner has a view of its own.
//
// Conventions. Everything counts from the first instant, when all begin to compute: there is no warm-up. At the horizon
// the run stops where it is: computing counts as far as it has come, a multicast only if it is complete, a round of bsp
// only if all its multicasts are. Events at one instant happen in this order: deliveries end, bandwidth changes,
// crashes are noticed, cluster events as listed, workers finish computing in order of ids. Control messages take no
// time. Same settings and seed, same bits: each worker's computing times, the bandwidths and the planner's choices
// come from streams of their own, so two planners meet the very same cluster.
//
// Workers come and go as cluster_event.h says; bsp takes them in when a round starts. A link that is down (rate 0)
// carries nothing: no planner selects it, no pair is required over it, what runs over it stands still until it is up,
// or dropped by the next plan of ssp. A multicast that finds no receiver at all is complete at once.
//
// Complexity: an event costs what the links it touches cost (maxmin/solver.h), a plan what the planner costs. Memory is
// linear in pairs (ages) and live flows. Thread rule: pure; runs with different seeds may run side by side (trials.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/problem.h"
#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/cluster_event.h"
#include "selmcast/sim/compute_times.h"
#include "selmcast/sync/age_table.h"
#include "selmcast/sync/min_receivers.h"
#include "selmcast/sync/online_machine.h"

namespace selmcast::sim {

class Observer;

enum class Sync { bsp, ssp, asp };
using Sharing = sync::Sharing;
using StalenessRule = sync::StalenessRule;

struct Settings {
  Sync sync = Sync::ssp;
  plan::MulticastKind multicast = plan::MulticastKind::network;
  std::string planner = "paper";
  std::size_t workers = 50;
  sync::MinReceivers min_receivers = sync::MinReceivers::count(15);
  std::optional<std::uint32_t> max_age = 4;  // nullopt: no pair is ever required
  sync::AgeStart age_start = sync::AgeStart::zero;
  std::uint32_t staleness = 4;  // of ssp
  StalenessRule staleness_rule = StalenessRule::completed;
  double keep_fraction = 0.75;  // of ssp
  // Of ssp and asp: workers compute their next round while their multicast is delivered (sync/online_machine.h).
  bool overlap = false;
  sync::Width width;  // of the planner slack
  Bytes volume = Bytes(200'000'000);
  BandwidthModel bandwidth;
  // Of ssp and asp: the planner takes a link that carries b for one that carries b (1 + estimate_error x), x uniform in
  // [-1, 1], drawn once for each link. 0 <= estimate_error < 1.
  double estimate_error = 0;
  Sharing sharing = Sharing::fair;
  ComputeTimes compute = ComputeTimes::transformer();
  // By worker and round, instead of draws from `compute`; a worker that has no time left leaves when it may go on. What
  // a training did for real, to be simulated (`selmcast simulate --replay`). Empty: drawn.
  std::vector<std::vector<Duration>> recorded_computing = {};
  Duration horizon = Duration::seconds(600);
  std::vector<ClusterEvent> events;            // by time
  Duration detection = Duration::seconds(2);   // of a crash
  std::vector<BandwidthStep> bandwidth_trace;  // by time
  // Multicasts take no time and reach nobody: what is left is computing and waiting for one another.
  bool free_communication = false;
  bool operator==(const Settings&) const = default;
};

// By worker: all whose first join, leave or crash is not a join.
std::vector<bool> present_at_start(const Settings& settings);

// Error (invalid_input) that names the setting and the remedy.
Result<void> validate(const Settings& settings);

struct Outcome {
  double npu_utilization = 0;  // time spent computing / time in the training, of all workers together
  double multicast_scale = 0;  // completed deliveries / completed multicasts / workers, present or not
  // No policy reaches more at this utilisation (bounds.h), links taken at their mean over the run. None if workers come
  // or go.
  std::optional<double> multicast_scale_bound;
  // bsp: time of a round's multicasts / (min_receivers * volume / nominal bandwidth), mean over completed rounds; 0
  // without them
  double completion_normalized = 0;
  std::uint64_t rounds = 0;  // bsp: completed by all; ssp, asp: completed multicasts / workers, rounded down
  std::uint64_t multicasts = 0;  // completed
  std::uint64_t deliveries = 0;  // of these
  std::uint64_t dropped = 0;     // receivers cut off
  std::uint64_t events = 0;      // computations ended, deliveries ended, changes of bandwidth, cluster events
};

// Requires validate(settings) to have passed.
Outcome simulate(const Settings& settings, std::uint64_t seed, Observer* observer = nullptr);

// NPU utilisation with communication for free under the same rule, and the same computing times: no planner and no
// network can do better on average. (Not a bound for each single seed: later rounds see other draws.)
double npu_utilization_bound(const Settings& settings, std::uint64_t seed);
// The same, but every multicast takes the time that its sender's uplink needs for one copy (network) or min_receivers
// copies (unicast). Not with overlap. Of ssp and asp with StalenessRule::completed it bounds each single seed: ends of
// rounds are maxima of sums of earlier ones and of the same times, so none comes later than with any policy.
double npu_utilization_uplink_bound(const Settings& settings, std::uint64_t seed);

}  // namespace selmcast::sim
