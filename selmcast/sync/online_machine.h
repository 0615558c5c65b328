// Trainings without rounds in common (SSP, ASP) as a pure state machine: who computes, who sends to whom, who waits.
//
//     computing ── computed() ──> sending ── its deliveries end ──> waiting ── rule of staleness ──> computing ...
//
//     with overlap, side by side:
//     computing ── computed() ──> waiting ── its last multicast over, rule of staleness ──> computing ...
//                                         └─> sending ── its deliveries end ──> complete
//
// In words (paper sections II-A and III-C): a worker that has computed is `ready`; the policy (online_policy.h) plans
// its multicast, and may cut receivers off those that run; when the last delivery of a multicast has ended, one way
// or the other, it is complete, ages move on, and the worker computes its next round as soon as it may.
//
// The rule of staleness. ssp: a worker that has completed r rounds may start the next one while r - (least r of all) <=
// staleness. A round is completed when its multicast is. asp (no staleness): always. A second reading,
// StalenessRule::computed: r counts the rounds computed, sent or not, and a worker may start the next one while
// r - (least r of all) < staleness (sim/simulation.h says why it is here).
//
// Overlap. A worker computes its next round while its multicast is still being delivered, from a snapshot of its
// parameters. It has one snapshot: who has computed while its last multicast still runs is *held* until that is over,
// and only then planned for (unplanned(), plan()). The rule of staleness counts honestly: r are the rounds computed,
// against the least completed of all, its own among them. (Without overlap, who may go on has as many computed as
// completed.) So its own multicast alone may put it one round ahead: a staleness of 0 is blocking again.
//
// What a policy is told. `wait`, the tau_i of a running multicast, is 0 if i could go on at once after completing (with
// overlap: until i is expected to have computed, for then it needs its snapshot); else an estimate of when the slowest
// of the workers with the least r has one more. What is not known is expected: computing takes `expected_computing`, a
// multicast that has not begun as long as that worker's last one (at first `first_multicast`), a running one what
// remains at the present rate.
//
// Invariants:
//   - a worker computes, sends or waits, with overlap it may send beside; it has at most one multicast;
//   - nobody starts a round against the rule of staleness; when the slowest completes one, all that may go on do;
//   - no pair is required over a link that is down (rate 0), for as long as it is;
//   - a delivery ends once: delivered, dropped, failed, or a side left; only a delivered one resets an age;
//   - the policy's answer is carried out as it is: what it takes runs, what it leaves out of a running multicast is
//     dropped. Required pairs and min_receivers are checked (SELMCAST_CHECK): a policy that breaks them is a bug.
// The same settings and events give the same actions. Complexity: an event O(workers), a plan what the policy costs
// plus O(candidates). No clock, no I/O: callers hand in `now` and carry out the actions in order. Thread rule: one
// owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/maxmin/solver.h"
#include "selmcast/plan/ssp_tasks.h"
#include "selmcast/sync/age_table.h"
#include "selmcast/sync/min_receivers.h"
#include "selmcast/sync/online_policy.h"
#include "selmcast/sync/sharing.h"

