// The policy `slack` of SSP and ASP: choose receivers by a forecast of the links, so that nobody who started earlier
// is held up, and give those who are behind the right of way.
//
// Why not Algorithm 2 (plan/ssp_paper_planner.h). There all multicasts share the links fairly, so that each newcomer
// slows down all that run; and a multicast bound by one slow receiver leaves bandwidth of all its others idle, which
// nobody can count on. Here
//   - every multicast has a place in an order of right of way, and its links' bandwidth is its own until it ends. So
//     what is left for the next one can be foretold to its end (forecast.h);
//   - it is sent at a constant rate, a little below what it could have: flat reservations pack better than the ragged
//     rest that greedy ones leave;
//   - receivers are chosen for what they cost: those that do not make the multicast end later are free.
//
// For the ready worker kappa with volume v, of n workers:
//   1. Place: in the order of the instants at which multicasts became ready, shifted by kHaste of the time by which
//      their sender is ahead of the mean of all (or behind): who is behind passes those who can afford it.
//   2. Choice: required receivers, then one after the other the receiver with the least
//          price (end(S + j) - end(S)) - worth_j,
//      where end(S) is when a multicast to S would end by the forecast; of all these sets, at least min_receivers
//      large, the one with the greatest sum of worth_j - price end(S).
//          price    receivers that one second is worth: kappa n / tau, tau = v / mean downlink (network; unicast:
//                   6 kappa / tau, for there each receiver alone costs about a tau), with kappa = 2.4 (1 - width)^2
//          worth_j  1 receiver; more for a pair that will be required next time, where it may come at a bad moment,
//                   the more the slower j is; less the longer the queue at j is, which all who come later must bear:
//                   1 + kDue n (mean downlink / downlink_j) [age + 1 >= max_age]
//                     - kQueue kappa (queue_j + v) / downlink_j / tau
//   3. Rate: the lowest one with which the multicast to that set ends within kStretch of the time it could. (Unicast:
//      what it can. There no receiver waits for another, so nothing is gained by flat rates.)
//   4. Drops, where a forecast failed (a link carries less now, or somebody passed): of a running multicast that has
//      just begun (remaining >= keep_fraction v), and beyond min_receivers, the slowest receiver, if doing without it
//      saves more than 1 / kDoubt receivers' worth of time. Required ones never.
//
// Where there is no bandwidth for more than what is asked for (three of four multicasts to no more than min_receivers),
// nobody has slack that could be given away: whoever gets the right of way gets it from somebody who is waited for as
// much, and with scores of multicasts on every link no forecast holds where links fluctuate. Then (network only)
//   - all share the links fairly, at whatever rate they can;
//   - end(S) is the longest queue among S: what is on its way to j, and v, over downlink_j, as in Algorithm 2's step 2;
// until only two of five are. docs/policies.md has the measurements.
//
// The knob `width`, from 0 (fast) to 1 (wide: everybody is reached): NPU utilisation is traded for scale at the same
// marginal price by all workers.
//
// Unicast multicasts: a stream to each receiver, foretold one by one (prospect.h), and all share the links fairly: TCP
// cannot stand back for another stream and be back at once, and the simulator sees no difference beyond noise
// (docs/policies.md). Constants were chosen on other seeds
// than those of bench/policy_bench.h; docs/policies.md has what was tried, and what failed.
// Complexity: O(n f) for the forecast of f running multicasts, and about O(n f) more for the choice (ends are computed
// anew only where they may have become the least). Thread rule: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/sync/forecast.h"
#include "selmcast/sync/online_policy.h"
#include "selmcast/sync/prospect.h"

namespace selmcast::sync {

class SlackPolicy : public OnlinePolicy {
 public:
  explicit SlackPolicy(Width width) : width_(width) {}
  bool plans_running() const override { return true; }
  OnlineDecision decide(const OnlineView& view) override;

 private:
  // What a worker's multicast was given when it started.
  struct Place {
    std::uint64_t priority = 0;
    Rate limit;
  };
  struct Choice {
    std::size_t candidate = 0;  // place among the ready worker's
    WorkerIndex receiver;
    double worth = 0;
    double score = 0;  // the least is taken next; never less than this
  };

  void look(const OnlineView& view);
  double seconds_ahead(const OnlineView& view) const;
  std::uint64_t priority_of(const OnlineView& view);
  void foretell(const OnlineView& view, std::uint64_t priority);
  Rate limit_of(const OnlineView& view, WorkerIndex sender) const;
  void reserve(const OnlineView& view, const plan::SspTask& task);
  void drop_laggards(const OnlineView& view, const plan::SspTask& task);
  void weigh_candidates(const OnlineView& view);
  void choose(const OnlineView& view);
  double cost(Duration end) const;
  Duration queue_at(WorkerIndex receiver) const;
  Duration end(const Prospect& prospect) const;
  Duration end_with(const Prospect& prospect, WorkerIndex another) const;
  void take_next(Prospect& prospect);
  Prospect prospect_of_chosen(const OnlineView& view) const;
  void start(const OnlineView& view, std::uint64_t priority);
  void give_verdicts(const OnlineView& view);

  Width width_;
  std::vector<Place> places_;  // by worker
  std::uint64_t planned_ = 0;
  double forced_ = 0;        // part of the choices: no more than min_receivers; a mean over about the last n
  bool is_crowded_ = false;  // so many of them that all share fairly
  // Of the planning under way.
  const plan::SspTask* ready_ = nullptr;
  std::size_t first_verdict_ = 0;              // of the ready worker's candidates
  std::vector<const plan::SspTask*> running_;  // those before it, in order
  std::vector<WorkerIndex> receivers_;         // of one of them
  std::vector<double> sent_;                   // by worker: the part of its running multicast that is through
  std::vector<double> queue_bits_;   // by worker: what running multicasts still have for its downlink
  std::span<const Rate> downlinks_;  // by worker
  Duration longest_queue_;           // of the chosen ones
  double mean_downlink_bps_ = 0;
  double a_second_ = 0;  // is worth so many receivers
  Forecast forecast_;
  std::vector<plan::Pair> dropped_;
  std::vector<Choice> choices_;
  std::vector<Choice> chosen_;
  std::vector<plan::Verdict> verdicts_;
  std::vector<maxmin::Claim> claims_;
  std::vector<Rate> limits_;
};

}  // namespace selmcast::sync
