// What the manager of a live training drives: who goes on when, what is sent to whom and how fast, what counts.
//
// Two machines, one seam: RoundMachine (bsp: all in step, round_machine.h) and OnlineRounds (ssp, asp: everybody in a
// round of its own, online_rounds.h). Members say `ready`; the machine plans, gives every delivery a rate, and settles
// each transfer exactly once: `committed` (the receiver reported it complete and verified) or `cancelled` (failed, a
// side left, out of time, or dropped by a later plan). What the actions are for stands beside them.
//
// No clock, no I/O: callers hand in `now` and carry out the actions in order. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/pace.h"
#include "selmcast/base/progress.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/plan.h"
#include "selmcast/sync/age_table.h"
#include "selmcast/sync/liars.h"
#include "selmcast/sync/outages.h"

namespace selmcast::sync {

struct Member {
  std::string name;
  Rate declared_uplink;
  Rate declared_downlink;
  Bytes volume;
  std::uint32_t receive_buffers = 8;  // deliveries it takes at the same time; more of them come in turns
};

struct Transfer {
  TransferId id;
  WorkerId sender;
  WorkerId receiver;
  Bytes bytes;
  Rate allocated;  // its share by the allocator: the prediction rests on it
  Rate paced;      // what the sender is told; above `allocated` in a burst or where deliveries take turns,
                   // unlimited if not paced
  plan::Reason reason = plan::Reason::basic;
  // relay: the receiver that sends it on, and the transfer by which that gets it. Nothing: the sender itself sends.
  std::optional<WorkerId> via = {};
  std::optional<TransferId> source = {};
  bool own_copy =
      false;  // network: the receiver does not hear the sender's group, and gets a stream beside it
  PaceSteps steps =
      {};  // pulses (pulses.h): what the sender is told in place of `paced`, which is their mean
};

// How a transfer ended.
struct Settled {
  Transfer transfer;  // online: with its last rate
  bool committed = false;
  std::string why;             // of a cancelled one
  Duration started, finished;  // of a committed one: offsets from the receiver's receipt of the plan
  Progress progress = {};      // likewise
  double ack_load = 0;         // likewise
  bool dropped = false;        // cancelled by a later plan, not by a fault
  bool late = false;           // cancelled since its time was over; `finished`: its time
  // Network: what its sender last saw it get, less than was sent. What was dropped carried that
  // from `started` to `finished`, when it was.
  std::optional<Rate> slow = {};
  bool slow_alone = false;  // while another receiver got all
  Instant at = {};          // online: when it was settled
};

struct Estimate {
  WorkerId worker;
  Rate uplink;
  Rate downlink;
};

// ---- actions of both, to be carried out in order -----------------------------------------------------------

struct TransferCommitted {
  Transfer transfer;
};
struct TransferCancelled {
  Transfer transfer;
  std::string why;
};
// relay: who sent it on cannot any more; the sender itself delivers the rest.
struct TransferRerouted {
  Transfer transfer;  // its new way
  WorkerId before;    // who sent it
  std::string why;
};
// Too slow: the caller ends its session. It is out of the training already.
struct Evicted {
  WorkerId worker;
  std::string why;
};

// A worker that came has current parameters: it computes this round now, and takes part in full.
struct CaughtUp {
  WorkerId worker;
  Round round;
  std::vector<WorkerId> from;  // ascending
  std::size_t members = 0;     // in the training
};

// ---- of RoundMachine ---------------------------------------------------------------------------------------

struct RoundPlanned {
  std::uint64_t number = 0;  // of the plan, from 1
  Round round;
  std::vector<Transfer> transfers;     // by sender, then receiver
  Duration predicted;                  // the plan's completion time under the estimates
  Duration bound;                      // no plan could be faster under the estimates
  std::vector<WorkerId> members = {};  // ascending
  std::vector<Resting> resting = {};   // pairs left out, ascending
  plan::MulticastKind multicast = plan::MulticastKind::unicast;
  std::vector<Transfer> soundings = {};  // soundings.h: beside the plan, with less than a model's bytes
};
struct RoundEnded {
  std::uint64_t number = 0;
  Round round;
  Instant issued;
  Instant last_commit;  // = issued if nothing was committed
  Duration predicted;
  Duration bound;
  std::vector<Settled> transfers;
  std::vector<WorkerId> members;    // with guests
  std::vector<Estimate> estimates;  // after learning from this round
  std::uint32_t oldest_age = 0;
  std::uint64_t widest_gap = 0;
  std::vector<WorkerId> guests = {};    // of the members: caught up, so they only received
  std::vector<Resting> resting = {};    // pairs that the plan left out
  std::vector<Settled> soundings = {};  // `committed`: measured; else cancelled, with the reason
};

// ---- of OnlineRounds ---------------------------------------------------------------------------------------

// The plan has changed: on top of all changes before it. What it drops was cancelled just before.
struct PlanChanged {
  struct NewRate {
    Transfer transfer;  // with its rates from now on
  };
  std::uint64_t number = 0;        // from 1
  std::vector<Transfer> started;   // one worker's multicast, by receiver; empty: rates only
  Round round;                     // of the sender, if anything is started
  Duration predicted;              // until the last of `started`, by the present rates
  std::vector<NewRate> new_rates;  // of running transfers, by id
  plan::MulticastKind multicast = plan::MulticastKind::unicast;  // of `started`
};
// Watched apart from the policies that keep them: how the promises of a training have been kept so far.
struct Promises {
  std::uint64_t widest_gap = 0;    // multicasts of a sender from one meeting of a pair to the next
  std::uint64_t gaps_broken = 0;   // how often a gap went beyond max_age + 1, failed deliveries excused
  std::uint64_t widest_lead = 0;   // rounds computed by a worker that starts one, above the least completed
  std::uint64_t leads_broken = 0;  // how often it went beyond the staleness
  bool operator==(const Promises&) const = default;
};
// A worker's multicast is over: complete, or the worker has left.
struct MulticastEnded {
  WorkerId worker;
  Round round;
  bool complete = true;
  Instant computing_since;         // the worker computed from here
  Instant ready;                   // ... to here
  Instant planned;                 // ready, or with overlap when it was held no more
  Duration predicted;              // at that moment
  std::vector<Settled> transfers;  // by receiver
  std::uint32_t oldest_age = 0;
  Promises promises = {};
  std::vector<Resting> resting = {};  // pairs of it that the plan left out
};
// The worker may compute its next round. Without overlap its multicast has ended before.
struct WentOn {
  WorkerId worker;
  Round done;               // the round that it has computed
  Duration waited;          // for the rule of staleness
  std::uint64_t lead = 0;   // its computed rounds above the least completed of all
  std::size_t members = 0;  // in the training
};
// The estimates after learning from deliveries.
struct Learnt {
  std::vector<Estimate> estimates;
};

// Doubted (liars.h): a worker that says of itself what cannot be.
using Action = std::variant<TransferCommitted, TransferCancelled, TransferRerouted, Evicted, RoundPlanned,
                            RoundEnded, PlanChanged, MulticastEnded, WentOn, Learnt, CaughtUp, Doubted>;
using Actions = std::vector<Action>;

struct Outlook {
  plan::Problem problem;
  std::vector<WorkerId> ids;  // of its workers, ascending
};

class TrainingMachine {
 public:
  virtual ~TrainingMachine() = default;