namespace selmcast::sync {

enum class StalenessRule { completed, computed };

struct OnlineSettings {
  plan::MulticastKind multicast = plan::MulticastKind::unicast;
  MinReceivers min_receivers = MinReceivers::count(1);
  std::optional<std::uint32_t> max_age = 7;  // nullopt: no pair is ever required
  AgeStart age_start = AgeStart::staggered;
  std::optional<std::uint32_t> staleness = 4;  // nullopt: asp
  StalenessRule staleness_rule = StalenessRule::completed;
  double keep_fraction = 0.75;
  Sharing sharing = Sharing::fair;
  Rate unit = Rate::bits_per_second(1e9);  // a reservation of this rate weighs 1
  bool overlap = false;
};

// What a worker brings, or is expected to.
struct OnlineMember {
  Bytes volume;
  Duration expected_computing;
  Duration first_multicast;
};

// The network as the caller knows it at the instant of an event: exactly (simulator) or by estimates (manager).
class NetworkView {
 public:
  virtual ~NetworkView() = default;
  virtual std::span<const Rate> uplink() const = 0;  // by worker
  virtual std::span<const Rate> downlink() const = 0;
  // Writes what remains of each delivery of a running multicast; `candidates` are just its receivers, ascending.
  virtual void read_remaining(WorkerIndex sender, std::span<plan::SspCandidate> candidates) const = 0;
  // Pairs between which nothing passes, for now, ascending: they are no candidates.
  virtual std::span<const plan::Pair> out() const { return {}; }
  // Until the last delivery of `sender` ends at the present rates; infinite if one of them stands still.
  virtual Duration time_left(WorkerIndex sender) const = 0;
};

struct OnlineAction {
  enum class Kind {
    drop,      // cut the delivery worker -> receiver off
    start,     // worker's multicast to receivers(worker), with this claim and limit
    claim,     // the running multicast of worker has this claim and limit from now on
    complete,  // worker's multicast is complete; it reached delivered(worker)
    go_on,     // worker computes its next round
  };
  Kind kind = Kind::go_on;
  WorkerIndex worker;
  WorkerIndex receiver;            // of a drop
  maxmin::Claim claim;             // of a start or claim
  Rate limit = Rate::unlimited();  // of a start or claim: the most that worker puts on its uplink
};

class OnlineMachine {
 public:
  // Actions are valid until the next event. What receivers() and delivered() say is of the moment after the event.
  using Actions = std::span<const OnlineAction>;

  // No policy: multicasts reach nobody and take no time, what is left is computing and waiting.
  OnlineMachine(const OnlineSettings& settings, std::unique_ptr<OnlinePolicy> policy);

  // Of all multicasts that are planned from now on. Those that run are planned with as if they were of this kind, too.
  void set_multicast(plan::MulticastKind kind) { settings_.multicast = kind; }
  // A new worker, or one that left; it computes from now on, with as many rounds as the slowest has.
  Actions join(WorkerIndex worker, const OnlineMember& member, Instant now);
  // Likewise, but as a guest: it receives and does nothing else until it enters, and nobody waits for it. The donors'
  // next multicasts are required to reach it.
  void invite(WorkerIndex worker, const OnlineMember& member, std::span<const WorkerIndex> donors,
              Instant now);
  // Requires a guest. It computes from now on, with as many rounds as the slowest has.
  void enter(WorkerIndex worker, Instant now);
  // Requires a present worker. Its deliveries, sent and received, are dropped.
  Actions leave(WorkerIndex worker, Instant now);
  // Requires a computing worker. It is planned for at once, unless it is held.
  Actions computed(WorkerIndex worker, const NetworkView& network, Instant now);
  // The first of those who are held no more. After each event, when its actions are carried out, plan() them all.
  std::optional<WorkerIndex> unplanned() const;
  // Requires a worker that unplanned() has named.
  Actions plan(WorkerIndex worker, const NetworkView& network, Instant now);
  // Deliveries that ended at this instant, ascending. Requires that each is running.
  Actions delivered(std::span<const plan::Pair> pairs, Instant now);
  // A delivery came to nothing. Requires that it is running.
  Actions failed(plan::Pair pair, Instant now);
  // From now on.
  void expect_computing(WorkerIndex worker, Duration time) { worker_of(worker).expected_computing = time; }

  std::span<const OnlineWorker> workers() const { return workers_; }  // by index, also those that left
  std::size_t present() const { return present_; }
  // For the rule of staleness.
  bool is_waiting(const OnlineWorker& worker) const {
    return worker.present && !worker.guest && !worker.computing && !worker.held &&
           (settings_.overlap || !worker.sending);
  }
  // The receivers that a multicast still runs to, ascending; empty if none is under way.
  std::span<const plan::SspCandidate> receivers(WorkerIndex sender) const {
    return multicasts_[position(sender)].candidates;
  }
  // Whom the running multicast has reached, or the last one if none runs.
  std::span<const WorkerId> delivered(WorkerIndex sender) const {
    return multicasts_[position(sender)].delivered;
  }
  std::uint64_t least_rounds() const { return least_rounds_; }
  const AgeTable& ages() const { return ages_; }

