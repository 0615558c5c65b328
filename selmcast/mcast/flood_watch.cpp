#include "selmcast/mcast/flood_watch.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace selmcast::mcast {
namespace {

constexpr int kReadsPerTurn = 256;
constexpr std::size_t kIpHeaderBytes = 20;
constexpr std::size_t kUdpHeaderBytes = 8;

// 0: none has it.
int index_of_interface(std::uint32_t address) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return 0;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  int loopback = 0;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    const auto* own = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (ntohl(own->sin_addr.s_addr) == address) return static_cast<int>(if_nametoindex(one->ifa_name));
    if ((one->ifa_flags & IFF_LOOPBACK) != 0) loopback = static_cast<int>(if_nametoindex(one->ifa_name));
  }
  return address >> 24 == 127 ? loopback : 0;
}

std::unexpected<Error> refused(const char* what) {
  const ErrorCode code = errno == EPERM || errno == EACCES ? ErrorCode::rejected : ErrorCode::io;
  return failure(code, std::string("looking for floods: ") + what + ": " + std::strerror(errno));
}

std::uint16_t big_endian(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                                    std::to_integer<unsigned>(bytes[at + 1]));
}

}  // namespace

FloodWatch::FloodWatch(FloodWatch&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), group_(other.group_) {}
FloodWatch::~FloodWatch() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<FloodWatch> FloodWatch::open(const Endpoint& group, std::uint32_t interface) {
  // No protocol yet, so that nothing comes before the filter is there.
  const int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return refused("a packet socket");
  FloodWatch made(descriptor, group);
  const int index = index_of_interface(interface);
  if (index == 0) return failure(ErrorCode::io, "looking for floods: no interface has this address");
  // UDP (byte 9) to the group (bytes 16 to 19); packets begin with their IP header.
  std::array<sock_filter, 6> code = {
      {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, group.address, 0, 1),
       BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)}};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return refused("its filter");
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ETH_P_IP);
  place.sll_ifindex = index;
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0)
    return refused("its interface");
  packet_mreq all{};
  all.mr_ifindex = index;
  all.mr_type = PACKET_MR_ALLMULTI;
  if (setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0)
    return refused("all multicast");
  return made;
}

void FloodWatch::receive(const OnDatagram& on_datagram) {
  std::array<std::byte, 2048> buffer;
  for (int k = 0; k < kReadsPerTurn; ++k) {
    const ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (size < 0) return;
    const auto packet = std::span<const std::byte>(buffer).first(static_cast<std::size_t>(size));
    if (packet.size() < kIpHeaderBytes) continue;
    const std::size_t header = (std::to_integer<std::size_t>(packet[0]) & 0xf) * 4;
    if (header < kIpHeaderBytes || packet.size() < header + kUdpHeaderBytes) continue;
    if (big_endian(packet, header + 2) != group_.port) continue;
    const std::size_t length = big_endian(packet, header + 4);
    if (length < kUdpHeaderBytes || header + length > packet.size()) continue;
    const Endpoint source{static_cast<std::uint32_t>(big_endian(packet, 12)) << 16 | big_endian(packet, 14),
                          big_endian(packet, header)};
    on_datagram(packet.subspan(header + kUdpHeaderBytes, length - kUdpHeaderBytes), source);
  }
}

}  // namespace selmcast::mcast
