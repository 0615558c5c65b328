// What manager and workers say to one another, checked from outside: whatever streams and managers die meanwhile,
//   - each hears what the other said, word for word, in order, once (wire/unheard.h);
//   - fencing: a plan carries the epoch of the manager that made it, and what a worker hears of plans only gets newer;
//   - nothing is said before it is stored: what a worker hears stands among what was decided from stored inputs.
// Hello, heartbeats and what opens a stream are not of the conversation. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/wire/control.h"

namespace selmcast::arena {

class Conversations {
 public:
  void manager_said(WorkerId worker, const wire::ToWorker& message);
  void worker_heard(WorkerId worker, const wire::ToWorker& message);
  void worker_said(WorkerId worker, const wire::FromWorker& message);
  void manager_heard(WorkerId worker, const wire::FromWorker& message);
  void planned(PlanVersion version, std::uint64_t epoch);

  const std::vector<std::string>& violations() const { return violations_; }

 private:
  struct Talk {
    std::deque<wire::ToWorker> to_worker;
    std::deque<wire::FromWorker> to_manager;
    PlanVersion last;
  };
  void heard_plan(WorkerId worker, PlanVersion version);

  std::map<WorkerId, Talk> talks_;
  std::vector<std::string> violations_;
};

}  // namespace selmcast::arena
