// Does a plan keep what it promises? Recomputes everything from the problem on its own, the naive way.
//
// It shares no code with the planners, with completion_time() or with link_time.h, so that a fault there
// shows here. It trusts nothing about the plan: any plan may be handed in. Requires a valid problem. O(pairs
// x (receivers + required pairs of a sender)).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/plan/plan.h"

namespace selmcast::plan {

// Each violation in words, naming workers; empty if there is none. Checked: one list per sender; known
// receivers, in ascending order, none twice, none the sender; nothing over a link that is down; all required
// pairs; at least min_receivers; and once all that holds, the trees of a relay plan (each spans its receivers, leads to
// its sender, and only receivers forward, over uplinks that are up; plans of other kinds have none), and, if `claimed`
// is given, that it is the completion time up to rounding (1e-12 of it).
std::vector<std::string> check_plan(const Problem& problem, const Plan& plan,
                                    std::optional<Duration> claimed = std::nullopt);

// Why `claimed` does not prove that no plan exists; empty if it does. The certificate itself is checked, not its words
// nor whether it is the first of its kind (feasibility.h).
std::vector<std::string> check_infeasible(const Problem& problem, const Infeasible& claimed);

}  // namespace selmcast::plan
