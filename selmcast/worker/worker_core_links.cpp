// The half of WorkerCore (worker_core.h) that talks to peers: links, offers, streams and acknowledgements.
#include <string>
#include <utility>

#include "selmcast/worker/limits.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

// The one that carries it, or has carried it last.
std::optional<LinkId> WorkerCore::link_of(TransferId transfer) const {
  for (const auto& [link, out] : out_links_) {
    if (out.carries == transfer) return link;
  }
  return std::nullopt;
}

// One that carries nothing: a worker that sends to another for several multicasts at a time has several.
std::optional<LinkId> WorkerCore::idle_link_to(const wire::PeerAddress& receiver) const {
  for (const auto& [link, out] : out_links_) {
    const auto carried = outgoing_.find(out.carries);
    if (out.peer == receiver && (carried == outgoing_.end() || !carried->second.is_open())) return link;
  }
  return std::nullopt;
}

LinkId WorkerCore::accepted(Instant now) {
  const LinkId link(++links_made_);
  in_links_[link] = {std::nullopt, std::nullopt, now};
  return link;
}

WorkerActions WorkerCore::connected(LinkId link) {
  WorkerActions actions;
  const auto out = out_links_.find(link);
  if (out == out_links_.end()) return actions;
  out->second.connected = true;
  actions.push_back(SendFrame{link, wire::hello_frame({welcome_->run_token, welcome_->id})});
  if (const auto outgoing = outgoing_.find(out->second.carries); outgoing != outgoing_.end())
    offer_if_ready(outgoing->second, actions);
  return actions;
}

// Its link is there, and so is what it says about the model: with relay, not before that is on its way here.
void WorkerCore::offer_if_ready(Outgoing& outgoing, WorkerActions& actions) {
  const std::optional<LinkId> link = link_of(outgoing.planned.transfer);
  if (outgoing.state != Sending::waiting || !link || !out_links_.at(*link).connected) return;
  const std::optional<TransferId> source = outgoing.planned.source;
  if (source && !inbox_.arriving(*source)) return;
  outgoing.state = Sending::offered;
  const std::optional<Bytes> sounding = outgoing.planned.sounding;
  // Nothing is mixed of a sounding, so no mass goes with it.
  const wire::MixHeader mix = source ? inbox_.mix_of(*source) : sounding ? wire::MixHeader{mix_.round} : mix_;
  actions.push_back(
      SendFrame{*link, wire::offer_frame(outgoing.planned.transfer,
                                         {outgoing.version, sounding.value_or(model_bytes_), mix})});
}

void WorkerCore::answer_offers(const Inbox::Answers& answers, WorkerActions& actions) {
  for (const Inbox::Grant& grant : answers.grants) {
    if (!in_links_.contains(grant.link)) continue;
    if (grant.group) {
      actions.push_back(GroupOrder(JoinGroup{grant.transfer, *grant.group, grant.place}));
      continue;
    }
    actions.push_back(SendFrame{grant.link, wire::grant_frame(grant.transfer, grant.sequence)});
    for (auto& [id, outgoing] : outgoing_) {
      if (outgoing.planned.source == grant.transfer) offer_if_ready(outgoing, actions);
    }
  }
  for (const Inbox::Refusal& refusal : answers.refusals) {
    if (!in_links_.contains(refusal.link)) continue;
    actions.push_back(SendFrame{refusal.link, wire::refuse_frame(refusal.transfer, refusal.why)});
  }
}

WorkerActions WorkerCore::closed(LinkId link, const Error& error, Instant now) {
  WorkerActions actions;
  if (const auto out = out_links_.find(link); out != out_links_.end()) {
    const OutLink lost = out->second;
    out_links_.erase(out);
    if (outgoing_.contains(lost.carries))
      fail_outgoing(lost.carries, "link to " + to_string(lost.peer.id) + ": " + error.message, now, actions);
  } else if (const auto in = in_links_.find(link); in != in_links_.end()) {
    const auto lost = inbox_.link_lost(link);
    const std::optional<WorkerId> peer = in->second.sender;
    in_links_.erase(in);
    if (lost) {
      give_up(lost->others, actions);
      if (inbox_.in_group(lost->transfer)) actions.push_back(GroupOrder(LeaveGroup{lost->transfer}));
      const std::string from = "link from " + to_string(peer.value_or(inbox_.sender_of(lost->transfer)));
      actions.push_back(
          SendToManager{wire::TransferFailed{lost->transfer, from + ": " + error.message, peer}});
    }
  }
  return actions;
}

