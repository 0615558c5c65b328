// A live training without rounds in common (ssp, asp): OnlineMachine, and what is needed around it where deliveries can
// fail, links are only estimated and workers can hang.
//
//     Ready ──> plan: drops, new transfers, rates ──> Delivered: committed, rates ──> complete ──> go on ──> ...
//     with overlap: Ready ──> plan ──> go on ──> Ready of the next round: planned when the last is complete
//
// Who goes on when, whom the multicasts reach and what is dropped is OnlineMachine's and the policy's: the very code of
// the simulator. Here:
//   - a network by estimates (estimated_network.h): what the policy plans with and senders are paced at. After every
//     event all rates are brought up to date; a sender hears of a change that is material, more than 5 %;
//   - transfers, each settled exactly once; a late report of a settled one changes nothing;
//   - learning from deliveries (online_learning.h) and looking for more: a delivery over a link whose end is not known
//     is paced at 1.5 times its share, any other at 1.25 times from every fourth look on to the next, link by link: all
//     deliveries of a link grow together, as in bursts.h;
//   - promises, watched apart from those who keep them: the gaps between meetings, the lead of the fastest;
//   - bounds. A delivery: as long as delivery_patience.h has it for the time that its links need for all they carry
//   when
//     it starts (moved on when a new multicast adds to them, to four times of itself at most); then it is cancelled. A
//     computation: `compute_patience` from when it began to hold up
//     others, that is, since they wait for nobody but the slowest; then the worker is evicted. (asp: nobody waits.)
//
// Guests: workers that came while the training ran. The next multicasts of its donors must reach a guest (donors.h);
// when models of as many different senders as there should be donors have been committed to it, it has caught up and
// computes, with as many rounds as the slowest has. A multicast that ran when it came counts as a meeting excused. When
// kAttempts deliveries of each donor have failed, it makes do with what it has; a guest that has nothing is evicted.
// Outages: a pair whose deliveries fail one after the other is no candidate for a while, and its meetings are excused
// (outages.h); MulticastEnded says which.
//
// A worker's index in OnlineMachine is its id: ids are dense, and one is used again only for the same worker.
// Network multicast: the deliveries of a multicast have one rate, that of the slowest; none is paced above it, since
// what a group cannot take is lost. That one receiver alone is slow tells the estimator that it is not the uplink;
// whom to drop is the policy's. Not here: relay. Same settings and events, same actions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "selmcast/sync/bandwidth_estimator.h"
#include "selmcast/sync/delivery_patience.h"
#include "selmcast/sync/estimated_network.h"
#include "selmcast/sync/meetings.h"
#include "selmcast/sync/online_learning.h"
#include "selmcast/sync/online_machine.h"
#include "selmcast/sync/outages.h"
#include "selmcast/sync/round_machine.h"
#include "selmcast/sync/sharing.h"
#include "selmcast/sync/training_machine.h"

namespace selmcast::sync {

struct OnlineChoice {
  std::string policy = "auto";                 // of make_online_policy()
  std::optional<std::uint32_t> staleness = 4;  // nullopt: asp
  double keep_fraction = 0.75;
  Sharing sharing = Sharing::fair;  // where the policy has no view of its own on rates
  Width width = {};                 // of slack
  bool overlap = false;             // workers compute on while their multicast is delivered
};

class OnlineRounds final : public TrainingMachine {
 public:
  // `common`: all but its planner.
  OnlineRounds(const RoundSettings& common, const OnlineChoice& choice);

  // Requires the next id. It computes round 0 from now on.
  void join(WorkerId worker, const Member& member, Instant now) override;
  Actions catch_up(WorkerId worker, const Member& member, Instant now) override;
  Actions leave(WorkerId worker, const std::string& why, Instant now) override;
  Result<Actions> ready(WorkerId worker, Round round, Instant now) override;
  Result<Actions> delivered(WorkerId receiver, const Delivery& delivery, Instant now) override;
  Result<Actions> failed(WorkerId worker, const Failure& failure, Instant now) override;
  Result<Actions> slow(WorkerId sender, const SlowTransfer& slow, Instant now) override;
  Actions tick(Instant now) override;
  void set_multicast(plan::MulticastKind kind, std::vector<WorkerPair> unreached) override;
  void postpone(Duration away, Instant now) override;
  Instant deadline() const override;

