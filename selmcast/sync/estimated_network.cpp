#include "selmcast/sync/estimated_network.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr std::int64_t kLateShare = 50;  // the inverse of what is left at least

}  // namespace

void EstimatedNetwork::set_bandwidth(WorkerIndex worker, Rate uplink, Rate downlink) {
  const std::size_t w = position(worker);
  // A worker of a lower index that is not here yet is taken to be like the first one above it.
  while (w >= uplink_.size()) {
    uplink_.push_back(uplink);
    downlink_.push_back(downlink);
    limit_.push_back(Rate::unlimited());
    solver_.add_link(uplink);
    solver_.add_link(downlink);
  }
  uplink_[w] = uplink;
  downlink_[w] = downlink;
  solver_.set_capacity(up(worker), std::min(uplink, limit_[w]));
  solver_.set_capacity(down(worker), downlink);
}

void EstimatedNetwork::start(plan::Pair pair, Bytes volume, maxmin::Claim claim) {
  const std::array links{up(pair.sender), down(pair.receiver)};
  const Flow flow{solver_.add_flow(links, claim), volume, volume.in_bits(), now_, Rate()};
  SELMCAST_CHECK(flows_.emplace(pair, flow).second, "a pair has one delivery at a time");
}

void EstimatedNetwork::start_together(WorkerIndex sender, std::span<const WorkerIndex> receivers,
                                      Bytes volume, maxmin::Claim claim) {
  SELMCAST_CHECK(!receivers.empty(), "a multicast has a receiver");
  std::vector<maxmin::LinkId> links{up(sender)};
  for (const WorkerIndex receiver : receivers) links.push_back(down(receiver));
  const Flow flow{solver_.add_flow(links, claim), volume, volume.in_bits(), now_, Rate(), true};
  for (const WorkerIndex receiver : receivers) {
    const bool is_new = flows_.emplace(plan::Pair{sender, receiver}, flow).second;
    SELMCAST_CHECK(is_new, "a pair has one delivery at a time");
  }
}

bool EstimatedNetwork::is_together(WorkerIndex sender) const {
  const auto first = first_of(sender);
  return first != flows_.end() && first->first.sender == sender && first->second.together;
}

void EstimatedNetwork::stop(plan::Pair pair) {
  const auto found = flows_.find(pair);
  SELMCAST_CHECK(found != flows_.end(), "only what runs is stopped");
  const Flow flow = found->second;
  flows_.erase(found);
  const auto rest = first_of(pair.sender);
  const bool goes_on = flow.together && rest != flows_.end() && rest->first.sender == pair.sender;
  goes_on ? solver_.take_off(flow.flow, down(pair.receiver)) : solver_.remove_flow(flow.flow);
}

void EstimatedNetwork::set_claim(WorkerIndex sender, maxmin::Claim claim) {
  for (auto it = first_of(sender); it != flows_.end() && it->first.sender == sender; ++it)
    solver_.set_claim(it->second.flow, claim);
}

void EstimatedNetwork::set_limit(WorkerIndex sender, Rate limit) {
  limit_[position(sender)] = limit;
  solver_.set_capacity(up(sender), std::min(uplink_[position(sender)], limit));
}

void EstimatedNetwork::settle() {
  solver_.solve();
  for (auto& [pair, flow] : flows_) {
    const Rate rate = solver_.rate(flow.flow);
    if (rate == flow.rate) continue;
    flow.left = left_now(flow);
    flow.since = now_;
    flow.rate = rate;
  }
}

double EstimatedNetwork::left_now(const Flow& flow) const {
  return std::max(0.0, flow.left - flow.rate.bps() * (now_ - flow.since).in_seconds());
}

Bytes EstimatedNetwork::remaining(const Flow& flow) const {
  const Bytes left(static_cast<std::int64_t>(std::ceil(left_now(flow) / 8)));
  return std::clamp(left, Bytes(flow.volume.count() / kLateShare + 1), flow.volume);
}

std::map<plan::Pair, EstimatedNetwork::Flow>::const_iterator EstimatedNetwork::first_of(
    WorkerIndex sender) const {
  return flows_.lower_bound({sender, WorkerIndex(0)});
}

Duration EstimatedNetwork::load_time(plan::Pair pair) const {
  Bytes on_uplink, on_downlink;
  for (const auto& [other, flow] : flows_) {
    if (other.sender == pair.sender)
      on_uplink = flow.together ? std::max(on_uplink, remaining(flow)) : on_uplink + remaining(flow);
    if (other.receiver == pair.receiver) on_downlink += remaining(flow);
  }
  return std::max(on_uplink / uplink_[position(pair.sender)],
                  on_downlink / downlink_[position(pair.receiver)]);
}

std::size_t EstimatedNetwork::incoming(WorkerIndex receiver) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(flows_, [&](const auto& entry) { return entry.first.receiver == receiver; }));
}

std::size_t EstimatedNetwork::outgoing(WorkerIndex sender) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(flows_, [&](const auto& entry) { return entry.first.sender == sender; }));
}

void EstimatedNetwork::read_remaining(WorkerIndex sender, std::span<plan::SspCandidate> candidates) const {
  for (plan::SspCandidate& candidate : candidates) {
    const auto found = flows_.find({sender, candidate.receiver});
    SELMCAST_CHECK(found != flows_.end(), "the receivers of a running multicast have deliveries");
    candidate.remaining = remaining(found->second);
  }
}

Duration EstimatedNetwork::time_left(WorkerIndex sender) const {
  Duration longest;
  for (auto it = first_of(sender); it != flows_.end() && it->first.sender == sender; ++it)
    longest = std::max(longest, remaining(it->second) / it->second.rate);
  return longest;
}

}  // namespace selmcast::sync
