// Trials of one bulk-synchronous setting: how the planners do on random bandwidths.
//
// A trial draws bandwidths after the paper's section IV: downlink b (1 + lambda x), uplink b mu (1 + lambda x), x
// uniform in [-1, 1] and new for every link; equal volumes, min_receivers floor(p n), no ages, nothing required.
// Every planner sees the same problem. Trial t of a study draws from Rng(seed).fork(t): more trials only add to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/base/units.h"
#include "selmcast/cli/report/statistics.h"
#include "selmcast/plan/problem.h"

namespace selmcast::reproduce {

struct BspSetting {
  plan::MulticastKind multicast = plan::MulticastKind::network;
  std::size_t workers = 50;
  double share = 0.3;  // p / n
  double mu = 1;       // uplinks over downlinks
  double lambda = 0.25;
};

plan::Problem bsp_problem(const BspSetting& setting, Rng& rng);

// Of one planner, over the trials.
struct BspScores {
  report::Spread completion;  // completion time / (p v / b)
  report::Spread scale;       // receivers a sender / n
  report::Spread seconds;     // in the planner
};

struct Trials {
  std::size_t count = 100;
  std::uint64_t seed = 1;
};

// Requires a planner of that name.
BspScores run_bsp(const BspSetting& setting, std::string_view planner, const Trials& trials);

}  // namespace selmcast::reproduce
