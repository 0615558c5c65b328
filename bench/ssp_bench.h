// How long planning a ready worker takes: the planner `paper` against the literal Algorithm 2, on fixed instances.
//
// Instances: `workers` workers with 1 Gbit/s (1 + 0.25 x) links, x uniform in [-1, 1], equal volumes of 200 MB,
// min_receivers 0.3 n. `running` of them multicast: each to `receivers` receivers on average (half to one and a
// half times as many), remaining bytes uniform (one draw a multicast for network, one a pair for unicast),
// 0.05 n delivered. Every second one waits, up to 2 s. Ages 0 to 4, of which 4 is required. One worker is
// ready. Only planning is timed, on tasks or matrices that stand ready; the median of `repeats`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selmcast/plan/ssp_problem.h"

namespace selmcast::rivals {

struct SspBenchCase {
  std::string name;
  plan::MulticastKind multicast = plan::MulticastKind::network;
  std::size_t workers = 1000;
  std::size_t running = 300;
  std::size_t receivers = 400;
  double keep_fraction = 0.75;
};
// The cases that are reported: `quick` leaves the large ones out.
std::vector<SspBenchCase> ssp_bench_cases(bool quick);
plan::SspProblem ssp_bench_problem(const SspBenchCase& bench_case, std::uint64_t seed);

struct SspBenchResult {
  SspBenchCase bench_case;
  std::size_t candidates = 0;
  Duration fast;
  Duration literal;
  bool plans_agree = false;
};
SspBenchResult run_ssp_bench(const SspBenchCase& bench_case, int repeats);

}  // namespace selmcast::rivals
