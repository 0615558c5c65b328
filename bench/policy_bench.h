// What SSP policies are compared on: fixed settings, seeds and rivals, utilisation and scale side by side.
//
//   floor   the paper's cluster (n = 50, lambda 0.5, 40 Gbit/s, 200 MB, ssp = max_age = 4, keep 0.75, p = 0.3,
//           network multicast, blocking), one for each workload; 600 s, 20 trials
//   grid    workload transformer; p/n of .05, .1, .2, .3, .4; n = 20, 50, 200; lambda 0, .25, .5, .8; gamma 0, .5, 1:
//           180 settings. 120 s and 8 trials; n = 200: 60 s and 4 trials.
//
// Rivals: `random` (Orpheus, O(n) a plan) and `paper` (Algorithm 2, O(n + m) for m candidates), links shared fairly.
// Every policy meets the same clusters: trial k has the same links and computing times for all. So policies are
// compared by their differences, trial by trial: a difference counts if its two-sided 95 % interval (Student's t)
// leaves out 0. The seeds here are for measuring only; whatever is tuned is tuned on others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selmcast/sim/simulation.h"

namespace selmcast::bench {

inline constexpr std::uint64_t kPolicySeed = 20261125;

struct PolicyCase {
  std::string name;
  sim::Settings settings;  // but for the policy
  std::size_t trials = 0;
};
std::vector<PolicyCase> policy_floor();
std::vector<PolicyCase> policy_grid();

inline constexpr const char* kPolicyRivals[] = {"paper", "random"};

// Mean and half the width of its 95 % interval; infinite for less than two values.
struct Interval {
  double mean = 0;
  double half_width = 0;
  bool is_above(double value) const { return mean - half_width > value; }
};
// Requires at least one value.
Interval interval_of(const std::vector<double>& values);

struct Contender {
  std::string planner;
  sync::Width width;  // of slack
};

// By trial.
struct PolicyScores {
  std::vector<double> npu;
  std::vector<double> scale;
};
// On all cores.
PolicyScores run_policy(const PolicyCase& policy_case, const Contender& contender);

// a - b, trial by trial. Requires as many trials of both.
Interval difference(const std::vector<double>& a, const std::vector<double>& b);
// a is better than b in both measures, beyond the intervals of the differences.
bool dominates(const PolicyScores& a, const PolicyScores& b);

}  // namespace selmcast::bench
