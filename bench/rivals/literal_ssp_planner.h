// The rival: Algorithm 2 of S. Luo et al., "Efficient Parameter Synchronization for Peer-to-Peer Distributed
// Learning With Selective Multicast", IEEE Trans. Services Computing 18(1), 2025, written down as it reads:
// full n x n matrices in the paper's symbols, full sorts, no care for speed but one: where the listing sums
// over all senders for every comparison, the sums are kept, as anybody would.
//
//   x_ij  selection before this planning (for the ready worker kappa: everybody)   y_ij  the new selection
//   v_ij  remaining bytes   c_ij  age   D_ij  required   tau_i  wait   eta  keep fraction
//
// The readings are those of plan/ssp_paper_planner.h; ties fall to the smaller sender, then receiver.
// Complexity: O(n^2 log n) time for n workers, O(n^2) memory; construction (reading the problem) O(n^2).
// Not to be made faster: it is what the planner `paper` is measured against.
#pragma once

#include <cstdint>
#include <vector>

#include "selmcast/plan/ssp_plan.h"

namespace selmcast::rivals {

class LiteralSspPlanner {
 public:
  // Requires a valid problem whose links are up.
  explicit LiteralSspPlanner(const plan::SspProblem& problem);

  // Lines of the listing from "keep" to "drop". Afterwards selection() has the answer.
  void run();
  plan::SspPlan selection() const;

 private:
  std::size_t at(std::size_t i, std::size_t j) const { return i * n_ + j; }
  void select(std::size_t i, std::size_t j, plan::Reason reason);
  double uplink_seconds(std::size_t i, std::int64_t load) const;
  double downlink_seconds(std::size_t j, std::int64_t load) const;
  std::int64_t uplink_load_with(std::size_t i, std::size_t j) const;

  void keep();
  void select_basic();
  void improve();

  const plan::SspProblem& problem_;
  std::size_t n_;
  std::vector<std::size_t> G_;  // ascending
  std::vector<char> x_, y_, D_;
  std::vector<plan::Reason> why_;
  std::vector<std::int64_t> v_;
  std::vector<std::uint32_t> c_;
  std::vector<double> tau_;
  std::vector<std::int64_t> delivered_, selected_;  // by sender
  std::vector<std::int64_t> up_, down_;             // loads under y
};

// Requires a valid problem whose links are up.
plan::SspPlan plan_ssp_literally(const plan::SspProblem& problem);

}  // namespace selmcast::rivals