 private:
  struct Multicast {
    Bytes volume;
    std::vector<plan::SspCandidate> candidates;
    std::vector<WorkerId> delivered;
    maxmin::Claim claim;
    Rate limit;
  };
  struct Slowest {
    Duration rest;
    WorkerIndex worker;
  };

  void take_in(WorkerIndex worker, const OnlineMember& member, Instant now);
  OnlineWorker& worker_of(WorkerIndex worker) { return workers_[position(worker)]; }
  std::uint64_t rounds(const OnlineWorker& worker) const {
    return counts_computed_ ? worker.computed : worker.completed;
  }
  bool may_go_on(const OnlineWorker& worker) const { return worker.computed - least_rounds_ <= most_ahead_; }
  void go_on_if_it_may(WorkerIndex worker, Instant now);
  void act(OnlineAction::Kind kind, WorkerIndex worker) {
    actions_.push_back({.kind = kind, .worker = worker, .receiver = {}, .claim = {}});
  }

  void start(WorkerIndex ready, const NetworkView& network, Instant now);
  void plan_for(WorkerIndex ready, const NetworkView& network, Instant now);
  void collect_candidates(WorkerIndex ready, const NetworkView& network);
  bool is_required(plan::Pair pair, std::uint32_t age, const NetworkView& network) const;
  void look_at_links(const NetworkView& network);
  void collect_tasks(WorkerIndex ready, const NetworkView& network, Instant now);
  void add_task(WorkerIndex worker, Instant now);
  void expect_slowest(WorkerIndex ready, const NetworkView& network, Instant now);
  Duration expected_rest(WorkerIndex worker, WorkerIndex ready, const NetworkView& network,
                         Instant now) const;
  Duration wait_of(WorkerIndex worker, Instant now) const;
  void carry_out(const OnlineDecision& decision, WorkerIndex ready, const NetworkView& network, Instant now);
  void give_right_of_way(const OnlineDecision& decision, std::size_t task, WorkerIndex ready,
                         const NetworkView& network);
  void keep_chosen(const plan::SspTask& task, std::span<const plan::Verdict> verdicts, WorkerIndex ready);
  maxmin::Claim claim_by_sharing(WorkerIndex ready, const NetworkView& network);
  Duration time_of_loads(WorkerIndex ready, const NetworkView& network);

  void erase_receiver(plan::Pair pair);
  void complete_if_over(WorkerIndex worker, Instant now);
  void complete(WorkerIndex worker, Instant now);
  void count_round(std::uint64_t before, Instant now);
  void find_least(Instant now);
  void go_on(WorkerIndex worker, Instant now);

  OnlineSettings settings_;
  std::unique_ptr<OnlinePolicy> policy_;
  std::uint64_t most_ahead_;
  bool counts_computed_;  // not completed ones
  AgeTable ages_;
  std::vector<OnlineWorker> workers_;
  std::vector<Multicast> multicasts_;  // by sender
  std::size_t present_ = 0;
  int min_receivers_ = 0;
  std::uint64_t least_rounds_ = 0;
  std::size_t at_least_rounds_ = 0;  // workers that have no more
  std::uint64_t started_ = 0;
  std::vector<OnlineAction> actions_;
  // Of the planning under way.
  Slowest slowest_;  // of the workers with the least rounds
  Duration second_slowest_;
  std::vector<plan::SspTask> tasks_;
  std::vector<Bytes> loads_;
  bool links_down_ = false;  // now, or in the plan before
};

}  // namespace selmcast::sync
