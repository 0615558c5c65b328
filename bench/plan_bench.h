// Measures how long planning takes, `exact` beside its rivals, on the problems of plan_instances.h.
//
// Google Benchmark times the call of the planner alone, on a problem that stands ready, one thread, wall clock. A
// first call says how many repetitions fit into about a second, at most nine; each is the mean of as many calls as
// fill 0.1 s. Their median counts (or the first call alone, where that took longer). Peak memory is that of a child
// process that does nothing but make one problem and plan it. Planners that are not there are left out.
//
// "one link" is `exact` kept from one call to the next (ExactPlanner) while worker 0's uplink and downlink change
// places: its answers are those of the changed problem.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/plan_instances.h"
#include "selmcast/base/units.h"

namespace selmcast::bench {

struct PlanTiming {
  std::string planner;
  PlanInstance instance;
  Duration median;
  std::size_t repetitions = 0;
  bool finished = true;  // false: CBC ran into its limit and proves less than an optimum
  // What was planned, so that a quick answer cannot be a wrong one.
  Duration completion;
  std::size_t receiver_count = 0;
};

struct PeakMemory {
  std::string planner;
  PlanInstance instance;
  std::size_t bytes = 0;  // of the whole process
};

struct PlanBench {
  bool quick = false;                 // small sizes only, and little time for CBC
  std::vector<PlanTiming> timings{};  // by instance, exact first
  std::vector<PeakMemory> memory{};
  std::vector<std::string> missing{};  // planners that this build has not
};

struct PlanBenchOptions {
  bool quick = false;
  std::function<void(std::string_view)> progress = [](std::string_view) {};  // a line for a person
};

PlanBench run_plan_bench(const PlanBenchOptions& options);

}  // namespace selmcast::bench