// Links of a transfer that came to this worker, and comes no more.
void WorkerCore::give_up(const std::vector<LinkId>& links, WorkerActions& actions) {
  for (const LinkId link : links) {
    if (in_links_.erase(link) > 0) actions.push_back(AbortLink{link});
  }
}

void WorkerCore::fail_outgoing(TransferId transfer, const std::string& why, Instant now,
                               WorkerActions& actions) {
  Outgoing& outgoing = outgoing_.at(transfer);
  if (!outgoing.is_open()) return;
  if (plan_ && plan_->group) actions.push_back(GroupOrder(DropPeer{transfer}));
  outgoing.state = Sending::stopped;
  actions.push_back(SendToManager{wire::TransferFailed{transfer, why, outgoing.planned.receiver.id}});
  if (outgoing.planned.source) release_if_through(*outgoing.planned.source, now, actions);
}

void WorkerCore::give_up_who_does_not_acknowledge(Instant now, WorkerActions& actions) {
  for (auto& [transfer, outgoing] : outgoing_) {
    if (outgoing.state != Sending::sent || now < outgoing.ack_due) continue;
    if (const auto link = link_of(transfer)) {
      out_links_.erase(*link);
      actions.push_back(AbortLink{*link});
    }
    fail_outgoing(transfer,
                  to_string(outgoing.planned.receiver.id) + " was sent all of it and does not acknowledge",
                  now, actions);
  }
}

WorkerActions WorkerCore::stream_sent(LinkId link, TransferId transfer, std::optional<Instant> now) {
  const auto found = outgoing_.find(transfer);
  if (found != outgoing_.end() && out_links_.contains(link) && found->second.state == Sending::streaming) {
    found->second.state = found->second.early_ack ? Sending::acknowledged : Sending::sent;
    const Rate rate = found->second.planned.rate;
    if (now)
      found->second.ack_due = *now + kAckPatience + (rate.is_unlimited() ? Duration() : kInKernel / rate);
    WorkerActions actions;
    if (found->second.planned.source) release_if_through(*found->second.planned.source, {}, actions);
    return actions;
  }
  return {};
}

Result<std::span<std::byte>> WorkerCore::chunk_place(LinkId link, const wire::FrameHeader& header) {
  const auto in = in_links_.find(link);
  return inbox_.place(link, in == in_links_.end() ? std::nullopt : in->second.sender, header);
}

void WorkerCore::chunk_bytes(LinkId link, Bytes bytes, Instant now) {
  inbox_.bytes_arrived(link, bytes, now);
}

Result<WorkerActions> WorkerCore::frame(LinkId link, const wire::FrameHeader& header,
                                        std::span<const std::byte> payload, Instant now) {
  if (const auto out = out_links_.find(link); out != out_links_.end()) {
    return from_receiver(out->second.peer.id, link, header, payload, now);
  }
  if (const auto in = in_links_.find(link); in != in_links_.end()) {
    return from_sender(link, in->second, header, payload, now);
  }
  return WorkerActions{};  // aborted meanwhile
}

