// Does an SSP plan keep what it promises? Recomputes everything from the problem on its own, the naive way.
//
// Like plan_checker.h it shares no code with the planners nor with what they stand on (ssp_tasks.h,
// completion_time()), and trusts nothing about the plan. Requires a valid problem. Quadratic in the pairs of a
// sender.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/plan/ssp_plan.h"

namespace selmcast::plan {

// Each violation in words, naming workers; empty if there is none. Checked: one entry for every multicast of
// G, in ascending order of senders; receivers and dropped ones ascending; receivers are candidates over links that
// are up; all required pairs that are not delivered; with the delivered ones at least min_receivers, or all that
// could be had by a running multicast; dropped are exactly the running receivers that were not selected; and, if
// `claimed` is given, that it is the completion time up to rounding (1e-12 of it).
std::vector<std::string> check_plan(const SspProblem& problem, const SspPlan& plan,
                                    std::optional<Duration> claimed = std::nullopt);

}  // namespace selmcast::plan
