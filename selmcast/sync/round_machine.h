// BSP rounds as a pure state machine: who is in, who is ready, what the plan is, what was delivered.
//
//     join* ──> gathering ── all ready ──> delivering ── every transfer settled ──> gathering (round + 1) ...
//
// A round in words (paper section II-A): every member reports `ready`; the machine plans all multicasts together from
// its present estimates of bandwidth, checks the plan with the independent checker, gives every delivery a rate
// (rate_allocator.h) and issues it; each transfer is settled once, `committed` (the receiver reported it complete and
// verified) or `cancelled` (failed, a side left, or out of time); then the round ends, ages move on and the deliveries
// teach the estimator.
//
// Invariants:
//   - between rounds no transfer is open; a transfer is settled exactly once;
//   - relay: what a receiver cannot send on any more its sender delivers itself, once, without starting over; if that
//     fails too, or the sender or receiver is gone, the transfer is cancelled;
//   - only committed transfers reset ages, only members are planned;
//   - the plan issued is the plan computed: RoundPlanned lists every transfer of it and nothing else;
//   - the same settings, events and times give the same actions (ties on ids; planner rng = seed x round).
// Guests: workers that came while the training ran. They are let in when a round begins, count as ready, receive (their
// donors' deliveries are required, donors.h) and send nothing; with the first round in which something was committed to
// a guest it has caught up and is a member like all from the next round on. Pairs with a guest as receiver age from the
// round in which it was let in, pairs with it as sender from the one after. A guest to which nothing came in kAttempts
// rounds that tried is evicted (donors.h).
// Network multicasts whose receivers do not get all that is sent (`slow`): what that teaches is used for the next plan;
// and a delivery that would make the round kLateShare longer than planned, while nobody needs it, is dropped at once,
// so that the receiver's link is left to the others.
// Outages: a pair whose deliveries fail one after the other is left out of the plans for a while (outages.h);
// RoundPlanned and RoundEnded say which.
//
// Soundings (soundings.h) go beside a plan. They are settled like transfers, but nothing waits for them: those that are
// open when the round ends are cancelled then.
//
// Bounds: a round waits at most compute_patience after its first `ready` for the others (then they are evicted), and
// a plan as long for its deliveries as delivery_patience.h allows (then they are cancelled).
// No clock, no I/O: callers hand in `now` and carry out the actions in order. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/plan/planner.h"
#include "selmcast/sync/age_table.h"
#include "selmcast/sync/bandwidth_estimator.h"
#include "selmcast/sync/delivery_patience.h"
#include "selmcast/sync/meetings.h"
#include "selmcast/sync/min_receivers.h"
#include "selmcast/sync/outages.h"
#include "selmcast/sync/soundings.h"
#include "selmcast/sync/training_machine.h"

namespace selmcast::sync {

struct RoundSettings {
  const plan::Planner* planner = nullptr;                        // required
  plan::MulticastKind multicast = plan::MulticastKind::unicast;  // of any kind
  MinReceivers min_receivers = MinReceivers::count(1);
  std::uint32_t max_age = 7;
  AgeStart age_start = AgeStart::staggered;
  std::uint64_t seed = 1;
  bool paced = true;      // false: senders are told to let TCP alone; rates still predict
  bool bursts = true;     // pace some deliveries above their share to look for more bandwidth
  bool soundings = true;  // probe links that no delivery crosses (soundings.h), where bursts are allowed
  bool pulses = true;     // rather for a part of each round, where that is unicast and long enough (pulses.h)
  Duration compute_patience = Duration::seconds(600);
  // Until enough was measured (delivery_patience.h): at least so long, and so many times the predicted time.
  Duration delivery_patience_min = Duration::seconds(10);
  double delivery_patience_factor = 5;
};

class RoundMachine final : public TrainingMachine {
 public:
  explicit RoundMachine(RoundSettings settings);

  // Only while gathering. The member takes part from the current round on.
  void join(WorkerId worker, const Member& member, Instant now) override;
  Actions catch_up(WorkerId worker, const Member& member, Instant now) override;
  Actions leave(WorkerId worker, const std::string& why, Instant now) override;
  // Error (protocol) if it is not the round that the worker is in, or said twice.
  Result<Actions> ready(WorkerId worker, Round round, Instant now) override;
  Result<Actions> delivered(WorkerId receiver, const Delivery& delivery, Instant now) override;
  Result<Actions> failed(WorkerId worker, const Failure& failure, Instant now) override;
  Result<Actions> slow(WorkerId sender, const SlowTransfer& slow, Instant now) override;
  Actions tick(Instant now) override;
  void set_multicast(plan::MulticastKind kind, std::vector<WorkerPair> unreached) override {
    next_multicast_ = kind;
    unreached_ = std::move(unreached);
  }
  std::optional<Outlook> outlook(Instant now) const override;
  void postpone(Duration away, Instant now) override;
  Instant deadline() const override;

