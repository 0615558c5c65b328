// The deliveries that run in a live training, as the manager believes them to go: who shares what, and what remains.
//
// The manager sees a delivery begin (it gives the order) and end (the receiver reports it), and nothing in between. So
// links carry what is estimated of them, running deliveries share them max-min fairly under the claims of the policy
// (maxmin/solver.h), and a delivery has carried the sum of its rates times the time they held. That is what the policy
// plans with, and what the senders are told to pace at: a plan that is right about the links comes true.
//
// A delivery that should be through and is not counts as 1/50 of its volume: it is late, not done.
// Unicast: one flow a delivery. Network: the deliveries of a multicast are one flow over the sender's uplink and all
// their downlinks, so they have one rate; one that ends takes its downlink off. Complexity: solver.h, and O(deliveries)
// for settle() and load_time(). Pure. Thread rule: one owner.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/maxmin/solver.h"
#include "selmcast/sync/online_machine.h"

namespace selmcast::sync {

class EstimatedNetwork final : public NetworkView {
 public:
  // A new worker or a new estimate. Indices below it that are still to come are taken to have links like its own.
  void set_bandwidth(WorkerIndex worker, Rate uplink, Rate downlink);
  // Time goes on. All that follows happens then.
  void advance(Instant now) { now_ = now; }
  // Pairs that are not to be planned, ascending.
  void set_out(std::vector<plan::Pair> out) { out_ = std::move(out); }
  std::size_t flows() const { return flows_.size(); }
  // Requires that the pair has no delivery running, or has one.
  void start(plan::Pair pair, Bytes volume, maxmin::Claim claim);
  // Network: one flow to all of them. Requires at least one receiver.
  void start_together(WorkerIndex sender, std::span<const WorkerIndex> receivers, Bytes volume,
                      maxmin::Claim claim);
  void stop(plan::Pair pair);
  // Of the multicast that `sender` has under way: its claim, and the most that it puts on its uplink.
  void set_claim(WorkerIndex sender, maxmin::Claim claim);
  void set_limit(WorkerIndex sender, Rate limit);
  // Brings all rates up to date with the changes above.
  void settle();

  // As of the last settle().
  Rate rate(plan::Pair pair) const { return solver_.rate(flows_.at(pair).flow); }
  Bytes remaining(plan::Pair pair) const { return remaining(flows_.at(pair)); }
  // Until all that runs on the pair's two links now is through, whoever goes first: no sharing that leaves nothing idle
  // takes longer, if nothing is added.
  Duration load_time(plan::Pair pair) const;
  std::size_t incoming(WorkerIndex receiver) const;
  std::size_t outgoing(WorkerIndex sender) const;
  // A network multicast is under way.
  bool is_together(WorkerIndex sender) const;

  std::span<const Rate> uplink() const override { return uplink_; }
  std::span<const Rate> downlink() const override { return downlink_; }
  std::span<const plan::Pair> out() const override { return out_; }
  void read_remaining(WorkerIndex sender, std::span<plan::SspCandidate> candidates) const override;
  Duration time_left(WorkerIndex sender) const override;

 private:
  struct Flow {
    maxmin::FlowId flow;
    Bytes volume;
    double left = 0;  // bits, at `since`
    Instant since;
    Rate rate;              // from then on
    bool together = false;  // with the sender's others
  };
  double left_now(const Flow& flow) const;
  Bytes remaining(const Flow& flow) const;
  std::map<plan::Pair, Flow>::const_iterator first_of(WorkerIndex sender) const;
  static maxmin::LinkId up(WorkerIndex worker) { return maxmin::LinkId(2 * worker.value()); }
  static maxmin::LinkId down(WorkerIndex worker) { return maxmin::LinkId(2 * worker.value() + 1); }

  maxmin::Solver solver_;
  Instant now_;
  std::vector<Rate> uplink_;
  std::vector<Rate> downlink_;
  std::vector<Rate> limit_;  // by sender
  std::map<plan::Pair, Flow> flows_;
  std::vector<plan::Pair> out_;
};

}  // namespace selmcast::sync
