#include "selmcast/mcast/udp_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "selmcast/base/check.h"

namespace selmcast::mcast {
namespace {

constexpr int kReceiveBufferBytes = 8 << 20;
constexpr int kSendBufferBytes = 1 << 20;
constexpr std::size_t kMessagesPerCall = 8;
constexpr std::size_t kMessageBytes = 65'536;

std::unexpected<Error> io_failure(const std::string& what) {
  return failure(ErrorCode::io, "multicast: " + what + ": " + std::strerror(errno));
}

sockaddr_in socket_address(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(endpoint.address);
  address.sin_port = htons(endpoint.port);
  return address;
}

template <class Value>
bool set(int descriptor, int level, int name, const Value& value) {
  return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

void enlarge(int descriptor, int forced, int plain, int bytes) {
  if (!set(descriptor, SOL_SOCKET, forced, bytes)) set(descriptor, SOL_SOCKET, plain, bytes);
}

// Errors by which the kernel says that a datagram was lost, or that an earlier one was: no news to the protocol.
bool is_loss(int error) { return error == ENOBUFS || error == ECONNREFUSED || error == EHOSTUNREACH; }

}  // namespace

std::string to_string(const Endpoint& e) {
  return fmt::format("{}.{}.{}.{}:{}", e.address >> 24, e.address >> 16 & 255, e.address >> 8 & 255,
                     e.address & 255, e.port);
}

Result<std::uint32_t> parse_address(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1)
    return failure(ErrorCode::invalid_input, "'" + text + "' is no IPv4 address, such as 10.0.0.1");
  return ntohl(address.s_addr);
}

bool is_multicast(std::uint32_t address) { return address >> 28 == 0xe; }

Result<std::uint32_t> interface_towards(std::uint32_t towards) {
  const int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = socket_address({towards, 9});
  sockaddr_in own{};
  socklen_t size = sizeof own;
  const bool found = probe >= 0 && connect(probe, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                     getsockname(probe, reinterpret_cast<sockaddr*>(&own), &size) == 0;
  const int error = errno;
  if (probe >= 0) ::close(probe);
  if (!found)
    return failure(ErrorCode::unavailable,
                   "no route to " + to_string(Endpoint{towards, 9}) + ": " + std::strerror(error));
  return ntohl(own.sin_addr.s_addr);
}

struct UdpSocket::ReceiveBuffers {
  std::vector<std::byte> bytes = std::vector<std::byte>(kMessagesPerCall * kMessageBytes);
  std::array<mmsghdr, kMessagesPerCall> messages{};
  std::array<iovec, kMessagesPerCall> pieces{};
  struct alignas(cmsghdr) Control {
    std::array<std::byte, 64> bytes;
  };
  std::array<Control, kMessagesPerCall> controls{};
};

UdpSocket::UdpSocket(int descriptor) : descriptor_(descriptor) {}
UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      offload_(other.offload_),
      buffers_(std::move(other.buffers_)) {}
UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(offload_, other.offload_);
  std::swap(buffers_, other.buffers_);
  return *this;
}
UdpSocket::~UdpSocket() { close(); }

void UdpSocket::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Result<UdpSocket> UdpSocket::open(const char* what) {
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return io_failure(what);
  return UdpSocket(descriptor);
}

Result<UdpSocket> UdpSocket::for_sending(std::uint32_t interface, int hops) {
  auto made = open("a socket to send by");
  if (!made) return made;
  const int fd = made->descriptor_;
  ip_mreqn request{};
  request.imr_address.s_addr = htonl(interface);
  const sockaddr_in own = socket_address({interface, 0});
  if (!set(fd, IPPROTO_IP, IP_MULTICAST_IF, request) || !set(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops) ||
      bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    return io_failure("sending through the interface of " + to_string(Endpoint{interface, 0}));
  }
  set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);  // receivers on this machine
  enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF, kSendBufferBytes);
  return made;
}

Result<UdpSocket> UdpSocket::for_group(const Endpoint& group, std::uint32_t interface) {
  auto made = open("a socket for a group");
  if (!made) return made;
  const int fd = made->descriptor_;
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);  // several receivers on one machine
  set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBufferBytes);
  set(fd, IPPROTO_UDP, UDP_GRO, 1);
  const sockaddr_in address = socket_address(group);
  ip_mreqn request{};
  request.imr_multiaddr.s_addr = htonl(group.address);
  request.imr_address.s_addr = htonl(interface);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      !set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request)) {
    return io_failure("joining " + to_string(group) + " on the interface of " +
                      to_string(Endpoint{interface, 0}));
  }
  made->buffers_ = std::make_unique<ReceiveBuffers>();
  return made;
}

