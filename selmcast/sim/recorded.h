// Recorded computing times instead of drawn ones: Settings::recorded_computing, of a training that was run for real.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "selmcast/sim/simulation.h"

namespace selmcast::sim {

// Whether this worker computes a round of that number; drawn times never end.
inline bool has_round(const Settings& settings, std::size_t worker, std::uint64_t round) {
  return settings.recorded_computing.empty() || round < settings.recorded_computing[worker].size();
}

// Requires has_round(). A recorded time includes whatever made its worker slow.
inline Duration computing_time(const Settings& settings, std::size_t worker, std::uint64_t round, Rng& rng,
                               double factor) {
  if (settings.recorded_computing.empty()) return settings.compute.draw(rng) * factor;
  return settings.recorded_computing[worker][round];
}

inline Duration expected_computing(const Settings& settings, std::size_t worker, double factor) {
  if (settings.recorded_computing.empty()) return settings.compute.mean() * factor;
  const std::vector<Duration>& times = settings.recorded_computing[worker];
  return std::accumulate(times.begin(), times.end(), Duration()) * (1 / static_cast<double>(times.size()));
}

}  // namespace selmcast::sim
