// `exact`: the proven lexicographic optimum of a BSP problem with equal volumes (paper section III-A), in
// milliseconds.
//
// What it returns, in this order:
//   1. the least completion time t that any plan has;
//   2. of the plans that end by t, one with the most receivers;
//   3. of those, one with the oldest pairs (age_exchange.h states the rule and up to where it holds);
//   4. remaining ties fall by the workers' names, so the plan does not depend on the order in which workers
//     are listed.
// With it comes a certificate (certificate.h) of 1 and 2. 3 makes the plan at least as good on the oldest age
// class as any other plan of the same time and size, Algorithm 1's included where it reaches both.
//
// Method. With equal volumes "can everything end by t?" asks for a selection with at least d_i receivers a
// sender and at most m_j(t) senders a receiver (certificate.h has the notation). t starts at a lower bound:
// the largest of all uplinks', all downlinks' and the count over all senders in need. Greedy by age and
// alternating paths (matching.h) then either satisfy all needs, and t is proven, or end in a cut S. The least
// t at which S no longer forbids is again a lower bound (delivery_time.h), so t jumps there and the search
// goes on with what is selected already. (Newton's method on the cuts: t only grows, stops at the optimum,
// and the last cut is its proof. One or two jumps are usual, none in most cases.) Then all uplinks are opened
// up to u_i(t), the selection is grown to the greatest size, and pairs are exchanged for older ones.
//
// Complexity: O(n^2 / 64 * (age classes + phases) + pairs selected) in practice; a phase of shortest paths
// takes n^2 / 64, and there are few. Memory: about n^2 bytes.
//
// ExactPlanner keeps the selection, the ages and the links, so that a change costs what it touches and not a
// new start:
//   - links, needs, required pairs, a join, a leave: the former selection is trimmed to the new bounds and
//     grown again;
//   - a round's end, or new required pairs by the hundred: ages move on, 64 pairs at a time; the selection
//     starts anew, from the oldest pairs.
// The time and the number of receivers are those of planning afresh, and the certificate is as good. Ties may
// differ: after a change pairs selected before stay where that is optimal (so running multicasts are
// disturbed least); rule 3 then holds for the oldest class that leaves a choice, not for younger ones.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "selmcast/plan/age_classes.h"
#include "selmcast/plan/certificate.h"
#include "selmcast/plan/matching.h"
#include "selmcast/plan/plan.h"
#include "selmcast/plan/problem.h"

namespace selmcast::plan {

// True if all workers have the same volume: then plan_exactly() can plan the problem.
bool has_equal_volumes(const Problem& problem);

// Requires: valid, has_equal_volumes(). Infeasible as feasibility.h says. Where multicast does not reach everybody it
// is mixed_planner.h that answers, without a certificate.
Outcome plan_exactly(const Problem& problem);

class ExactPlanner {
 public:
  // Requires: as plan_exactly(), and that multicast reaches everybody (reach.h: not mixed). Keeps no reference.
  explicit ExactPlanner(const Problem& problem);

  // Plans the problem as it is now.
  Outcome plan();
  // Plans after this end no sooner, even if they could: the least time is given. They come without certificate then.
  void not_before(const LinkTime& time) { not_before_ = time; }
  // Of the last plan, with not_before(); nullopt if nobody needs a receiver.
  std::optional<LinkTime> time() const { return time_; }

  // Changes of the problem; each must leave it valid. Workers are named by their index in the problem as it
  // is now.
  void set_links(WorkerIndex worker, Rate uplink, Rate downlink);
  void set_min_receivers(WorkerIndex worker, int min_receivers);
  void set_required(std::vector<Pair> required);
  // All pairs grow one multicast older, but those of `delivered` have met.
  void end_round(const Plan& delivered);
  // Becomes the last worker; its pairs have age 0. Same volume as the others. The first that finds no place
  // costs a new start and makes room for up to 64.
  void join(WorkerSpec worker);
  // Those after it move up by one. Its pairs are no longer required.
  void leave(WorkerIndex worker);

  // The problem as it is now, but for the ages.
  const Problem& problem() const { return problem_; }

 private:
  struct ProvenTime;
  struct Links {
    Rate uplink, downlink;
    std::int32_t needed = 0;  // d_i
  };

  void add_places();
  void place_required();
  void update_needs();
  ProvenTime first_bound() const;
  std::optional<ProvenTime> bound_of(std::vector<std::uint32_t> senders) const;
  void open_until(const LinkTime& time);
  ProvenTime satisfy_needs();
  std::vector<WorkerIndex> workers_at(const std::vector<std::uint32_t>& places) const;
  Plan selection() const;

  Problem problem_;  // without ages
  // Places in the matching; after joins and leaves more than there are workers. A free place has no links and
  // no needs.
  std::size_t places_;
  std::vector<std::uint32_t> order_;  // place -> worker
  std::vector<std::uint32_t> place_;  // worker -> place
  std::vector<Links> links_;          // by place
  std::vector<std::pair<std::uint32_t, std::uint32_t>> required_;
  AgeClasses ages_;
  Matching matching_;
  std::optional<LinkTime> not_before_, time_;
  bool starts_anew_ = true;  // nothing is selected that would be worth keeping
};

}  // namespace selmcast::plan
