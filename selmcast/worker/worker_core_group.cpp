// The half of WorkerCore (worker_core.h) that is about IP multicast: one multicast that this worker sends, streams that
// it receives; and probes. Data goes through the shell; offers, statuses, patches and acknowledgements over the links.
#include <algorithm>
#include <utility>

#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

// ---- sender ------------------------------------------------------------------------------------------------

void WorkerCore::start_group(const std::optional<wire::MulticastGroup>& group,
                             const std::vector<wire::Outgoing>& outgoing, WorkerActions& actions) {
  is_grouped_ = group.has_value() && !std::ranges::all_of(outgoing, &wire::Outgoing::apart);
  if (!is_grouped_) return;
  StartGroup start{*group, payload(), {}, Rate::unlimited(), Rate::unlimited()};
  for (const wire::Outgoing& planned : outgoing) {
    if (planned.apart) continue;
    start.peers.push_back(planned.transfer);
    start.burst = std::min(start.burst, planned.rate);
    start.rate = std::min(start.rate, planned.planned.value_or(planned.rate));
  }
  actions.push_back(GroupOrder(std::move(start)));
}

// There is one stream, so the least of its receivers' rates.
void WorkerCore::set_group_rate(WorkerActions& actions) const {
  if (!is_grouped_) return;
  Rate least = Rate::unlimited();
  for (const auto& [transfer, outgoing] : outgoing_) {
    if (outgoing.planned.apart) continue;
    if (outgoing.state == Sending::waiting || outgoing.state == Sending::offered ||
        outgoing.state == Sending::grouped)
      least = std::min(least, outgoing.planned.rate);
  }
  if (!least.is_unlimited()) actions.push_back(GroupOrder(SetGroupRate{least}));
}

// A receiver's joined, status or ack.
Result<WorkerActions> WorkerCore::group_word(Outgoing& outgoing, const wire::FrameHeader& header,
                                             std::span<const std::byte> payload) {
  WorkerActions actions;
  const TransferId transfer = header.transfer;
  if (header.kind == wire::FrameKind::joined) {
    if (!is_grouped_ || outgoing.planned.apart)
      return failure(ErrorCode::protocol, "a receiver joined the group of a transfer that has none");
    const auto joined = wire::decode_joined(payload);
    if (!joined) return std::unexpected(joined.error());
    outgoing.state = Sending::grouped;
    actions.push_back(GroupOrder(PeerJoined{transfer, *joined}));
  } else if (header.kind == wire::FrameKind::status) {
    auto status = mcast::decode_status(payload);
    if (!status) return std::unexpected(status.error());
    if (outgoing.state == Sending::grouped)
      actions.push_back(GroupOrder(PeerStatus{transfer, std::move(*status)}));
  } else if (outgoing.state == Sending::grouped) {
    outgoing.state = Sending::acknowledged;
    actions.push_back(GroupOrder(PeerAcknowledged{transfer}));
  } else if (outgoing.state == Sending::streaming) {
    outgoing.early_ack = true;  // what was under way to the group when it was handed over
  } else if (outgoing.state == Sending::sent) {
    outgoing.state = Sending::acknowledged;
  }
  return actions;
}

WorkerActions WorkerCore::group_handed_over(TransferId transfer, std::vector<mcast::StreamPart> parts,
                                            Rate rate) {
  WorkerActions actions;
  const auto found = outgoing_.find(transfer);
  if (found == outgoing_.end() || found->second.state != Sending::grouped) return actions;
  Outgoing& outgoing = found->second;
  const auto link = link_of(transfer);
  if (!link) return actions;
  outgoing.patched = true;
  outgoing.state = parts.empty() ? Sending::sent : Sending::streaming;
  if (!parts.empty()) {
    actions.push_back(StreamParts{*link, transfer, payload(), std::move(parts), rate});
  }
  return actions;
}

WorkerActions WorkerCore::group_slow(const wire::Slow& slow) {
  WorkerActions actions;
  const auto found = outgoing_.find(slow.transfer);
  if (found != outgoing_.end() && found->second.state == Sending::grouped)
    actions.push_back(SendToManager{slow});
  return actions;
}

WorkerActions WorkerCore::group_peer_dead(TransferId transfer, const std::string& why, Instant now) {
  WorkerActions actions;
  const auto found = outgoing_.find(transfer);
  if (found == outgoing_.end() || found->second.state != Sending::grouped) return actions;
  fail_outgoing(transfer, to_string(found->second.planned.receiver.id) + ": " + why, now, actions);
  return actions;
}

// ---- receiver ----------------------------------------------------------------------------------------------

WorkerActions WorkerCore::group_joined(TransferId transfer, const std::optional<wire::JoinedBody>& repairs) {
  WorkerActions actions;
  const auto link = inbox_.link_under_way(transfer);
  if (!link) return actions;
  if (repairs) inbox_.joined_group(transfer);
  actions.push_back(
      SendFrame{*link, repairs ? wire::joined_frame(transfer, *repairs) : wire::grant_frame(transfer)});
  return actions;
}

WorkerActions WorkerCore::group_status(TransferId transfer, const mcast::Status& status) {
  WorkerActions actions;
  if (const auto link = inbox_.link_under_way(transfer))
    actions.push_back(SendFrame{*link, wire::status_frame(transfer, mcast::encode(status))});
  return actions;
}

WorkerActions WorkerCore::group_complete(TransferId transfer, Instant first_arrival, Instant now) {
  WorkerActions actions;
  const auto link = inbox_.link_under_way(transfer);
  if (!link || !inbox_.group_complete(transfer, first_arrival, now)) return actions;
  verified(transfer, *link, std::nullopt, now, actions);
  return actions;
}

WorkerActions WorkerCore::group_lost(TransferId transfer, const Error& error) {
  WorkerActions actions;
  if (!inbox_.link_under_way(transfer)) return actions;
  const std::string from = to_string(inbox_.sender_of(transfer));
  actions.push_back(
      SendToManager{wire::TransferFailed{transfer, "multicast from " + from + ": " + error.message}});
  return actions;
}

// Of a transfer that is complete or cancelled meanwhile: it was on its way, and is of no use.
WorkerActions WorkerCore::patch_arrived(LinkId link, const wire::FrameHeader& header,
                                        std::span<const std::byte> payload) {
  WorkerActions actions;
  if (inbox_.link_under_way(header.transfer) == link && inbox_.in_group(header.transfer))
    actions.push_back(GroupOrder(PlacePatch{header.transfer, header.sequence, payload}));
  return actions;
}

// ---- probing -----------------------------------------------------------------------------------------------

// At any time: it is beside the rounds.
Result<WorkerActions> WorkerCore::start_probe(const wire::Probe& probe) const {
  if (!welcome_) return failure(ErrorCode::protocol, "a probe before the welcome");
  return WorkerActions{GroupOrder(StartProbe{probe, welcome_->id})};
}

WorkerActions WorkerCore::probed(wire::Probed seen) const {
  if (over_) return {};
  return {SendToManager{std::move(seen)}};
}

}  // namespace selmcast::worker
