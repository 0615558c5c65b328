#include "selmcast/net/socket_options.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "selmcast/base/check.h"
#include "selmcast/net/limits.h"

namespace selmcast::net {
namespace {

template <class T>
bool set(int socket, int level, int name, const T& value) {
  return setsockopt(socket, level, name, &value, sizeof value) == 0;
}

bool set_congestion_control(int socket, std::string_view name) {
  return setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) ==
         0;
}

int whole_seconds(Duration time) { return std::max(1, static_cast<int>(std::ceil(time.in_seconds()))); }

}  // namespace

void emulate_network(int socket, Emulation emulated) {
  if (emulated.downlink) set(socket, SOL_SOCKET, SO_RCVBUF, kEmulatedBufferBytes);
  if (emulated.uplink) set(socket, SOL_SOCKET, SO_SNDBUF, kEmulatedBufferBytes);
  if (emulated.downlink || emulated.uplink || emulated.loopback)
    set(socket, IPPROTO_TCP, TCP_MAXSEG, kSegmentBytes);
}

void tune_link(int socket, Duration user_timeout) {
  if (!set_congestion_control(socket, "cubic")) set_congestion_control(socket, "reno");
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesMax);
  const double milliseconds = std::clamp(user_timeout.in_milliseconds(), 1.0, 1e9);
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(milliseconds));
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, whole_seconds(kKeepaliveIdle));
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, whole_seconds(kKeepaliveInterval));
  set(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  close_on_exec(socket);
}

void pace(int socket, Rate rate) {
  SELMCAST_CHECK(rate > Rate(), "a paced rate is positive");
  constexpr auto kNoLimit = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t bytes_per_second = kNoLimit;
  if (rate.bytes_per_second() < 1e18) {
    bytes_per_second = std::max(std::uint64_t{1}, static_cast<std::uint64_t>(rate.bytes_per_second()));
  }
  set(socket, SOL_SOCKET, SO_MAX_PACING_RATE, bytes_per_second);
}

std::size_t segment_bytes(int socket) {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  const bool known = getsockopt(socket, IPPROTO_TCP, TCP_MAXSEG, &bytes, &size) == 0 && bytes > 0;
  return static_cast<std::size_t>(known ? bytes : kSegmentBytes);
}

Bytes unacknowledged(int socket) {
  int count = 0;
  return ioctl(socket, SIOCOUTQ, &count) == 0 ? Bytes(count) : Bytes(0);
}

Hearing hearing(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  // The last segment with data, and the last that acknowledged: what was heard of both is the later one.
  const auto silent = std::min(info.tcpi_last_data_recv, info.tcpi_last_ack_recv);
  return {.silent_for = Duration::milliseconds(static_cast<double>(silent)),
          .asked_in_vain = info.tcpi_retransmits > 0 || info.tcpi_probes > 0};
}

void reset_on_close(int socket) { set(socket, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0}); }

void close_on_exec(int socket) { fcntl(socket, F_SETFD, FD_CLOEXEC); }

}  // namespace selmcast::net
