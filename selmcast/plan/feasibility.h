// Has a problem a plan at all? If not, which worker or pair makes it so, with a proof.
//
// Nothing limits the time a plan may take, so every link that is up can carry every load: only links that are down
// and counts of workers can make a problem infeasible. With d_i = max(min_receivers_i, required receivers of i) and
// L_i = the workers other than i whose downlink is up, a plan exists if and only if
//
//   (1) the uplink of every i with d_i > 0 is up,
//   (2) the downlink of the receiver of every required pair is up,
//   (3) min_receivers_i <= |L_i| for all i.
//
// Each is necessary: what it forbids names deliveries that nobody can make. Together they are sufficient: let every i
// whose uplink is up send to all of L_i. That holds all required pairs by (1) and (2), min_receivers by (1) and (3),
// and takes finite time.
//
// The certificate (plan.h: Infeasible) is the first that is broken, in this order and by worker or pair:
//
//   (1)  senders {i}, receivers {},  needed d_i,           available 0
//   (2)  senders {i}, receivers {j}, needed 1,             available 0      i -> j is required
//   (3)  senders {i}, receivers L_i, needed min_receivers, available |L_i|
//
// plan_checker.h verifies certificates on its own. Complexity O(workers + required pairs).
#pragma once

#include <optional>

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

// nullopt: a plan exists. Requires a valid problem.
std::optional<Infeasible> find_infeasibility(const Problem& problem);

}  // namespace selmcast::plan
