// What the planners of SSP problems work on: dense, without names, built once and kept.
//
// A task is one multicast of G (ssp_problem.h) with its candidates. A simulator or manager keeps the list of
// candidates of each multicast for as long as it runs: age and `required` of a pair do not change meanwhile,
// only `remaining` does, and receivers leave as they are delivered to or dropped. Then planning allocates and
// looks up nothing. SspTaskTable builds the same from an SspProblem.
//
// Invariants: tasks ascending by sender, candidates of a task ascending by receiver and never the sender; no
// link carries more than kMaxLoad; the links of required candidates are up. A pair with a link that is down
// (rate 0) is never selected.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/plan/plan.h"
#include "selmcast/plan/ssp_plan.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::plan {

struct SspCandidate {
  WorkerIndex receiver;
  std::uint32_t age = 0;
  Bytes remaining;
  bool required = false;
  Reason reason = Reason::basic;  // of a running one: why it was taken
};

struct SspTask {
  WorkerIndex sender;
  Duration wait;
  Bytes volume;
  int needed = 0;  // min_receivers less those delivered; 0 or less: none
  std::span<const SspCandidate> candidates;
};

struct SspTasks {
  MulticastKind multicast = MulticastKind::unicast;
  double keep_fraction = 0;
  std::span<const Rate> uplink;  // by worker
  std::span<const Rate> downlink;
  std::span<const SspTask> tasks;

  bool is_up(const SspTask& task, const SspCandidate& candidate) const {
    return uplink[position(task.sender)].bps() > 0 && downlink[position(candidate.receiver)].bps() > 0;
  }
  std::size_t candidate_count() const {
    std::size_t count = 0;
    for (const SspTask& task : tasks) count += task.candidates.size();
    return count;
  }
};

// Why a candidate is selected; nullopt: it is dropped, or for the ready worker not taken.
using Verdict = std::optional<Reason>;

// The tasks of a problem. Requires a valid problem. O(workers + pairs log pairs).
class SspTaskTable {
 public:
  explicit SspTaskTable(const SspProblem& problem);
  SspTaskTable(const SspTaskTable&) = delete;  // tasks_ point into candidates_
  SspTaskTable& operator=(const SspTaskTable&) = delete;

  SspTasks tasks() const { return {multicast_, keep_fraction_, uplink_, downlink_, tasks_}; }
  // Verdicts in the order of tasks and candidates.
  SspPlan to_plan(std::span<const Verdict> verdicts) const;

 private:
  MulticastKind multicast_;
  double keep_fraction_;
  WorkerIndex ready_;
  std::vector<Rate> uplink_;
  std::vector<Rate> downlink_;
  std::vector<SspCandidate> candidates_;
  std::vector<SspTask> tasks_;
};

}  // namespace selmcast::plan
