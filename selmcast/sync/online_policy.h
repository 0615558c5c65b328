// Policies of trainings without rounds in common (SSP, ASP): whom a ready worker sends to, whom the running
// multicasts go on with, and who has the right of way on the links. The same code under the simulator and the live
// manager.
//
// A policy sees the training at the instant at which a worker becomes ready (OnlineView) and answers with a verdict for
// every candidate: taken, or not (a running delivery is cut off then). Where it has a view on rates, it answers with a
// claim for every multicast too; else the machine's `sharing` decides (sharing.h).
//
//   paper      Algorithm 2 (plan/ssp_paper_planner.h)
//   random     Orpheus: required receivers, then random ones; nothing that runs is touched (plan/ssp_baselines.h)
//   broadcast  everybody
//   auto       the best one: paper
//
// A policy may keep state between calls; the same calls give the same answers. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "selmcast/base/rng.h"
#include "selmcast/maxmin/solver.h"
#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::sync {

// A worker's place in the training.
struct OnlineWorker {
  bool present = false;
  bool computing = false;
  bool sending = false;
  Instant since;                // of what it does: computing, else sending, else waiting
  std::uint64_t computed = 0;   // rounds whose computation is over
  std::uint64_t completed = 0;  // rounds whose multicast is complete
  Duration expected_computing;  // of a round
  Duration last_multicast;      // how long its last one took, or an expectation
};

struct OnlineView {
  Instant now;
  WorkerIndex ready;
  plan::SspTasks
      tasks;  // the ready worker's, and if the policy plans them those that run; ascending by sender
  std::span<const OnlineWorker> workers;  // by index; the ready one is `sending`, but has no flow yet
  std::uint64_t least_rounds = 0;         // of all present, as the rule of staleness counts
  std::uint64_t most_ahead = 0;           // how far ahead of that a worker may start a round
};

struct OnlineDecision {
  std::span<const plan::Verdict> verdicts;  // one a candidate, in the order of tasks and candidates
  std::span<const maxmin::Claim> claims;    // one a task, or empty: as `sharing` has it
};

class OnlinePolicy {
 public:
  virtual ~OnlinePolicy() = default;
  // Whether it plans running multicasts too. If not, the view has one task, the ready worker's.
  virtual bool plans_running() const = 0;
  // Valid until the next call. Takes all required candidates, and min_receivers where there are so many whose links
  // are up.
  virtual OnlineDecision decide(const OnlineView& view) = 0;
};

// nullptr if there is none of that name.
std::unique_ptr<OnlinePolicy> make_online_policy(std::string_view name, Rng rng);
// All names, the best first, `auto` not among them.
std::span<const std::string_view> online_policy_names();

}  // namespace selmcast::sync