Result<WorkerActions> WorkerCore::from_receiver(WorkerId receiver, LinkId link,
                                                const wire::FrameHeader& header,
                                                std::span<const std::byte> payload, Instant now) {
  WorkerActions actions;
  const auto found = outgoing_.find(header.transfer);
  // An answer to a transfer of an earlier round, or one that was cancelled: nothing to do any more.
  if (found == outgoing_.end() || found->second.state == Sending::stopped || found->second.planned.elsewhere)
    return actions;
  Outgoing& outgoing = found->second;
  const auto wrong = [&] {
    return failure(ErrorCode::protocol, to_string(receiver) + " sent an unexpected " +
                                            std::string(wire::to_string(header.kind)) + " for transfer " +
                                            std::to_string(header.transfer.value()));
  };
  if (outgoing.planned.receiver.id != receiver) return wrong();
  switch (header.kind) {
    case wire::FrameKind::grant:
      if (outgoing.state != Sending::offered || header.sequence >= chunk_count()) return wrong();
      outgoing.state = Sending::streaming;
      if (plan_ && plan_->group && !outgoing.planned.apart)
        actions.push_back(GroupOrder(DropPeer{header.transfer}));  // nobody waits for it
      actions.push_back(start_stream(link, outgoing, header.sequence));
      return actions;
    case wire::FrameKind::ack:
      if (outgoing.state == Sending::grouped || outgoing.patched)
        return group_word(outgoing, header, payload);
      // While the stream runs it cannot have all of it; and a stream that counts as done may not read on.
      if (outgoing.state != Sending::sent) return wrong();
      outgoing.state = Sending::acknowledged;
      return actions;
    case wire::FrameKind::joined:
      if (outgoing.state != Sending::offered) return wrong();
      return group_word(outgoing, header, payload);
    case wire::FrameKind::status:
      if (outgoing.state != Sending::grouped && !outgoing.patched) return wrong();
      return group_word(outgoing, header, payload);
    case wire::FrameKind::refuse:
      if (outgoing.state != Sending::offered) return wrong();
      fail_outgoing(header.transfer, to_string(receiver) + " refused: " + wire::decode_refuse(payload), now,
                    actions);
      return actions;
    default: return wrong();
  }
}

Result<WorkerActions> WorkerCore::from_sender(LinkId link, InLink& in, const wire::FrameHeader& header,
                                              std::span<const std::byte> payload, Instant now) {
  WorkerActions actions;
  if (!in.sender) {
    if (header.kind != wire::FrameKind::hello)
      return failure(ErrorCode::protocol, "a peer did not say hello first");
    const auto hello = wire::decode_hello(payload);
    if (!hello) return std::unexpected(hello.error());
    // Without rounds in common a peer may be planned, and dial, before this worker has its welcome.
    if (!welcome_) in.unchecked_token = hello->run_token;
    if (welcome_ && hello->run_token != welcome_->run_token) {
      return failure(ErrorCode::protocol, "a peer of another training (wrong run token) connected");
    }
    in.sender = hello->sender;
    return actions;
  }
  if (header.kind == wire::FrameKind::offer) {
    const auto body = wire::decode_offer(payload);
    if (!body) return std::unexpected(body.error());
    auto answers = inbox_.offered(link, *in.sender, header.transfer, *body, now);
    if (!answers) return std::unexpected(answers.error());
    answer_offers(*answers, actions);
    return actions;
  }
  if (header.kind == wire::FrameKind::patch) {
    if (auto good = wire::verify_payload(header, payload); !good)
      return std::unexpected(with_context("from " + to_string(*in.sender), good.error()));
    return patch_arrived(link, header, payload);
  }
  if (!wire::carries_payload(header.kind)) {
    return failure(ErrorCode::protocol, to_string(*in.sender) + " sent an unexpected " +
                                            std::string(wire::to_string(header.kind)));
  }
  const LinkId offered_on = inbox_.link_under_way(header.transfer).value_or(link);
  const Result<bool> verified = inbox_.chunk_complete(link, header);
  if (!verified) return std::unexpected(with_context("from " + to_string(*in.sender), verified.error()));
  extend_streams(header.transfer, actions);
  if (*verified) this->verified(header.transfer, offered_on, link, now, actions);
  return actions;
}

// To the sender and to the manager.
void WorkerCore::verified(TransferId transfer, LinkId link, std::optional<LinkId> came_over, Instant now,
                          WorkerActions& actions) {
  const Inbox::Timing timing = inbox_.timing(transfer);
  actions.push_back(SendFrame{link, wire::ack_frame(transfer)});
  actions.push_back(SendToManager{
      wire::Delivered{transfer, timing.bytes, timing.started, timing.finished, timing.progress}, came_over});
  if (inbox_.is_sounding(transfer)) answer_offers(inbox_.release(transfer, now), actions);
}

}  // namespace selmcast::worker
