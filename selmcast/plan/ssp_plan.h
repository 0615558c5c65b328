// The answer to an SSP problem: for every multicast of G whom it goes on with, and whom it drops.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "selmcast/plan/plan.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::plan {

struct SspSenderPlan {
  WorkerIndex sender;
  std::vector<Selection> receivers;  // still to deliver to, kept and new; ascending by receiver
  std::vector<WorkerIndex> dropped;  // taken off a running multicast; ascending
  bool operator==(const SspSenderPlan&) const = default;
};

struct SspPlan {
  std::vector<SspSenderPlan> senders;  // one for every multicast of G, ascending by sender

  std::size_t receiver_count() const;
  std::size_t dropped_count() const;
  bool operator==(const SspPlan&) const = default;
};

struct SspPlanned {
  SspPlan plan;
  Status status = Status::feasible;
};
using SspOutcome = std::variant<SspPlanned, Infeasible>;

// What each link has still to carry, by worker: remaining bytes of the selected pairs. A network multicast
// loads its uplink with the largest of them, a unicast one with their sum.
LinkLoads link_loads(const SspProblem& problem, const SspPlan& plan);

// The model's time until the last selected delivery ends: max of load / rate over all links, waits not
// included. 0 for the empty plan. Requires a plan that the checker accepts.
Duration completion_time(const SspProblem& problem, const SspPlan& plan);

}  // namespace selmcast::plan
