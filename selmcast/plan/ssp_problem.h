// The planning problem of one worker that becomes ready while others are still sending (SSP), as a value.
//
// Model: that of problem.h, met in the middle of things. Worker `ready` (paper: kappa) wants to start a
// multicast to anybody; the multicasts in `active` are running. Together they are the set G that is planned.
// A plan decides for every multicast of G which receivers it goes on with; whoever is left out of a running
// one is dropped, its transfer cut off at once.
//
// Notation (paper section III-C -> here):
//   v_ij     remaining   bytes that i has still to deliver to j; the full volume for the ready worker
//   tau_i    wait        0 if i could go on at once; else the estimated time until the slowest worker
//                        completes its round, before which i may not go on anyway
//   eta      keep_fraction: a running transfer with remaining < keep_fraction * volume is kept
//   x_ij     candidates: all other workers for the ready one; for a running multicast only the receivers it
//            still runs to. A receiver once dropped is not taken back in that round.
//   D        base.required: pairs of senders outside G play no part yet
//
// A plan is valid if every multicast of G gets only candidates, all its required ones that are not delivered
// yet, and with those delivered at least min_receivers; a running multicast that has fewer than that left
// (receivers crash) keeps all of them.
//
// Invariants (first_fault()): base is valid (problem.h); the workers named are there; ready_wait and waits are
// finite and not negative; 0 <= keep_fraction <= 1; one multicast a sender, and the ready worker's is not
// running; of one multicast, delivered and running receivers are different workers other than the sender;
// 0 <= remaining <= volume; a required pair of a running multicast is delivered or running.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/problem.h"

namespace selmcast::plan {

struct RunningReceiver {
  WorkerIndex receiver;
  Bytes remaining;
};

struct RunningMulticast {
  WorkerIndex sender;
  Duration wait;
  std::vector<WorkerIndex> delivered;  // these count towards min_receivers
  std::vector<RunningReceiver> receivers;
};

struct SspProblem {
  Problem base;
  WorkerIndex ready;
  Duration ready_wait;
  double keep_fraction = 0.75;
  std::vector<RunningMulticast> active;  // in any order

  std::size_t size() const { return base.size(); }
};

// The first thing in which the SSP part of a problem is not valid.
struct SspFault {
  enum class Part {
    ready,
    ready_wait,
    keep_fraction,
    sender,     // of active[index]
    wait,       // of active[index]
    delivered,  // active[index].delivered[element]
    receiver,   // active[index].receivers[element]
    remaining,  // active[index].receivers[element]
    required,   // base.required[index]
  };
  Part part = Part::ready;
  std::size_t index = 0;
  std::size_t element = 0;
  std::string message;
};
// Requires a valid base. O(workers + pairs).
std::optional<SspFault> first_ssp_fault(const SspProblem& problem);

// Base and SSP part: error (invalid_input) naming the worker or pair and the remedy.
Result<void> validate(const SspProblem& problem);

}  // namespace selmcast::plan