  std::optional<Promises> promises() const override { return kept(); }
  std::size_t running() const { return running_.size(); }
  Held held() const override {
    return {running_.size() + transfer_of_.size() + network_.flows(),
            lives_.size() + guests_.size() + meetings_.size() + outages_.size()};
  }

 private:
  struct Running {
    Transfer transfer;
    bool required = false;
    double burst = 1;
    Instant issued, deadline;
    Instant latest;           // where the deadline may be moved to
    bool slow_alone = false;  // another receiver of the multicast got all that was sent
    PaceRecord paces;
  };
  struct Life {
    Member member;
    std::uint64_t computed = 0, completed = 0;  // counted here, to watch
    Instant computing_since, ready;
    Instant waiting_since;     // for the rule of staleness
    MulticastEnded multicast;  // under way
    bool timed = false;        // expected_computing was measured
    Duration expected_computing;
  };
  struct Guest {
    std::set<WorkerId> from;   // whose models it has
    std::size_t failures = 0;  // of deliveries to it
    std::string last_failure = {};
  };
  // What an event leads to: collected first, for the order in which it is told.
  struct Consequences {
    Actions first;  // commits and cancels
    PlanChanged plan;
    Actions then;  // ends of multicasts, who goes on
    std::vector<TransferId> fresh;
  };
  using Machine = OnlineMachine::Actions;

  static OnlineMember machine_member(const Life& life) {
    return {.volume = life.member.volume,
            .expected_computing = life.expected_computing,
            .first_multicast = life.member.volume / life.member.declared_downlink};
  }

  Promises kept() const;
  static WorkerIndex index(WorkerId worker) { return WorkerIndex(worker.value()); }
  static WorkerId id(WorkerIndex worker) { return WorkerId(worker.value()); }

  Result<std::optional<TransferId>> open(WorkerId worker, TransferId transfer) const;
  void fail(TransferId transfer, const std::string& why, Instant now, Consequences& c, bool late = false);
  void expect_computing(WorkerId worker, Duration took);

  void carry_out(Machine machine, const std::string& why, bool dropped, Instant now, Consequences& c);
  Life& take_in(WorkerId worker, const Member& member, Instant now);
  void enter_if_caught_up(Instant now, Consequences& c);
  void turn_away_in_vain(Instant now, Actions& actions);
  bool one_copy() const { return common_.multicast == plan::MulticastKind::network; }
  void set_bandwidth(WorkerId worker);
  Rate slowest_link() const;
  void look_at_outages(WorkerId sender, Instant now);
  void begin_multicast(WorkerId worker, Instant now);
  Consequences planned_for(WorkerId worker, Machine machine, Instant now);
  void start(const OnlineAction& action, Instant now, Consequences& c);
  void settle(TransferId transfer, Settled settled, Instant now);
  void multicast_over(WorkerId worker, bool complete, Instant now, Consequences& c);
  void go_on(WorkerId worker, Instant now, Consequences& c);
  Actions finish(Consequences c, Instant now);
  void append(Consequences c, Instant now, Actions& actions);
  void set_rates(Instant now, Consequences& c);
  Rate pace_of(const Running& running) const;
  int turns_of(const Transfer& transfer) const;
  double burst_of(const Transfer& transfer) const;
  void extend_deadlines(Instant now);
  void learn(Consequences& c);
  void observe_patience(const MulticastEnded& ended);
  std::uint64_t least_completed() const;
  struct Late {
    Instant due = Instant::never();
    std::vector<WorkerId> workers;
  };
  Late next_late() const;  // who holds others up, and until when they bear it

  RoundSettings common_;
  OnlineChoice choice_;
  OnlineMachine machine_;
  EstimatedNetwork network_;
  BandwidthEstimator estimator_;
  OnlineLearning learning_;
  DeliveryPatience patience_;
  Meetings meetings_;
  Outages outages_;
  Liars liars_;
  Promises promises_;  // leads only; gaps are meetings_'
  std::map<WorkerId, Life> lives_;
  std::map<WorkerId, Guest> guests_;
  std::map<TransferId, Running> running_;
  std::map<plan::Pair, TransferId> transfer_of_;
  Instant back_since_;  // no computation is late for what was before
  std::uint64_t plans_issued_ = 0;
  std::uint64_t transfers_issued_ = 0;
};

}  // namespace selmcast::sync
