// What a little more bandwidth would buy: the plan made anew with one link alone `step` faster.
//
// Only links that can matter for the time are tried, a plan each:
//   - with a certificate (certificate.h), those whose bandwidth its proof uses: no other link alone can make an
//     optimal plan end sooner, because the same proof still holds. That is the one uplink or downlink that it
//     names; or, for a cut S, every downlink j that in no time before t takes all of S, i.e. with
//     max{m : m v / downlink_j < t} - r_j(S) < |S \ {j}|;
//   - without one, the links that are busy until the plan's end. Others may matter too: nothing is proven.
//
// Effort: at most most_links() plans, fewer the larger the problem, the slowest links first (of equal ones
// uplinks, then by worker); how many were left out is told. Pure; O(workers + required pairs) apart from the
// planner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "selmcast/plan/plan.h"
#include "selmcast/plan/planner.h"

namespace selmcast::plan {

// All candidates of 200 workers, 68 of 1000, 1 from 8192 on.
constexpr std::size_t most_links(std::size_t workers) {
  constexpr std::size_t kPairs = 1 << 26;
  return 1 + kPairs / (workers * workers + 1);
}

struct Link {
  LinkSide side = LinkSide::uplink;
  WorkerIndex worker;
  constexpr bool operator==(const Link&) const = default;
};

struct Gain {
  Link link;
  Duration completion;  // of the plan with this link faster
  std::size_t receiver_count = 0;
};

struct SensitivityOptions {
  Rate step = Rate::megabits_per_second(1);
  std::uint64_t seed = 1;  // of planners that draw
};

struct Sensitivity {
  Rate step;
  std::vector<Gain> gains;   // the best first: least time, then most receivers, then by link
  std::size_t left_out = 0;  // links that could matter and were not tried
};

// The links of the header, in the order in which they are tried.
std::vector<Link> links_that_matter(const Problem& problem, const Planned& planned);

// Requires a valid, feasible problem and what `planner` answers to it.
Sensitivity sensitivity(const Problem& problem, const Planned& planned, PlanFunction planner,
                        const SensitivityOptions& options);

}  // namespace selmcast::plan
