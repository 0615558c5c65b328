// Policies of trainings without rounds in common (SSP, ASP): whom a ready worker sends to, whom the running
// multicasts go on with, and who has the right of way on the links. The same code under the simulator and the live
// manager.
//
// A policy sees the training at the instant at which a worker becomes ready (OnlineView) and answers with a verdict for
// every candidate: taken, or not (a running delivery is cut off then). Where it has a view on rates, it answers with a
// claim for every multicast too, and a limit to what it may send; else the machine's `sharing` decides (sharing.h).
//
//   slack      ours: receivers by a forecast of the links, right of way by lead (slack_policy.h)
//   paper      Algorithm 2 (plan/ssp_paper_planner.h)
//   random     Orpheus: required receivers, then random ones; nothing that runs is touched (plan/ssp_baselines.h)
//   broadcast  everybody
//   auto       the best one: slack
//
// A policy may keep state between calls; the same calls give the same answers. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "selmcast/base/error.h"
#include "selmcast/base/rng.h"
#include "selmcast/maxmin/solver.h"
#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::sync {

// Of `slack`: from 0, compute the most, to 1, reach the most.
class Width {
 public:
  Width() = default;
  // Error (invalid_input) for anything but a number from 0 to 1.
  static Result<Width> from(double value) {
    if (value >= 0 && value <= 1) return Width(value);
    return failure(ErrorCode::invalid_input, "width: give 0 (compute the most) to 1 (reach the most)");
  }
  double value() const { return value_; }
  bool operator==(const Width&) const = default;

 private:
  explicit Width(double value) : value_(value) {}
  double value_ = 0.5;
};

// A worker's place in the training.
struct OnlineWorker {
  bool present = false;
  bool computing = false;
  bool sending = false;
  bool guest = false;           // it came, and only receives: no rule of staleness counts it
  bool held = false;            // it has computed, and its last multicast still runs (overlap)
  Instant since;                // it computes, waits or is held; without overlap, or sends
  Instant sending_since = {};   // of its running multicast, or the last one
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
  std::optional<std::uint32_t> max_age;   // a pair so old is required; nullopt: none ever is
};

struct OnlineDecision {
  std::span<const plan::Verdict> verdicts;  // one a candidate, in the order of tasks and candidates
  std::span<const maxmin::Claim> claims;    // one a task, or empty: as `sharing` has it
  // One a task, or empty: none. The most that its sender puts on its uplink for it.
  std::span<const Rate> limits;
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
std::unique_ptr<OnlinePolicy> make_online_policy(std::string_view name, Rng rng, Width width = {});
// All names, the best first, `auto` not among them.
std::span<const std::string_view> online_policy_names();

}  // namespace selmcast::sync
