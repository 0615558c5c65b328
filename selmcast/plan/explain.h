// Why a plan is as it is: which link sets the completion time, why each pair is in and why each other pair is
// not.
//
// A pure function of problem and plan, whoever planned it, and only run on demand: O(workers^2 log
// receivers).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

// Why a pair is not selected.
enum class Refusal {
  uplink,  // one more receiver would keep the sender's uplink busy beyond the completion time; of a relay plan: the
           // uplink of each of its members
  downlink,    // one more sender would keep the receiver's downlink busy beyond it
  both,        // either
  not_chosen,  // it would fit: the planner did not want or did not draw it
};
std::string_view to_string(Refusal refusal);

struct ExplainedSelection {
  WorkerIndex receiver;
  Reason reason = Reason::basic;
  std::uint32_t age = 0;
};

struct ExplainedRefusal {
  WorkerIndex receiver;
  Refusal refusal = Refusal::not_chosen;
  // How long the two links would be busy if the pair were added; infinite if the link is down.
  Duration uplink_time;
  Duration downlink_time;
};

struct SenderExplanation {
  std::vector<ExplainedSelection> selected;  // ascending by receiver
  std::vector<ExplainedRefusal> refused;     // all others but the sender, ascending by receiver
};

struct Explanation {
  std::optional<Bottleneck> bottleneck;  // nullopt: nothing is sent
  LinkLoads loads;
  LinkTimes times;
  std::vector<SenderExplanation> senders;  // by worker
};

// Why the plan does not end sooner, as half a sentence for people: by its proof if it has one or meets the lower
// bound, else by the link that is busy until its end. Requires what explain() requires.
std::string what_binds(const Problem& problem, const Planned& planned);

// Requires a valid problem and a plan that passes check_plan().
Explanation explain(const Problem& problem, const Plan& plan);

}  // namespace selmcast::plan
