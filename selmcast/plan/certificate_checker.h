// Does a certificate prove what it claims? Recomputes every count from the problem on its own, the naive way.
//
// Shares no code with the planner, link_time.h or delivery_time.h. Comparisons of times are exact: products
// of a load (below 2^62) and a rate (53 bits) are compared as 128-bit integers, so a proof is accepted for
// the very fraction that the plan takes, not for one nearby. Trusts nothing about plan and certificate.
// Requires a valid problem. O(n^2).
#pragma once

#include <string>
#include <vector>

#include "selmcast/plan/plan.h"

namespace selmcast::plan {

// Each flaw in words; empty if the certificate proves that no plan ends before `plan` and none that ends with
// it has more receivers. The plan itself is checked by check_plan(). Only for equal volumes: other problems
// have no certificate.
std::vector<std::string> check_certificate(const Problem& problem, const Plan& plan,
                                           const Certificate& certificate);

}  // namespace selmcast::plan
