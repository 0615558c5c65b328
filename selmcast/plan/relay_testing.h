// Relay plans by trying everything, for tests.
#pragma once

#include <cstddef>
#include <optional>

#include "selmcast/plan/plan.h"

namespace selmcast::plan::testing {

// The least time of any division of copies for these receivers (relay_trees.h). For few workers.
Duration least_time_by_force(const Problem& problem, const Plan& plan);

// Least time over all receivers and divisions, then most receivers. For at most 3 workers in no time, 4 in about one
// second.
struct RelayOptimum {
  Duration time;
  std::size_t receiver_count = 0;
};
RelayOptimum relay_optimum_by_force(const Problem& problem);

}  // namespace selmcast::plan::testing
