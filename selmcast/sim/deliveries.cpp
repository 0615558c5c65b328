#include "selmcast/sim/deliveries.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::sim {

Deliveries::Deliveries(plan::MulticastKind kind, std::span<const Rate> uplink, std::span<const Rate> downlink)
    : kind_(kind), multicasts_(uplink.size()) {
  for (std::size_t i = 0; i < uplink.size(); ++i) {
    fluid_.add_link(uplink[i]);
    multicasts_[i].uplink = uplink[i];
  }
  for (const Rate rate : downlink) fluid_.add_link(rate);
}

void Deliveries::set_bandwidth(std::span<const Rate> uplink, std::span<const Rate> downlink) {
  for (std::uint32_t i = 0; i < uplink.size(); ++i) set_bandwidth(WorkerIndex(i), uplink[i], downlink[i]);
}

void Deliveries::set_bandwidth(WorkerIndex worker, Rate uplink, Rate downlink_rate) {
  set_uplink(worker, uplink, multicasts_[position(worker)].limit);
  fluid_.set_capacity(downlink(worker), downlink_rate);
}

void Deliveries::set_uplink(WorkerIndex sender, Rate uplink, Rate limit) {
  multicasts_[position(sender)].uplink = uplink;
  multicasts_[position(sender)].limit = limit;
  fluid_.set_capacity(maxmin::LinkId(sender.value()), std::min(uplink, limit));
}

void Deliveries::add_flow(WorkerIndex sender, Bytes volume, std::span<const maxmin::LinkId> links,
                          maxmin::Claim claim) {
  const maxmin::FlowId flow = fluid_.start(links, volume, claim);
  if (flow.value() >= sender_of_.size()) sender_of_.resize(flow.value() + 1);
  sender_of_[flow.value()] = sender;
  multicasts_[position(sender)].flows.push_back(flow);
}

void Deliveries::start(WorkerIndex sender, Bytes volume, std::span<const WorkerIndex> receivers,
                       maxmin::Claim claim, Rate limit) {
  SELMCAST_CHECK(!receivers.empty() && !is_sending(sender), "one multicast a sender, and to somebody");
  multicasts_[position(sender)].receivers.assign(receivers.begin(), receivers.end());
  set_uplink(sender, multicasts_[position(sender)].uplink, limit);
  path_.assign(1, maxmin::LinkId(sender.value()));
  for (const WorkerIndex receiver : receivers) {
    path_.push_back(downlink(receiver));
    if (kind_ == plan::MulticastKind::network) continue;
    add_flow(sender, volume, path_, claim);
    path_.pop_back();
  }
  if (kind_ == plan::MulticastKind::network) add_flow(sender, volume, path_, claim);
}

void Deliveries::start_relayed(WorkerIndex sender, Bytes volume, std::span<const WorkerIndex> receivers,
                               std::span<const WorkerIndex> parents, maxmin::Claim claim) {
  SELMCAST_CHECK(
      is_relay() && !receivers.empty() && receivers.size() == parents.size() && !is_sending(sender),
      "one multicast a sender, and to somebody");
  Multicast& multicast = multicasts_[position(sender)];
  multicast.receivers.assign(receivers.begin(), receivers.end());
  multicast.relayed.clear();
  multicast.claim = claim;
  for (std::size_t k = 0; k < receivers.size(); ++k) {
    path_.assign({maxmin::LinkId(parents[k].value()), downlink(receivers[k])});
    add_flow(sender, volume, path_, claim);
    multicast.relayed.push_back({parents[k]});
  }
}

// 0 once its flow is done, though its parent's may not be.
Bytes Deliveries::remaining(const Multicast& multicast, std::size_t place) const {
  return multicast.relayed[place].has_flow ? fluid_.remaining(multicast.flows[place]) : Bytes(0);
}

void Deliveries::stop_forwarding(WorkerIndex worker) {
  for (std::uint32_t i = 0; i < multicasts_.size(); ++i) {
    if (is_relay() && WorkerIndex(i) != worker && is_sending(WorkerIndex(i)))
      reparent(WorkerIndex(i), worker);
  }
}

// The children of `parent`, which has at most as much to come as they: nobody gets ahead of who sends to him.
void Deliveries::reparent(WorkerIndex sender, WorkerIndex parent) {
  Multicast& multicast = multicasts_[position(sender)];
  const auto found = std::ranges::lower_bound(multicast.receivers, parent);
  Bytes behind;
  if (found != multicast.receivers.end() && *found == parent)
    behind = remaining(multicast, static_cast<std::size_t>(found - multicast.receivers.begin()));
  for (std::size_t k = 0; k < multicast.receivers.size(); ++k) {
    Relayed& relayed = multicast.relayed[k];
    if (relayed.parent != parent) continue;
    const Bytes left = std::max(behind, remaining(multicast, k));
    if (relayed.has_flow) fluid_.stop(multicast.flows[k]);
    relayed = {sender, left > Bytes(0)};
    if (!relayed.has_flow) continue;
    path_.assign({maxmin::LinkId(sender.value()), downlink(multicast.receivers[k])});
    add_flow(sender, left, path_, multicast.claim);
    multicast.flows[k] = multicast.flows.back();
    multicast.flows.pop_back();
  }
}

