// What planning has to reach, judged from one run of plan_bench.h. Pure.
//
// A target over several instances is judged by its worst one. What was not measured is neither met nor missed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/plan_bench.h"

namespace selmcast::bench {

struct Verdict {
  std::string target;       // "exact at n=200 at least 10x faster than dinic"
  std::string measured;     // "37x (network plain)"; or why there is nothing
  std::optional<bool> met;  // nullopt: not measured
};

// nullptr if it was not measured.
const PlanTiming* find_timing(const PlanBench& bench, std::string_view planner, const PlanInstance& instance);

std::vector<Verdict> judge(const PlanBench& bench);

}  // namespace selmcast::bench