  virtual void join(WorkerId worker, const Member& member, Instant now) = 0;
  // A new worker, or one that left, comes while the training runs: a guest, which only receives (donors.h), from the
  // next round on that begins; once CaughtUp is said it is a member like all. At most one of both for a worker at a
  // time.
  virtual Actions catch_up(WorkerId worker, const Member& member, Instant now) = 0;
  // At any time, guests too; of others nothing happens. Its open transfers are cancelled, the others go on.
  virtual Actions leave(WorkerId worker, const std::string& why, Instant now) = 0;
  // Error (protocol) if it is not the round that the worker computes.
  virtual Result<Actions> ready(WorkerId worker, Round round, Instant now) = 0;

  struct Delivery {
    TransferId transfer;
    Bytes bytes;
    Duration started, finished;  // offsets from the receiver's receipt of the plan
    Progress progress = {};
    double ack_load = 0;  // base/progress.h
  };
  // Said by `receiver`. A transfer already settled is no error (a late report) and changes nothing. Error (protocol)
  // if the transfer was never this receiver's, or the bytes differ from the plan's.
  virtual Result<Actions> delivered(WorkerId receiver, const Delivery& delivery, Instant now) = 0;
  struct Failure {
    TransferId transfer;
    std::string why;
    std::optional<WorkerId> peer = {};  // at the other end of the link that was lost
  };
  // Said by either side, or by who sends it on.
  virtual Result<Actions> failed(WorkerId worker, const Failure& failure, Instant now) = 0;
  struct SlowTransfer {
    TransferId transfer;
    Rate goodput;
    bool alone = false;  // another receiver of the multicast got all
  };
  // Said by the sender of a network multicast: this receiver does not get all that is sent. Of transfers that are
  // settled: too late, no error.
  virtual Result<Actions> slow(WorkerId /*sender*/, const SlowTransfer& /*slow*/, Instant /*now*/) {
    return Actions{};
  }
  virtual Actions tick(Instant now) = 0;
  // Of all that is planned from now on. What is under way stays as it is. `unreached`: of a bsp training by `network`,
  // the pairs that have a copy of their own (plan/reach.h); workers that are not there are of no account.
  virtual void set_multicast(plan::MulticastKind kind, std::vector<WorkerPair> unreached) = 0;
  // What the next round has to do at least, by the present estimates, whatever the kind of multicast: only the pairs
  // that must meet in it are not known yet. Nothing: there are no rounds in common, or nobody is there.
  virtual std::optional<Outlook> outlook(Instant /*now*/) const { return std::nullopt; }
  // Nobody was there to hear for so long, until now: all deadlines are that much later.
  virtual void postpone(Duration away, Instant now) = 0;
  virtual Instant deadline() const = 0;  // when tick() has something to do; never() if nothing is pending
  // What a leak would be seen in: transfers that are not settled, and entries for workers and pairs.
  struct Held {
    std::size_t transfers = 0;
    std::size_t entries = 0;
  };
  virtual Held held() const = 0;
  // So far, if this machine watches them.
  virtual std::optional<Promises> promises() const { return std::nullopt; }
};

}  // namespace selmcast::sync