Result<UdpSocket> UdpSocket::for_unicast(std::uint32_t address) {
  auto made = open("a socket for repairs");
  if (!made) return made;
  const int fd = made->descriptor_;
  enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBufferBytes);
  set(fd, IPPROTO_UDP, UDP_GRO, 1);
  const sockaddr_in own = socket_address({address, 0});
  if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return io_failure("listening at " + to_string(Endpoint{address, 0}));
  made->buffers_ = std::make_unique<ReceiveBuffers>();
  return made;
}

std::uint16_t UdpSocket::port() const {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  getsockname(descriptor_, reinterpret_cast<sockaddr*>(&own), &size);
  return ntohs(own.sin_port);
}

Result<bool> UdpSocket::send(const Endpoint& to, std::span<const iovec> pieces, std::size_t datagram_bytes) {
  std::size_t total = 0;
  for (const iovec& piece : pieces) total += piece.iov_len;
  const bool several = total > datagram_bytes;
  SELMCAST_CHECK(total <= kBytesPerCall || !several, "no more than a call takes");
  if (several && !offload_) return send_one_by_one(to, pieces, datagram_bytes);
  sockaddr_in address = socket_address(to);
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(std::uint16_t))> control{};
  if (several) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto size = static_cast<std::uint16_t>(datagram_bytes);
    std::memcpy(CMSG_DATA(header), &size, sizeof size);
  }
  if (sendmsg(descriptor_, &message, 0) >= 0) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
  if (is_loss(errno)) return true;
  if (several && (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP)) {  // the device cannot
    offload_ = false;
    return send_one_by_one(to, pieces, datagram_bytes);
  }
  return io_failure("sending to " + to_string(to));
}

// Header and payload of a datagram are two pieces. What finds no room is lost; the protocol sends it again.
Result<bool> UdpSocket::send_one_by_one(const Endpoint& to, std::span<const iovec> pieces,
                                        std::size_t datagram_bytes) {
  for (std::size_t begin = 0; begin < pieces.size();) {
    std::size_t end = begin, bytes = 0;
    while (end < pieces.size() && bytes < datagram_bytes) bytes += pieces[end++].iov_len;
    if (auto sent = send(to, pieces.subspan(begin, end - begin), bytes); !sent) return sent;
    begin = end;
  }
  return true;
}

bool UdpSocket::receive(const OnDatagram& on_datagram) {
  SELMCAST_CHECK(buffers_ != nullptr, "a socket to receive by");
  ReceiveBuffers& b = *buffers_;
  for (std::size_t k = 0; k < kMessagesPerCall; ++k) {
    b.pieces[k] = {b.bytes.data() + k * kMessageBytes, kMessageBytes};
    b.messages[k].msg_hdr = {};
    b.messages[k].msg_hdr.msg_iov = &b.pieces[k];
    b.messages[k].msg_hdr.msg_iovlen = 1;
    b.messages[k].msg_hdr.msg_control = b.controls[k].bytes.data();
    b.messages[k].msg_hdr.msg_controllen = b.controls[k].bytes.size();
  }
  const int count = recvmmsg(descriptor_, b.messages.data(), kMessagesPerCall, MSG_DONTWAIT, nullptr);
  for (int k = 0; k < count; ++k) {
    const auto index = static_cast<std::size_t>(k);
    msghdr& header = b.messages[index].msg_hdr;
    std::span<const std::byte> bytes(b.bytes.data() + index * kMessageBytes, b.messages[index].msg_len);
    std::size_t each = bytes.size();
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
      if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != UDP_GRO) continue;
      int size = 0;
      std::memcpy(&size, CMSG_DATA(control), sizeof size);
      if (size > 0) each = static_cast<std::size_t>(size);
    }
    while (!bytes.empty()) {
      on_datagram(bytes.first(std::min(each, bytes.size())));
      bytes = bytes.subspan(std::min(each, bytes.size()));
    }
  }
  return count == static_cast<int>(kMessagesPerCall);
}

}  // namespace selmcast::mcast
