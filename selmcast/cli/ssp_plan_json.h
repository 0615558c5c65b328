// Writes the answer to an SSP problem as JSON, schema selmcast.plan/1 (plan_json.h). What differs from "bsp":
//
//   receivers        {sender: [receivers]} for the ready worker and all that send: whom they still have to deliver to
//   dropped          {sender: [receivers]}: whose transfers are cut off; senders that drop nobody are left out
//   mean_receivers   receiver_count over those senders
//   completion_seconds, lower_bound_seconds   over the bytes that remain; waits are not included
//   explanation      only on request: {"binds": as there,
//                     "selected": {sender: [{receiver, reason, remaining_bytes}]}}
#pragma once

#include <string>

#include "selmcast/cli/ssp_plan_run.h"
#include "selmcast/plan/ssp_problem.h"

namespace selmcast::cli {

std::string plan_as_json(const plan::SspProblem& problem, const SspPlanReport& report);

}  // namespace selmcast::cli
