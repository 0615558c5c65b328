// Apart, as <linux/tcp.h>, which knows what the kernel counts, and <netinet/tcp.h> are at odds with each other.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "selmcast/base/progress.h"
#include "selmcast/net/socket_options.h"

namespace selmcast::net {

double ack_load(int socket) {
  constexpr double kFilledByOne = 66 * (1448.0 / 1514);  // Ethernet, IPv4, TCP with timestamps; as payload
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_bytes_received == 0) return 0;
  const double filled = kFilledByOne * info.tcpi_segs_out;
  return std::min(filled / static_cast<double>(info.tcpi_bytes_received), kAckLoadMost);
}

}  // namespace selmcast::net
