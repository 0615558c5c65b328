// Problems for tests of the planners: short to write, random from a seed, and solved by trying everything.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/plan/plan.h"

namespace selmcast::plan::testing {

// Rates in byte/s, so that volume / rate is seconds without a factor 8.
struct TestWorker {
  double uplink = 1;
  double downlink = 1;
  int min_receivers = 0;
  std::int64_t volume = 1;
};
Problem make_problem(MulticastKind kind, const std::vector<TestWorker>& workers);
WorkerIndex worker(std::size_t index);
Pair pair(std::size_t sender, std::size_t receiver);
// The receivers of one sender, as numbers.
std::vector<std::size_t> receivers(const Plan& plan, std::size_t sender);
std::optional<Reason> reason(const Plan& plan, std::size_t sender, std::size_t receiver);

struct RandomProblem {
  std::size_t most_workers = 4;
  bool equal_volumes = true;
  // Rates of the form 1 .. 6 make ties and exact fits likely; otherwise uniform doubles.
  bool small_whole_rates = false;
  // Of all pairs, one in so many is unreached, and the multicasts are `network`; 0: none is.
  std::uint64_t unreached_of = 0;
};
Problem random_problem(const RandomProblem& options, Rng& rng);

// Pairs of a plan by age, the oldest age first (all ages of the problem, and 0).
std::vector<std::size_t> pairs_by_age(const Problem& problem, const Plan& plan);

// One of the 2^(n(n-1)) selections; bit k is the k-th pair by sender, then receiver.
Plan plan_of_bits(std::size_t n, std::uint32_t bits);
// min_receivers and required pairs.
bool meets_constraints(const Problem& problem, const Plan& plan);

// The lexicographic optimum over all 2^(n(n-1)) plans: least time, then most receivers, then the oldest
// pairs. For n <= 4.
struct Optimum {
  Duration time;
  std::size_t receiver_count = 0;
  std::vector<std::size_t> by_age;  // pairs_by_age()
};
Optimum brute_force(const Problem& problem);

}  // namespace selmcast::plan::testing
