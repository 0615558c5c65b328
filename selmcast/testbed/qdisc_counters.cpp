#include "selmcast/testbed/qdisc_counters.h"

#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "selmcast/testbed/namespaces.h"

namespace selmcast::testbed {
namespace {

// Copies what lies at `at`; whether it fits.
template <class T>
bool take(std::span<const std::byte> bytes, std::size_t at, T& value) {
  if (at > bytes.size() || bytes.size() - at < sizeof value) return false;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return true;
}

void read_qdisc(std::span<const std::byte> message, ShaperCounters& counters) {
  tcmsg about{};
  if (!take(message, 0, about)) return;
  bool is_shaper = false;
  tc_stats stats{};
  for (std::size_t at = NLMSG_ALIGN(sizeof about); at < message.size();) {
    rtattr attribute{};
    if (!take(message, at, attribute) || attribute.rta_len < sizeof attribute ||
        attribute.rta_len > message.size() - at)
      return;
    const auto value = message.subspan(at + RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0));
    if (attribute.rta_type == TCA_KIND)
      is_shaper = value.size() == 4 && std::memcmp(value.data(), "tbf", 4) == 0;
    // Older kernels hand out less; what is missing stays 0.
    if (attribute.rta_type == TCA_STATS)
      std::memcpy(&stats, value.data(), std::min(value.size(), sizeof stats));
    at += RTA_ALIGN(attribute.rta_len);
  }
  if (!is_shaper) return;
  counters[TC_H_MAJ(about.tcm_handle) >> 16] = {Bytes(static_cast<std::int64_t>(stats.bytes)), stats.packets,
                                                stats.drops, Bytes(stats.backlog)};
}

}  // namespace

Result<bool> read_qdisc_dump(std::span<const std::byte> datagram, ShaperCounters& counters) {
  for (std::size_t at = 0; at < datagram.size();) {
    nlmsghdr header{};
    if (!take(datagram, at, header) || header.nlmsg_len < sizeof header ||
        header.nlmsg_len > datagram.size() - at)
      return failure(ErrorCode::protocol, "the kernel's list of qdiscs is cut off");
    if (header.nlmsg_type == NLMSG_DONE) return true;
    if (header.nlmsg_type == NLMSG_ERROR)
      return failure(ErrorCode::protocol, "the kernel does not list its qdiscs");
    if (header.nlmsg_type == RTM_NEWQDISC)
      read_qdisc(datagram.subspan(at + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN), counters);
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return false;
}

Result<QdiscReader> QdiscReader::open(const std::string& namespace_name) {
  int opened = -1;
  auto entered =
      inside(namespace_name, [&] { opened = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); });
  if (!entered) return std::unexpected(entered.error());
  if (opened < 0) return failure(ErrorCode::io, "no netlink socket in " + namespace_name);
  const timeval patience{1, 0};
  setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return QdiscReader(opened);
}

QdiscReader::QdiscReader(QdiscReader&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
QdiscReader::~QdiscReader() {
  if (socket_ >= 0) close(socket_);
}

Result<ShaperCounters> QdiscReader::read() {
  struct {
    nlmsghdr header;
    tcmsg about;
  } question{};
  question.header = {sizeof question, RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, 0, 0};
  question.about.tcm_family = AF_UNSPEC;
  if (send(socket_, &question, sizeof question, 0) < 0)
    return failure(ErrorCode::io, std::string("asking for qdiscs: ") + std::strerror(errno));
  ShaperCounters counters;
  std::vector<std::byte> buffer(std::size_t{1} << 16);
  while (true) {
    const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(ErrorCode::timeout, std::string("reading qdiscs: ") + std::strerror(errno));
    const auto last = read_qdisc_dump(std::span(buffer).first(static_cast<std::size_t>(count)), counters);
    if (!last) return std::unexpected(last.error());
    if (*last) return counters;
  }
}

}  // namespace selmcast::testbed
