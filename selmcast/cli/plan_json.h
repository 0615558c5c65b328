// Writes the answer of `selmcast plan` as JSON, schema selmcast.plan/1: one key a line, one sender a line.
//
//   schema, planner
//   status                "optimal" | "feasible" | "infeasible"; the latter has only `reason`, `infeasible` and
//                         plan_seconds
//   infeasible            {reason, senders: [], receivers: [], needed, available}: why no plan exists, with the proof.
//                         The senders must make `needed` deliveries that only the receivers could take, but no more
//                         than `available` of them can be made (plan/feasibility.h)
//   completion_seconds    of the model: the longest of load / bandwidth over all links
//   lower_bound_seconds   no plan completes sooner; lower_bound_by says why, for people
//   gap                   of exact with unequal volumes: completion time / best bound proven - 1; 0 if proven
//   count_bound           likewise: no plan that completes as soon has more receivers; only where CBC was asked
//   receiver_count, mean_receivers
//   receivers             {sender: [receivers]}, every worker, in the order of the problem
//   rates_bps             what to send at: {sender: rate} for network multicast (one flow for all receivers),
//                         {sender: {receiver: rate}} for unicast; senders without receivers are left out
//   dropped               {}: receivers taken off running multicasts, for ssp
//   plan_seconds          time spent in the planner; the only key that differs between two runs
//   explanation           only on request:
//     binds               {"link": "uplink" | "downlink", "worker"}: sets the completion time; null if nothing is sent
//     what_binds          the same for people, with the reason if it is proven
//     more_bandwidth      {step_bps, links: [{link, worker, completion_seconds, receiver_count}], left_out}: the
//                         plan with one link alone so much faster, the best first (plan/sensitivity.h)
//     links               {worker: {uplink_bytes, uplink_seconds, downlink_bytes, downlink_seconds}}
//     selected            {sender: [{receiver, reason, age}]}
//     not_selected        {sender: [{receiver, because, uplink_seconds, downlink_seconds}]}, seconds if it were added;
//                         null: never, the link is down
#pragma once

#include <string>

#include "selmcast/cli/plan_run.h"
#include "selmcast/plan/problem.h"

namespace selmcast::cli {

std::string plan_as_json(const plan::Problem& problem, const PlanReport& report);

}  // namespace selmcast::cli