// Those whose flow is done and whose parent is: from the root on.
void Deliveries::end_relayed(WorkerIndex sender) {
  Multicast& multicast = multicasts_[position(sender)];
  const auto runs = [&](WorkerIndex worker) {
    return std::ranges::binary_search(multicast.receivers, worker);
  };
  for (bool any = true; any;) {
    any = false;
    for (std::size_t k = multicast.receivers.size(); k-- > 0;) {
      if (multicast.relayed[k].has_flow || runs(multicast.relayed[k].parent)) continue;
      const auto place = static_cast<std::ptrdiff_t>(k);
      ended_.push_back({sender, multicast.receivers[k]});
      multicast.receivers.erase(multicast.receivers.begin() + place);
      multicast.flows.erase(multicast.flows.begin() + place);
      multicast.relayed.erase(multicast.relayed.begin() + place);
      any = true;
    }
  }
}

void Deliveries::set_claim(WorkerIndex sender, maxmin::Claim claim, Rate limit) {
  set_uplink(sender, multicasts_[position(sender)].uplink, limit);
  for (const maxmin::FlowId flow : multicasts_[position(sender)].flows) fluid_.set_claim(flow, claim);
}

void Deliveries::drop(plan::Pair pair) {
  Multicast& multicast = multicasts_[position(pair.sender)];
  const auto found = std::ranges::lower_bound(multicast.receivers, pair.receiver);
  SELMCAST_CHECK(found != multicast.receivers.end() && *found == pair.receiver,
                 "only what runs can be dropped");
  const auto place = found - multicast.receivers.begin();
  if (is_relay()) {
    reparent(pair.sender, pair.receiver);
    if (multicast.relayed[static_cast<std::size_t>(place)].has_flow)
      fluid_.stop(multicast.flows[static_cast<std::size_t>(place)]);
    multicast.receivers.erase(multicast.receivers.begin() + place);
    multicast.flows.erase(multicast.flows.begin() + place);
    multicast.relayed.erase(multicast.relayed.begin() + place);
    return;
  }
  multicast.receivers.erase(found);
  if (kind_ == plan::MulticastKind::network && !multicast.receivers.empty()) {
    fluid_.take_off(multicast.flows[0], downlink(pair.receiver));
    return;
  }
  const auto flow = multicast.flows.begin() + (kind_ == plan::MulticastKind::network ? 0 : place);
  fluid_.stop(*flow);
  multicast.flows.erase(flow);
}

void Deliveries::read_remaining(WorkerIndex sender, std::span<plan::SspCandidate> candidates) const {
  const Multicast& multicast = multicasts_[position(sender)];
  SELMCAST_CHECK(candidates.size() == multicast.receivers.size(), "the candidates of a running multicast");
  if (kind_ == plan::MulticastKind::network) {
    const Bytes remaining = fluid_.remaining(multicast.flows[0]);
    for (plan::SspCandidate& candidate : candidates) candidate.remaining = remaining;
    return;
  }
  for (std::size_t k = 0; k < candidates.size(); ++k)
    candidates[k].remaining = fluid_.remaining(multicast.flows[k]);
}

Duration Deliveries::time_left(WorkerIndex sender) const {
  Duration longest;
  for (const maxmin::FlowId flow : multicasts_[position(sender)].flows) {
    longest = std::max(longest, fluid_.remaining(flow) / fluid_.rate(flow));
  }
  return longest;
}

std::span<const plan::Pair> Deliveries::advance(Instant to) {
  ended_.clear();
  for (const maxmin::FlowId flow : fluid_.advance(to)) {
    const WorkerIndex sender = sender_of_[flow.value()];
    Multicast& multicast = multicasts_[position(sender)];
    if (kind_ == plan::MulticastKind::network) {
      for (const WorkerIndex receiver : multicast.receivers) ended_.push_back({sender, receiver});
      multicast.receivers.clear();
      multicast.flows.clear();
      continue;
    }
    const auto found = std::ranges::find(multicast.flows, flow);
    if (is_relay()) {
      // Ids of flows that are done are used again: only one that runs is meant.
      for (std::size_t k = 0; k < multicast.flows.size(); ++k) {
        if (multicast.relayed[k].has_flow && multicast.flows[k] == flow)
          multicast.relayed[k].has_flow = false;
      }
      end_relayed(sender);
      continue;
    }
    const auto receiver = multicast.receivers.begin() + (found - multicast.flows.begin());
    ended_.push_back({sender, *receiver});
    multicast.receivers.erase(receiver);
    multicast.flows.erase(found);
  }
  std::ranges::sort(ended_);
  return ended_;
}

}  // namespace selmcast::sim