  Round round() const { return round_; }
  bool gathering() const { return !in_flight_.has_value(); }
  std::size_t members() const { return members_.size(); }
  Held held() const override {
    return {in_flight_ ? in_flight_->open : 0, members_.size() + ready_.size() + guests_.size() +
                                                   comers_.size() + meetings_.size() + outages_.size() +
                                                   crossings_.size()};
  }

 private:
  struct InFlight {
    std::uint64_t number = 0;
    Instant issued, deadline, last_commit;
    Duration predicted, bound;
    std::vector<Settled> transfers;  // ids are consecutive from first_id
    TransferId first_id;
    std::size_t open = 0;
    std::vector<bool> settled;
    std::vector<Settled> soundings;  // their ids follow those of `transfers`
    std::vector<bool> sounded;       // settled
    std::vector<Resting> resting;
    std::map<WorkerId, Instant> relieved;  // network: when a delivery to it was last dropped
    std::map<WorkerId, int> queues;  // network: receivers with fewer buffers than senders, and their turns
  };

  plan::Problem make_problem(Instant now) const;
  std::vector<WorkerPair> required_pairs(Instant now) const;
  Rate slowest_link() const;
  std::vector<plan::Pair> out_of_plans(const std::vector<WorkerId>& ids, Instant now) const;
  void let_in(WorkerId worker, const Member& member);
  void greet_comers(const RoundEnded& ended, Instant now, Actions& actions);
  void turn_away_in_vain(WorkerId guest, const RoundEnded& ended, Instant now, Actions& actions);
  // By how much deliveries to each receiver must be faster because they come in turns.
  std::map<WorkerId, double> turns(const plan::Plan& plan, const std::vector<WorkerId>& ids) const;
  void plan_if_all_ready(Instant now, Actions& actions);
  void issue(const plan::Problem& problem, const plan::Plan& plan, Instant now, Actions& actions);
  // Beside the plan that has just been made.
  std::vector<Transfer> sound(const plan::Problem& problem, const std::vector<PairRate>& rates,
                              const std::vector<WorkerId>& ids, Instant now);
  void note_crossings(const std::vector<Transfer>& transfers);
  std::optional<std::size_t> find_sounding(TransferId transfer) const;  // open
  Result<Actions> sounding_delivered(std::size_t index, WorkerId receiver, const Delivery& delivery,
                                     Instant now);
  void cancel_soundings(std::optional<WorkerId> of, const std::string& why, Actions& actions);
  Result<Actions> sounding_failed(std::size_t index, WorkerId worker, const std::string& why);
  void fill_in_times(Settled& settled, const Delivery& delivery, Instant now);
  std::optional<std::size_t> find_open(TransferId transfer) const;
  void commit(std::size_t index, const Delivery& delivery, Instant now, Actions& actions);
  void cancel(std::size_t index, const std::string& why, Actions& actions);
  bool is_stale(WorkerId worker, const Failure& failure, const Transfer& transfer) const;
  void note_outage(const Transfer& transfer, Instant now);
  bool is_spare(std::size_t index) const;
  void drop(std::size_t index, Instant now, const std::string& why, Actions& actions);
  void reroute(std::size_t index, const std::string& why, Actions& actions);
  void reroute_what_goes_via(WorkerId via, std::optional<WorkerId> sender, const std::string& why,
                             Actions& actions);
  bool kept_pace(TransferId transfer, const std::vector<Settled>& transfers) const;
  void end_round_if_settled(Instant now, Actions& actions);
  void learn(const InFlight& flight);
  std::map<WorkerId, int> queues(const plan::Plan& plan, const std::vector<WorkerId>& ids) const;
  void observe_patience(const InFlight& flight);

  RoundSettings settings_;              // its kind of multicast is that of the plan under way
  plan::MulticastKind next_multicast_;  // of the plan to come
  std::vector<WorkerPair> unreached_;   // likewise
  Rng rng_;
  std::map<WorkerId, Member> members_;
  std::map<WorkerId, bool> ready_;
  std::map<WorkerId, std::uint32_t> guests_;  // of the members, with their attempts in vain
  std::map<WorkerId, Member> comers_;         // to be let in when the next round begins
  AgeTable ages_;
  Meetings meetings_;
  Outages outages_;
  Crossings crossings_;
  Liars liars_;
  BandwidthEstimator estimator_;
  DeliveryPatience patience_;
  Round round_;
  std::uint64_t plans_issued_ = 0;
  std::uint64_t transfers_issued_ = 0;
  Instant gathering_deadline_ = Instant::never();
  std::optional<InFlight> in_flight_;
};

}  // namespace selmcast::sync
