// The same simulation with different seeds, side by side on all cores.
//
// Trial k runs with seed Rng(seed).fork(k).next(), whatever thread takes it: results do not depend on the number of
// threads. Thread rule: blocks the caller; `progress` is called from several threads, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "selmcast/sim/simulation.h"

namespace selmcast::sim {

struct Trials {
  std::size_t count = 10;
  std::uint64_t seed = 1;
  std::size_t threads = 0;                               // 0: one a core
  std::function<void(std::size_t finished)> progress{};  // after each trial, if given
};

std::uint64_t seed_of_trial(std::uint64_t seed, std::size_t trial);

// One run of many that need not have settings in common.
struct Job {
  const Settings* settings = nullptr;  // valid ones
  std::uint64_t seed = 0;
};
// By job, on so many threads (0: one a core). `progress` as above.
std::vector<Outcome> simulate_all(std::span<const Job> jobs, std::size_t threads,
                                  const std::function<void(std::size_t finished)>& progress = {});

// By trial. Requires valid settings.
std::vector<Outcome> simulate_trials(const Settings& settings, const Trials& trials);

struct Spread {
  double mean = 0;
  double min = 0;
  double max = 0;
  double standard_error = 0;  // of the mean; 0 for less than two values
};
// Requires at least one value.
Spread spread_of(std::span<const double> values);

}  // namespace selmcast::sim
