// Carries out WorkerCore's orders about IP multicast (group_orders.h) with sockets, and tells it what happens.
//
// The interface is that of the worker's data address. Where a socket cannot be opened the model goes over TCP: a sender
// hands every receiver over at once, a receiver says that it cannot join. Thread rule: the io_context's thread.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "selmcast/mcast/group_receiver.h"
#include "selmcast/mcast/group_sender.h"
#include "selmcast/mcast/prober.h"
#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

class GroupShell final : private mcast::GroupReceiverHandler {
 public:
  struct Events {
    std::function<void(WorkerActions)> carry_out;
    std::function<Instant(Instant)> on_core_clock;  // of mcast::steady_now()
  };
  // `core` outlives it. `uplink`: an emulated link, above which nothing is sent.
  GroupShell(asio::io_context& io, WorkerCore& core, const std::string& data_host, Rate uplink,
             Events events);
  void obey(GroupOrder& order);

 private:
  void obey(StartGroup& order);
  void obey(SetGroupRate& order);
  void obey(PeerJoined& order);
  void obey(PeerStatus& order);
  void obey(PeerAcknowledged& order);
  void obey(DropPeer& order);
  void obey(StopGroup& order);
  void obey(JoinGroup& order);
  void obey(LeaveGroup& order);
  void obey(PlacePatch& order);
  void obey(LeaveAllGroups& order);
  void obey(StartProbe& order);
  void probed(std::uint64_t number, const mcast::ProbeResult& result);
  void happened(const mcast::SenderEvent& event);
  void hand_over(TransferId transfer, std::span<const mcast::SegmentRange> missing, Rate rate);
  bool can_receive();
  Instant now() const { return events_.on_core_clock(mcast::steady_now()); }

  void on_status(TransferId transfer, const mcast::Status& status) override;
  void on_complete(TransferId transfer, Instant first_arrival) override;
  void on_lost(TransferId transfer, const Error& error) override;

  asio::io_context& io_;
  WorkerCore& core_;
  std::optional<std::uint32_t> interface_;  // none: the address is not IPv4
  Rate uplink_;
  Events events_;
  mcast::StreamShape sending_;
  Rate rate_;
  std::unique_ptr<mcast::GroupSender> sender_;
  std::unique_ptr<mcast::GroupReceiver> receiver_;
  std::unique_ptr<mcast::Prober> prober_;
};

}  // namespace selmcast::worker
