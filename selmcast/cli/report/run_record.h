// A run folder (docs/run_folder.md) as values: the scenario, and what each run left behind.
//
// Reading is strict about what stands in a line and tolerant about where a run stopped: a last line without
// its newline that does not parse is what a killed process leaves and is dropped (`cut_short`); a missing
// journal, evaluation or worker file is a run that ended early and reads as empty. Everything else that is
// wrong is an error naming file, line and key. Keys that are not known are ignored.
//
// Invariants of a record that was read: every worker index is below scenario.workers.size(); rounds ascend strictly
// within a file; times are finite and not negative; rates are positive (of deliveries 0 or more); run names are safe
// file names and unique. Thread rule: plain values.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/plan.h"

namespace selmcast::report {

struct WorkerLinks {
  std::string name;
  Rate uplink;  // true: what the link is limited to
  Rate downlink;
  Rate declared_uplink;  // what the manager was told at first
  Rate declared_downlink;
  double slow_factor = 1;  // of its computing
};

struct RunPlan {
  std::string name;  // also the folder's name
  std::string planner;
  bool paced = true;
  std::uint64_t seed = 0;
  std::string sync = "bsp";  // of cli::kSyncModes
};

struct Scenario {
  std::uint64_t seed = 0;
  std::uint64_t rounds = 0;
  std::uint64_t min_receivers = 0;
  std::uint64_t max_age = 0;
  bool ages_from_zero = false;
  std::uint64_t staleness = 4;  // of ssp runs
  double keep_fraction = 0.75;
  std::string mixing = "average";
  std::string payload = "float32";
  std::string model;
  Bytes model_bytes;                                             // of one delivery, as the payload makes them
  plan::MulticastKind multicast = plan::MulticastKind::unicast;  // where it is chosen: until then
  bool chooses_multicast = false;                                // by probing: see RunRecord::chosen
  double target_accuracy = 0;                                    // 0 .. 1
  std::vector<WorkerLinks> workers;
  std::vector<RunPlan> runs;
};

struct Delivery {
  WorkerIndex sender;
  WorkerIndex receiver;
  plan::Reason reason = plan::Reason::basic;
  Bytes bytes;
  Rate allocated;             // by the plan; 0: it stands still, others have the right of way
  std::optional<Rate> paced;  // what it was sent at; nothing: TCP left alone
  bool committed = false;
  bool dropped = false;  // cut off by a later plan; neither committed nor failed
  std::string why_cancelled;
  std::optional<Duration> finished;  // after the receiver got the plan; committed deliveries only
  std::optional<Instant> settled;    // without rounds in common
  std::optional<WorkerIndex> via = std::nullopt;  // relay: the receiver that sent it on
  bool own_copy = false;  // network: beside the multicast, which does not reach the receiver

  WorkerIndex uplink() const { return via.value_or(sender); }  // whose link carried it
};

// What a sender's deliveries put on its uplink, in bytes or rates: by `network` one copy of all but those with their
// own.
template <class Amount>
struct Sent {
  Amount shared = {}, own = {};

  void add(plan::MulticastKind kind, const Delivery& delivery, Amount amount) {
    if (kind == plan::MulticastKind::network && !delivery.own_copy)
      shared = std::max(shared, amount);
    else
      own += amount;
  }
  Amount total() const { return shared + own; }
};

struct Estimate {
  WorkerIndex worker;
  Rate uplink;
  Rate downlink;
};

struct RoundRecord {
  Round round;
  Instant ended;
  Duration sync;       // plan sent -> round ended
  Duration delivery;   // plan sent -> last committed delivery
  Duration predicted;  // by the model, from the estimates the plan was made with
  Duration bound;      // no plan is faster, by the same estimates
  double receivers_mean = 0;
  std::uint64_t widest_meeting_gap = 0;  // rounds
  std::vector<Delivery> deliveries;
  std::vector<Estimate> estimates;                    // after the round
  std::optional<plan::MulticastKind> multicast = {};  // if one was chosen; else the scenario's
};

// What probes of the network led to, of the plans that come after it.
struct ChosenMulticast {
  Instant at;
  plan::MulticastKind kind = plan::MulticastKind::unicast;
  std::string why;
  std::vector<std::string> groups = {};  // where it is not the same for all pairs
};

// Without rounds in common (ssp, asp): a worker's multicast that is over.
struct MulticastRecord {
  WorkerIndex worker;
  Round round;  // of the worker
  bool complete = true;
  Instant issued;      // its plan
  Duration sending;    // plan -> complete
  Duration predicted;  // when it was planned
  std::vector<Delivery> deliveries;
  std::uint64_t widest_meeting_gap = 0;  // so far, multicasts of a sender
  std::uint64_t widest_lead = 0;         // so far, rounds above the least of all with which one was started
  Instant ended() const { return issued + sending; }
};

struct Learnt {
  Instant at;
  std::vector<Estimate> estimates;
};

// On a testbed: from then on a worker's links carry this (links.jsonl). Competing traffic is taken off.
struct TrueLinks {
  Instant from;
  WorkerIndex worker;
  Rate uplink;
  Rate downlink;
};

struct Departure {
  Instant at;
  std::string worker;
  std::string reason;
  bool goodbye = false;  // it left by itself
};

struct Evaluation {
  Round round;
  Instant at;  // the slowest worker had finished the round
  double accuracy = 0;
  std::optional<double> consensus_distance;
  std::vector<double> worker_accuracy;  // last round only
};

// One round as a worker saw it.
struct WorkerRound {
  Round round;
  Instant ended;
  std::optional<double> loss;  // nothing: not a number
  Duration compute;
  Duration blocked;  // in synchronize()
};

struct RunRecord {
  RunPlan plan;
  std::vector<RoundRecord> rounds;          // bsp
  std::vector<MulticastRecord> multicasts;  // ssp and asp, by end
  std::vector<Learnt> learnt;               // ssp and asp, by time
  std::vector<Departure> departures;
  std::vector<TrueLinks> true_links;  // by time; none where links did not change
  std::vector<Evaluation> evaluations;
  std::vector<std::vector<WorkerRound>> workers;              // by worker index
  std::vector<std::string> cut_short;                         // files whose last line was dropped
  std::vector<ChosenMulticast> chosen;                        // by time; empty where it is pinned
  std::optional<plan::MulticastKind> planned_multicast = {};  // of the last plan read, if one was chosen
};

struct RunFolder {
  Scenario scenario;
  std::vector<RunRecord> runs;
};

// O(bytes of the folder); memory for the rounds, never for other journal lines.
Result<RunFolder> read_run_folder(const std::filesystem::path& folder);

// The bandwidths that the plan of `run.rounds[at]` was made with, by worker: what was declared, overlaid with
// what the rounds before had learnt.
std::vector<Estimate> estimates_before(const Scenario& scenario, const RunRecord& run, std::size_t at);
// What the worker's links carry at that time.
struct TrueRates {
  Rate uplink;
  Rate downlink;
};
TrueRates true_rates(const Scenario& scenario, const RunRecord& run, WorkerIndex worker, Instant at);
// The last ones.
std::vector<Estimate> final_estimates(const Scenario& scenario, const RunRecord& run);
// Whether the journal tells of anything that was sent.
inline bool was_planned(const RunRecord& run) { return !run.rounds.empty() || !run.multicasts.empty(); }

}  // namespace selmcast::report
