// UDP sockets of the reliable multicast, by system call: many datagrams a call.
//
// Sending: segments of one size go to the kernel as one buffer of up to 64 KB (UDP_SEGMENT, "GSO"), which it cuts late
// or leaves to the card. Receiving: what arrived together comes as one buffer (UDP_GRO), several in one recvmmsg.
// Where the kernel offers neither, datagrams go one by one; nothing else changes. Measured figures: docs/multicast.md.
// The receive buffer is kReceiveBufferBytes if this process may force it, else as much as the machine allows.
// SO_MAX_PACING_RATE does nothing for UDP without the fq qdisc, so the schedule is kept by timer (group_sender.h).
// IPv4. Thread rule: one owner.
#pragma once

#include <netinet/in.h>
#include <sys/uio.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "selmcast/base/error.h"

namespace selmcast::mcast {

// An IPv4 address and port, in host order.
struct Endpoint {
  std::uint32_t address = 0;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};
std::string to_string(const Endpoint& endpoint);
// "239.77.0.1". Error (invalid_input).
Result<std::uint32_t> parse_address(const std::string& text);
bool is_multicast(std::uint32_t address);

// The address of the interface that leads to `towards`; nothing is sent. Error (unavailable): no route.
Result<std::uint32_t> interface_towards(std::uint32_t towards);

class UdpSocket {
 public:
  // Sends to groups through the interface with this address. `hops`: routers that a datagram may pass, and one.
  static Result<UdpSocket> for_sending(std::uint32_t interface, int hops);
  // A member of the group on that interface until it is closed. Only what is sent to the group comes here.
  static Result<UdpSocket> for_group(const Endpoint& group, std::uint32_t interface);
  // What is sent to this address, at a free port.
  static Result<UdpSocket> for_unicast(std::uint32_t address);

  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;
  ~UdpSocket();

  void close();  // now; the group is left
  int descriptor() const { return descriptor_; }
  std::uint16_t port() const;
  bool segments_offloaded() const { return offload_; }

  // One datagram each `datagram_bytes` of `pieces`, the last may be shorter; at most kSegmentsPerCall of them, and
  // 64 KB. False: no room now. What the network loses on the way, this host's own queues included, is no error.
  // Error (io): nothing can be sent this way.
  Result<bool> send(const Endpoint& to, std::span<const iovec> pieces, std::size_t datagram_bytes);

  // Hands over what is there, up to a bound. Returns false when nothing is left. Datagrams larger than a buffer come
  // cut.
  using OnDatagram = std::function<void(std::span<const std::byte>)>;
  bool receive(const OnDatagram& on_datagram);

 private:
  struct ReceiveBuffers;
  explicit UdpSocket(int descriptor);
  static Result<UdpSocket> open(const char* what);
  Result<bool> send_one_by_one(const Endpoint& to, std::span<const iovec> pieces, std::size_t datagram_bytes);

  int descriptor_ = -1;
  bool offload_ = true;
  std::unique_ptr<ReceiveBuffers> buffers_;
};

inline constexpr std::size_t kSegmentsPerCall = 44;
inline constexpr std::size_t kBytesPerCall = 65'000;

}  // namespace selmcast::mcast
