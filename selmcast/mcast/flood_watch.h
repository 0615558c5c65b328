// Looks for datagrams to a group that this host has not joined: they come only where the network floods.
//
// The kernel throws them away before any UDP socket sees them, and a card before the kernel. So this is a packet
// socket, which opens the card to all multicast as long as it lives, and filters the one group in the kernel. It needs
// CAP_NET_RAW. Other processes of this host must not have joined the group: their datagrams look the same. Thread rule:
// one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "selmcast/base/error.h"
#include "selmcast/mcast/udp_socket.h"

namespace selmcast::mcast {

class FloodWatch {
 public:
  // On the interface with this address. Errors: rejected (no CAP_NET_RAW), io.
  static Result<FloodWatch> open(const Endpoint& group, std::uint32_t interface);

  FloodWatch(FloodWatch&& other) noexcept;
  FloodWatch& operator=(FloodWatch&&) = delete;
  ~FloodWatch();
  int descriptor() const { return descriptor_; }

  // What has come, up to a bound: the payload of each UDP datagram to the group's address and port, and its source.
  using OnDatagram = std::function<void(std::span<const std::byte>, const Endpoint& source)>;
  void receive(const OnDatagram& on_datagram);

 private:
  FloodWatch(int descriptor, Endpoint group) : descriptor_(descriptor), group_(group) {}
  int descriptor_ = -1;
  Endpoint group_;
};

}  // namespace selmcast::mcast
