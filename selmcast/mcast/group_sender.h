// Sends one payload to a group: the shell around Sender (sender.h), with a socket and a clock.
//
// The schedule is kept by a timer that fires every kBurst at most, so a burst is what the rate makes of that time, and
// at least one segment. Words of receivers (joined, status, acknowledged) are handed in by whoever holds the TCP links;
// what happens to peers is told by `on_event`, never from inside a call of these functions. Who is handed over is the
// caller's to serve. Thread rule: the io_context's thread. May be destroyed at any time, also from within on_event;
// then nothing is called any more. The io_context and the payload outlive it.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <span>

#include "selmcast/mcast/sender.h"
#include "selmcast/mcast/udp_socket.h"

namespace selmcast::mcast {

inline constexpr Duration kBurst = Duration::milliseconds(0.5);

struct GroupSenderOptions {
  Endpoint group;
  std::uint32_t interface = 0;  // address of the interface to send through
  int hops = 1;
};

class GroupSender {
 public:
  using OnEvent = std::function<void(const SenderEvent&)>;
  // Error (io): no such interface, no such route.
  static Result<std::unique_ptr<GroupSender>> make(asio::io_context& io, const GroupSenderOptions& options,
                                                   const StreamShape& shape,
                                                   std::span<const std::byte> payload,
                                                   std::span<const TransferId> peers, Rate rate,
                                                   OnEvent on_event);
  virtual ~GroupSender() = default;

  // `repairs`: where this peer takes what is sent to it alone.
  virtual void joined(TransferId peer, const Endpoint& repairs) = 0;
  // Error (protocol): the link with this peer is to be closed.
  virtual Result<void> status(TransferId peer, const Status& status) = 0;
  virtual void acknowledged(TransferId peer) = 0;
  virtual void drop(TransferId peer) = 0;
  virtual void set_rate(Rate rate) = 0;
  virtual void burst(Rate rate) = 0;  // sender.h
  virtual const Sender& core() const = 0;
};

}  // namespace selmcast::mcast
