// The rate of every delivery of a plan, so that the plan's completion time is reached and nothing lies idle.
//
// Problem. Worker i's uplink has bandwidth u_i, worker j's downlink d_j (plan/problem.h). A flow is one
// delivery
// (`unicast`) or one sender's multicast to all its receivers (`network`, `relay`: every receiver gets the same rate);
// with `network` a receiver that the multicast does not reach (plan/reach.h) has a flow of its own beside it.
// A flow of volume v puts v on its sender's uplink, or with `relay` once for each copy on the uplink of whoever sends
// it, and once on the downlink of each of its receivers.
//
// Method: volume-weighted max-min fairness by progressive filling (D. Bertsekas, R. Gallager, "Data
// Networks", section 6.5.2). All flows grow together, each at rate (its volume) * level; when a link is full
// its flows freeze at that level and the others go on growing. A flow frozen at level x ends after 1 / x.
//
// Promises (rate_allocator_test.cpp tests each on random plans, to a relative 1e-9):
//   1. no link carries more than its bandwidth;
//   2. every flow crosses a full link, so no rate can grow without another one shrinking (Pareto);
//   3. sent at these rates, the last delivery ends at exactly t* = max over links of load / bandwidth, the
//   plan's
//      completion time. Proof: with nothing frozen yet, a link of bandwidth b and load V is full at level b /
//      V. The first one to be full is the one with the least b / V, which is 1 / t*. So no flow freezes below
//      1 / t*, none ends after t*, and the flows of that first link end exactly then.
//
// Complexity: O(links^2 + deliveries) time, O(links + deliveries) memory; 12,000 flows on 400 links were
// measured at 1.3 ms (docs/bandwidth.md). Pure; any thread.
#pragma once

#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/plan/plan.h"
#include "selmcast/plan/problem.h"

namespace selmcast::sync {

struct PairRate {
  plan::Pair pair;
  Rate rate;
  bool operator==(const PairRate&) const = default;
};

// One entry a delivery of `plan`, ascending by (sender, receiver). Requires a valid problem and a plan of it.
std::vector<PairRate> allocate_rates(const plan::Problem& problem, const plan::Plan& plan);

// How much later than at these rates the last receiver of a `relay` plan is done, because chunks are forwarded one by
// one: the longest of (depth - 1) chunk / rate over all receivers (plan/relay_trees.h). 0 for other kinds. `rates` as
// allocate_rates() returns them.
Duration pipeline_latency(const plan::Problem& problem, const plan::Plan& plan,
                          const std::vector<PairRate>& rates);

}  // namespace selmcast::sync
