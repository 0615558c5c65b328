// SSP problems for tests: short to write, and random from a seed.
#pragma once

#include <optional>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/plan/plan_testing.h"
#include "selmcast/plan/ssp_plan.h"

namespace selmcast::plan::testing {

// A running multicast: sender, wait in seconds, receivers with the bytes that remain, delivered ones.
RunningMulticast running(std::size_t sender, double wait,
                         const std::vector<std::pair<std::size_t, std::int64_t>>& receivers,
                         const std::vector<std::size_t>& delivered = {});

// Of one sender of the plan, as numbers; empty if it is none.
std::vector<std::size_t> receivers(const SspPlan& plan, std::size_t sender);
std::vector<std::size_t> dropped(const SspPlan& plan, std::size_t sender);
std::optional<Reason> reason(const SspPlan& plan, std::size_t sender, std::size_t receiver);

// Everything a valid problem may have: any keep_fraction, waits with ties, delivered receivers, multicasts that
// have fewer receivers left than they need, required pairs, ages. Of `options`, volumes are never equal by rule:
// what remains differs anyway.
SspProblem random_ssp_problem(const RandomProblem& options, Rng& rng);

}  // namespace selmcast::plan::testing
