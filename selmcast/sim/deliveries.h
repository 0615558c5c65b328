// The deliveries under way: whose multicast still runs to whom, carried by the links' flows.
//
// A `network` multicast is one flow over its sender's uplink and all its receivers' downlinks, so its receivers are all
// done together; of a `unicast` one each receiver has a flow of its own. So it has of a `relay` one, from its parent's
// uplink; it is done when its flow and its parent are. (Forwarding is cut-through, so a parent and its children receive
// at the same time. That a child may run ahead of a slower parent for a while is left out: it is done no sooner, and
// every link carries what it has to. The latency of the pipeline is left out too.) Who loses its parent goes on from
// the sender with what remains.
// Invariant: a sender has at most one multicast; it runs as long as it has a receiver; receivers ascend.
// Complexity: maxmin/fluid.h, and O(receivers of the sender) a delivery. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/maxmin/fluid.h"
#include "selmcast/plan/problem.h"
#include "selmcast/plan/ssp_tasks.h"

namespace selmcast::sim {

class Deliveries {
 public:
  Deliveries(plan::MulticastKind kind, std::span<const Rate> uplink, std::span<const Rate> downlink);

  Instant now() const { return fluid_.now(); }
  void set_bandwidth(std::span<const Rate> uplink, std::span<const Rate> downlink);  // by worker
  void set_bandwidth(WorkerIndex worker, Rate uplink, Rate downlink);

  // Requires receivers, ascending, and no multicast of `sender` under way. `limit`: of what its uplink carries.
  void start(WorkerIndex sender, Bytes volume, std::span<const WorkerIndex> receivers, maxmin::Claim claim,
             Rate limit = Rate::unlimited());
  // `relay`: parents[k] sends to receivers[k] (plan/plan.h).
  void start_relayed(WorkerIndex sender, Bytes volume, std::span<const WorkerIndex> receivers,
                     std::span<const WorkerIndex> parents, maxmin::Claim claim);
  // Forwards nothing any more, in any multicast: those that it sent to go on from their senders.
  void stop_forwarding(WorkerIndex worker);
  // Of all deliveries of a multicast under way.
  void set_claim(WorkerIndex sender, maxmin::Claim claim, Rate limit = Rate::unlimited());
  // The delivery is cut off. Requires that it is under way.
  void drop(plan::Pair pair);

  bool is_sending(WorkerIndex sender) const { return !receivers(sender).empty(); }
  const std::vector<WorkerIndex>& receivers(WorkerIndex sender) const {
    return multicasts_[position(sender)].receivers;
  }
  // Writes what remains of each delivery; `candidates` are just the receivers of `sender`, in order.
  void read_remaining(WorkerIndex sender, std::span<plan::SspCandidate> candidates) const;
  // Until the last delivery of `sender` ends at the present rates; infinite if one of them stands still.
  Duration time_left(WorkerIndex sender) const;

  Instant next_end() { return fluid_.next_completion(); }
  // Moves on to `to` <= next_end(). Returns the deliveries that ended, ascending; valid until the next call.
  std::span<const plan::Pair> advance(Instant to);

 private:
  struct Relayed {
    WorkerIndex parent;
    bool has_flow = true;  // not carried to the end yet
  };
  struct Multicast {
    Rate uplink;  // of its sender, before the limit
    Rate limit = Rate::unlimited();
    std::vector<WorkerIndex> receivers;
    std::vector<maxmin::FlowId> flows;  // network: one; else: one a receiver
    std::vector<Relayed> relayed;       // relay: by receiver
    maxmin::Claim claim;
  };
  maxmin::LinkId downlink(WorkerIndex worker) const {
    return maxmin::LinkId(static_cast<std::uint32_t>(multicasts_.size() + position(worker)));
  }
  bool is_relay() const { return kind_ == plan::MulticastKind::relay; }
  void reparent(WorkerIndex sender, WorkerIndex parent);
  void end_relayed(WorkerIndex sender);
  Bytes remaining(const Multicast& multicast, std::size_t place) const;
  void set_uplink(WorkerIndex sender, Rate uplink, Rate limit);
  void add_flow(WorkerIndex sender, Bytes volume, std::span<const maxmin::LinkId> links, maxmin::Claim claim);

  plan::MulticastKind kind_;
  maxmin::Fluid fluid_;                 // links: uplinks by worker, then downlinks
  std::vector<Multicast> multicasts_;   // by sender
  std::vector<WorkerIndex> sender_of_;  // by flow
  std::vector<maxmin::LinkId> path_;
  std::vector<plan::Pair> ended_;
};

}  // namespace selmcast::sim
