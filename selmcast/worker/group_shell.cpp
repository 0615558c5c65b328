#include "selmcast/worker/group_shell.h"

#include <algorithm>
#include <array>
#include <utility>

#include "selmcast/base/overloaded.h"

namespace selmcast::worker {

GroupShell::GroupShell(asio::io_context& io, WorkerCore& core, const std::string& data_host, Rate uplink,
                       Events events)
    : io_(io), core_(core), uplink_(uplink), events_(std::move(events)) {
  if (const auto address = mcast::parse_address(data_host)) interface_ = *address;
}

void GroupShell::obey(GroupOrder& order) {
  std::visit([this](auto& one) { obey(one); }, order);
}

// ---- sender ------------------------------------------------------------------------------------------------

void GroupShell::obey(StartGroup& order) {
  sender_.reset();
  sending_ = shape_of(order.group, Bytes(static_cast<std::int64_t>(order.payload.size())));
  rate_ = order.rate;
  if (!interface_) return;
  auto made = mcast::GroupSender::make(
      io_, {.group = {order.group.address, order.group.port}, .interface = *interface_}, sending_,
      order.payload, order.peers, std::min(order.rate, uplink_),
      [this](const mcast::SenderEvent& event) { happened(event); });
  if (!made) return;
  sender_ = std::move(*made);
  sender_->burst(std::min(order.burst, uplink_));
}

void GroupShell::obey(SetGroupRate& order) {
  rate_ = order.rate;
  if (sender_) sender_->set_rate(std::min(order.rate, uplink_));
}

void GroupShell::obey(PeerJoined& order) {
  if (sender_) return sender_->joined(order.transfer, {order.repairs.address, order.repairs.port});
  const std::array all = {mcast::SegmentRange{0, sending_.segments()}};
  hand_over(order.transfer, all, rate_);
}

// A status that makes no sense ends the peer's part, as does its silence.
void GroupShell::obey(PeerStatus& order) {
  if (!sender_) return;
  if (auto taken = sender_->status(order.transfer, order.status); !taken)
    events_.carry_out(core_.group_peer_dead(order.transfer, taken.error().message, now()));
}

void GroupShell::obey(PeerAcknowledged& order) {
  if (sender_) sender_->acknowledged(order.transfer);
}
void GroupShell::obey(DropPeer& order) {
  if (sender_) sender_->drop(order.transfer);
}
void GroupShell::obey(StopGroup&) { sender_.reset(); }

void GroupShell::happened(const mcast::SenderEvent& event) {
  std::visit(Overloaded{
                 [this](const mcast::PeerSlow& slow) {
                   events_.carry_out(core_.group_slow({slow.peer, slow.goodput, slow.alone}));
                 },
                 [this](const mcast::PeerHandedOver& handed) {
                   hand_over(handed.peer, handed.missing, handed.rate);
                 },
                 [this](const mcast::PeerDead& dead) {
                   events_.carry_out(core_.group_peer_dead(dead.peer, dead.why, now()));
                 },
             },
             event);
}

void GroupShell::hand_over(TransferId transfer, std::span<const mcast::SegmentRange> missing, Rate rate) {
  events_.carry_out(core_.group_handed_over(transfer, mcast::parts_of(sending_, missing), rate));
}

// ---- receiver ----------------------------------------------------------------------------------------------

bool GroupShell::can_receive() {
  if (receiver_ || !interface_) return receiver_ != nullptr;
  auto made = mcast::GroupReceiver::make(io_, {.interface = *interface_}, *this);
  if (made) receiver_ = std::move(*made);
  return receiver_ != nullptr;
}

void GroupShell::obey(JoinGroup& order) {
  std::optional<wire::JoinedBody> repairs;
  const auto shape = shape_of(order.group, Bytes(static_cast<std::int64_t>(order.place.size())));
  const mcast::Endpoint group{order.group.address, order.group.port};
  if (can_receive() && receiver_->join(order.transfer, shape, group, order.place))
    repairs = wire::JoinedBody{receiver_->repairs().address, receiver_->repairs().port};
  events_.carry_out(core_.group_joined(order.transfer, repairs));
}

void GroupShell::obey(LeaveGroup& order) {
  if (receiver_) receiver_->leave(order.transfer);
}
void GroupShell::obey(PlacePatch& order) {
  // WorkerCore has checked it: it can only be refused when the stream has ended meanwhile.
  if (receiver_) static_cast<void>(receiver_->patch(order.transfer, order.first_segment, order.payload));
}
void GroupShell::obey(LeaveAllGroups&) {
  receiver_.reset();
  prober_.reset();
}

void GroupShell::on_status(TransferId transfer, const mcast::Status& status) {
  events_.carry_out(core_.group_status(transfer, status));
}
void GroupShell::on_complete(TransferId transfer, Instant first_arrival) {
  events_.carry_out(core_.group_complete(transfer, events_.on_core_clock(first_arrival), now()));
}
void GroupShell::on_lost(TransferId transfer, const Error& error) {
  events_.carry_out(core_.group_lost(transfer, error));
}

// ---- probing -----------------------------------------------------------------------------------------------

void GroupShell::obey(StartProbe& order) {
  const std::uint64_t number = order.probe.number;
  prober_.reset();
  if (!interface_) return probed(number, {.heard = {}, .flooded = {}, .fault = "its address is not IPv4"});
  const wire::MulticastGroup &joined = order.probe.joined, &other = order.probe.other;
  prober_ =
      mcast::Prober::start(io_,
                           {.joined = {joined.address, joined.port},
                            .other = {other.address, other.port},
                            .interface = *interface_,
                            .token = joined.stream,
                            .sender = order.own.value()},
                           [this, number](const mcast::ProbeResult& result) { probed(number, result); });
}

void GroupShell::probed(std::uint64_t number, const mcast::ProbeResult& result) {
  wire::Probed seen{.number = number, .sees_floods = result.sees_floods, .fault = result.fault};
  for (const std::uint32_t sender : result.heard) seen.heard.push_back(WorkerId(sender));
  for (const std::uint32_t sender : result.flooded) seen.flooded.push_back(WorkerId(sender));
  const auto over = std::move(prober_);  // it speaks, so it lives until it is done
  events_.carry_out(core_.probed(std::move(seen)));
}

}  // namespace selmcast::worker
