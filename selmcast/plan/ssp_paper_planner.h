// The planner `paper` for SSP: Algorithm 2 of S. Luo et al., "Efficient Parameter Synchronization for
// Peer-to-Peer Distributed Learning With Selective Multicast", IEEE Trans. Services Computing 18(1), 2025,
// doi 10.1109/TSC.2024.3506480. It runs whenever a worker kappa becomes ready; G is the set of multicasts that
// run, kappa's among them.
//
// Notation (paper -> ssp_tasks.h): p_i needed (plus delivered); v_i volume and v_ij remaining; b_i^I uplink and
// b_j^E downlink bandwidth; c_ij age; D required; tau_i wait; eta keep_fraction; x_ij candidates; y_ij = 1: j is
// selected now; load_j = sum_i v_ij y_ij; s_i = sum_j v_ij y_ij (unicast) or max_j v_ij y_ij (network).
//
//   1. Keep. y_ij = 1 for every candidate that is required, or with v_ij < eta v_i.
//   2. Basic selection. Multicasts in non-decreasing tau_i: each takes the q = p_i - selected candidates with the
//      least (load_j + v_ij) / b_j^E.
//   3. Pareto improvement. t_i = max(tau_i, s_i / b_i^I, load_j / b_j^E over i's receivers) after step 2.
//      Candidates left in non-increasing c_ij: (i, j) is added if i's uplink and j's downlink end within t_i.
//   4. The rest is dropped.
//
// Readings, where the paper is not of one mind or silent (section III-C and the listing of Algorithm 2):
//   - Order of step 2. The text says non-increasing tau, the listing non-decreasing. We follow the listing: who
//     need not wait picks first, so the receivers that end soonest go to those whom they hold up.
//   - Load in t_i. Line 32 sums over x (the selection before), line 25 over y (the new one). We take y in both.
//     With x the ready worker, which starts with everybody, would load all downlinks with a multicast nobody
//     has chosen, and running ones with what is about to be dropped: t_i would bound nothing.
//   - t_i is taken once, before step 3. It is the adder's own deadline only, so an addition may delay others
//     that share the receiver. The paper has it so; policies of ours must do better.
//   - load_j counts the candidate itself, as in Algorithm 1. Delivered receivers count towards p_i. A multicast
//     with fewer than q candidates takes all.
//   - A network multicast's uplink ends with its largest remainder (s_i), also in step 3.
//   - All ties fall to the smaller index: senders in step 2, receivers in step 2, (sender, receiver) in step 3.
//
// Numbers: loads are whole bytes and exact, so sums do not depend on their order; times are doubles, a load
// divided by a rate. Remainders differ, so no optimum is claimed and no exact fractions are needed. Division is
// monotone, hence "<= t_i" errs by one rounding at most.
//
// Complexity for m candidates and n workers: O(n + m + G log G) and memory O(n + m): q lightest by counting,
// ages by a radix sort of those that fit at all (one that does not fit before step 3 never will:
// loads only grow and t_i stays). The scratch is kept between calls: no allocation once it has grown.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::plan {

// Thread rule: one owner; keeps scratch between calls, nothing else.
class SspPaperPlanner {
 public:
  // Requires what ssp_tasks.h does. Verdicts in the order of tasks and candidates, valid until the next call.
  std::span<const Verdict> plan(const SspTasks& tasks) &;

 private:
  struct TaskState {
    std::size_t first = 0;  // its first candidate's place among all
    int sender_is_up = 0;
    Bytes uplink_load;
    std::int64_t selected = 0;
    double deadline_seconds = 0;
  };
  struct Light {
    double seconds = 0;
    std::uint32_t candidate = 0;  // place within the task
    std::uint32_t step = 0;
    // Candidates ascend by receiver.
    bool operator<(const Light& other) const {
      return seconds != other.seconds ? seconds < other.seconds : candidate < other.candidate;
    }
  };
  struct Spare {
    std::uint32_t youth = 0;  // greatest age less this one's: ascending youth is non-increasing age
    std::uint32_t task = 0;
    std::uint32_t candidate = 0;
  };

  void select(const SspTasks& tasks, std::size_t task, std::size_t candidate, Reason reason);
  Bytes uplink_load_with(const SspTasks& tasks, std::size_t task, Bytes remaining) const;
  bool is_complete(const SspTasks& tasks, std::size_t task) const {
    return std::cmp_equal(states_[task].selected, tasks.tasks[task].candidates.size());
  }
  bool fits_uplink(const SspTasks& tasks, std::size_t task, Bytes remaining) const;
  bool fits_downlink(const SspTasks& tasks, std::size_t task, const SspCandidate& candidate) const;

  void start(const SspTasks& tasks);
  void keep(const SspTasks& tasks);
  void select_basic(const SspTasks& tasks);
  void select_lightest(const SspTasks& tasks, std::size_t task, std::size_t wanted);
  void weigh_candidates(const SspTasks& tasks, std::size_t task);
  void set_deadlines(const SspTasks& tasks);
  void collect_spare(const SspTasks& tasks);
  void sort_by_age();
  void select_spare(const SspTasks& tasks);

  std::vector<Verdict> verdicts_;
  std::vector<TaskState> states_;
  std::vector<Bytes> downlink_load_;  // by worker, like the next two
  std::vector<std::uint8_t> is_up_;   // its downlink
  std::vector<double> downlink_seconds_;
  std::vector<std::uint32_t> order_;
  std::vector<Light> lightest_;
  std::vector<Light> in_last_step_;
  std::vector<Spare> spare_;
  std::vector<Spare> sorted_;
};

}  // namespace selmcast::plan
