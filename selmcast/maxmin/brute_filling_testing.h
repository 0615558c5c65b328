// The rival of the solver in its tests: progressive filling straight from the definition, all from scratch, slow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

namespace selmcast::maxmin::testing {

struct PlainFlow {
  std::vector<std::size_t> links;
  std::uint64_t priority = 0;
  double weight = 1;
};

// By flow. All flows of a priority rise together by what the tightest link still bears; then those that cross a full
// link stop. O(priorities * flows * incidences).
inline std::vector<double> brute_rates(const std::vector<double>& capacities,
                                       const std::vector<PlainFlow>& flows) {
  std::vector<double> rates(flows.size(), 0);
  std::vector<double> left = capacities;
  std::set<std::uint64_t> priorities;
  for (const PlainFlow& flow : flows) priorities.insert(flow.priority);
  for (const std::uint64_t priority : priorities) {
    std::vector<std::size_t> growing;
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (flows[f].priority == priority) growing.push_back(f);
    }
    while (!growing.empty()) {
      std::vector<double> weight(left.size(), 0);
      for (const std::size_t f : growing) {
        for (const std::size_t l : flows[f].links) weight[l] += flows[f].weight;
      }
      double step = std::numeric_limits<double>::infinity();
      for (std::size_t l = 0; l < left.size(); ++l) {
        if (weight[l] > 0) step = std::min(step, left[l] / weight[l]);
      }
      for (const std::size_t f : growing) rates[f] += step * flows[f].weight;
      for (std::size_t l = 0; l < left.size(); ++l) left[l] -= step * weight[l];
      std::erase_if(growing, [&](std::size_t f) {
        return std::ranges::any_of(flows[f].links,
                                   [&](std::size_t l) { return left[l] <= 1e-12 * capacities[l]; });
      });
    }
  }
  return rates;
}

}  // namespace selmcast::maxmin::testing
