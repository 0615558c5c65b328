// Takes in streams from groups: the shell around Receiver (receiver.h), one for all streams of a worker.
//
// A stream is joined with the place for its payload; what happens is told to the handler: statuses to be sent to the
// sender over its TCP link, completion, or that the sender has fallen silent. leave() leaves the group at once (the
// kernel tells the network), unless another stream uses the same group; so does completion. One socket a group, so the
// machine's limit of memberships a socket does not matter, and one more for what is sent to this receiver alone.
// Thread rule: the io_context's thread; handlers are never called from inside a call of these functions. May be
// destroyed at any time, also from within a handler. The io_context, handler and places outlive it.
#pragma once

#include <asio/io_context.hpp>
#include <memory>
#include <span>

#include "selmcast/mcast/disturbance.h"
#include "selmcast/mcast/receiver.h"
#include "selmcast/mcast/udp_socket.h"

namespace selmcast::mcast {

class GroupReceiverHandler {
 public:
  virtual ~GroupReceiverHandler() = default;
  virtual void on_status(TransferId transfer, const Status& status) = 0;
  // Every byte is in its place, verified. The stream is left already.
  virtual void on_complete(TransferId transfer, Instant first_arrival) = 0;
  // Left already; the place is as it is.
  virtual void on_lost(TransferId transfer, const Error& error) = 0;
};

struct GroupReceiverOptions {
  std::uint32_t interface = 0;  // address of the interface to listen on
  DisturbanceOptions disturbance = {};
};

class GroupReceiver {
 public:
  static Result<std::unique_ptr<GroupReceiver>> make(asio::io_context& io,
                                                     const GroupReceiverOptions& options,
                                                     GroupReceiverHandler& handler);
  virtual ~GroupReceiver() = default;

  // Error: invalid_input (no such shape or group), io (the group cannot be joined), protocol (joined already).
  virtual Result<void> join(TransferId transfer, const StreamShape& shape, const Endpoint& group,
                            std::span<std::byte> place) = 0;
  virtual void leave(TransferId transfer) = 0;
  // Segments that came over TCP. From the first on the group is left. Error (protocol): no such stream, or no segments.
  virtual Result<void> patch(TransferId transfer, std::uint32_t first,
                             std::span<const std::byte> payload) = 0;
  virtual Endpoint repairs() const = 0;       // where senders may send to this receiver alone
  virtual std::uint64_t refused() const = 0;  // datagrams that were none, or of no stream that is joined
};

// On the clock of GroupReceiver and GroupSender (std::chrono::steady_clock).
Instant steady_now();

}  // namespace selmcast::mcast
