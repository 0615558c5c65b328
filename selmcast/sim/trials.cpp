#include "selmcast/sim/trials.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "selmcast/base/check.h"

namespace selmcast::sim {

std::uint64_t seed_of_trial(std::uint64_t seed, std::size_t trial) { return Rng(seed).fork(trial).next(); }

std::vector<Outcome> simulate_all(std::span<const Job> jobs, std::size_t threads,
                                  const std::function<void(std::size_t finished)>& progress) {
  std::vector<Outcome> outcomes(jobs.size());
  std::atomic<std::size_t> next = 0;
  std::size_t finished = 0;
  std::mutex progress_mutex;
  const auto work = [&] {
    for (std::size_t k = next++; k < jobs.size(); k = next++) {
      outcomes[k] = simulate(*jobs[k].settings, jobs[k].seed);
      const std::lock_guard lock(progress_mutex);
      ++finished;
      if (progress) progress(finished);
    }
  };
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t used = std::min(threads > 0 ? threads : cores, jobs.size());
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < used; ++i) others.emplace_back(work);
    work();
  }
  return outcomes;
}

std::vector<Outcome> simulate_trials(const Settings& settings, const Trials& trials) {
  std::vector<Job> jobs;
  for (std::size_t trial = 0; trial < trials.count; ++trial)
    jobs.push_back({&settings, seed_of_trial(trials.seed, trial)});
  return simulate_all(jobs, trials.threads, trials.progress);
}

Spread spread_of(std::span<const double> values) {
  SELMCAST_CHECK(!values.empty(), "there is something to spread");
  Spread spread{.min = values[0], .max = values[0]};
  const auto n = static_cast<double>(values.size());
  for (const double value : values) {
    spread.mean += value / n;
    spread.min = std::min(spread.min, value);
    spread.max = std::max(spread.max, value);
  }
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  if (values.size() > 1) spread.standard_error = std::sqrt(squares / (n - 1) / n);
  return spread;
}

}  // namespace selmcast::sim
