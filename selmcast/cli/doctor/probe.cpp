#include "selmcast/cli/doctor/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "selmcast/cli/doctor/multicast.h"
#include "selmcast/wire/credentials.h"
#include "selmcast/worker/local_address.h"

namespace selmcast::doctor {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

// 0 where there is no such number.
std::int64_t number(const std::string& text) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  return end == text.c_str() ? 0 : value;
}

std::string setting(const std::string& name) { return first_line("/proc/sys/net/" + name); }

std::string text_of(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address->sa_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
                          : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return inet_ntop(address->sa_family, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
}

class Socket {
 public:
  explicit Socket(int family) : number_(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (number_ >= 0) close(number_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Error told(const std::string& target, int number) {
  const ErrorCode code = number == ETIMEDOUT ? ErrorCode::timeout : ErrorCode::unavailable;
  return {code, target + ": " + std::strerror(number)};
}

// 0, or errno.
int connect_within(int socket, const addrinfo& to, Duration patience) {
  if (connect(socket, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting{.fd = socket, .events = POLLOUT, .revents = 0};
  const int ready = poll(&waiting, 1, static_cast<int>(patience.in_milliseconds()));
  if (ready == 0) return ETIMEDOUT;
  if (ready < 0) return errno;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

Connection look_at(int socket, const addrinfo& to, const std::vector<Interface>& interfaces) {
  Connection connection;
  connection.address = text_of(to.ai_addr);
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size) == 0)
    connection.local = text_of(reinterpret_cast<const sockaddr*>(&local));
  for (const Interface& one : interfaces) {
    if (std::ranges::find(one.addresses, connection.local) != one.addresses.end())
      connection.interface = one.name;
  }
  const bool is_v6 = to.ai_family == AF_INET6;
  int mtu = 0;
  size = sizeof mtu;
  if (getsockopt(socket, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_MTU : IP_MTU, &mtu, &size) == 0)
    connection.path_mtu = mtu;
  tcp_info info{};
  size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
    connection.round_trip = Duration::seconds(info.tcpi_rtt / 1e6);
  return connection;
}

bool answers_grpc(const std::string& target, Duration patience) {
  const auto channel = grpc::CreateChannel(target, wire::Credentials::insecure().channel);
  const auto deadline = std::chrono::system_clock::now() +
                        std::chrono::milliseconds(static_cast<std::int64_t>(patience.in_milliseconds()));
  return channel->WaitForConnected(deadline);
}

std::optional<bool> clock_is_synchronized() {
  timex state{};
  const int verdict = adjtimex(&state);
  if (verdict < 0) return std::nullopt;
  return verdict != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

}  // namespace

std::vector<Interface> interfaces() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::vector<Interface> all;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    auto found = std::ranges::find(all, one->ifa_name, &Interface::name);
    if (found == all.end()) {
      const std::string folder = std::string("/sys/class/net/") + one->ifa_name;
      const std::int64_t mbps = number(first_line(folder + "/speed"));
      all.push_back({.name = one->ifa_name,
                     .addresses = {},
                     .mtu = static_cast<int>(number(first_line(folder + "/mtu"))),
                     .link_mbps = mbps > 0 ? std::optional(static_cast<int>(mbps)) : std::nullopt,
                     .up = (one->ifa_flags & IFF_UP) != 0,
                     .loopback = (one->ifa_flags & IFF_LOOPBACK) != 0,
                     .multicast = (one->ifa_flags & IFF_MULTICAST) != 0});
      found = all.end() - 1;
    }
    const bool is_ip = one->ifa_addr != nullptr &&
                       (one->ifa_addr->sa_family == AF_INET || one->ifa_addr->sa_family == AF_INET6);
    if (is_ip) found->addresses.push_back(text_of(one->ifa_addr));
  }
  return all;
}

Result<Connection> reach(const std::string& target, Duration patience,
                         const std::vector<Interface>& interfaces) {
  const auto parts = worker::split_address(target);
  if (!parts) return std::unexpected(parts.error());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &list); error != 0)
    return failure(ErrorCode::unavailable, target + ": " + gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  int error = EHOSTUNREACH;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    const Socket socket(one->ai_family);
    if (socket.number() < 0) continue;
    error = connect_within(socket.number(), *one, patience);
    if (error == 0) return look_at(socket.number(), *one, interfaces);
  }
  return std::unexpected(told(target, error));
}

Facts look(const Questions& questions) {
  Facts facts;
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) == 0) facts.host = host.data();
  facts.interfaces = interfaces();
  facts.congestion_control = setting("ipv4/tcp_congestion_control");
  facts.congestion_controls = words(setting("ipv4/tcp_allowed_congestion_control"));
  facts.congestion_controls_had = words(setting("ipv4/tcp_available_congestion_control"));
  // Three numbers: least, usual, most.
  const auto most = [](const std::string& name) {
    const auto three = words(setting(name));
    return Bytes(three.size() == 3 ? number(three[2]) : 0);
  };
  facts.receive_buffer_max = most("ipv4/tcp_rmem");
  facts.send_buffer_max = most("ipv4/tcp_wmem");
  facts.socket_buffer_max =
      Bytes(std::min(number(setting("core/rmem_max")), number(setting("core/wmem_max"))));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    facts.descriptors = static_cast<std::int64_t>(limit.rlim_cur);
    facts.descriptors_max = static_cast<std::int64_t>(limit.rlim_max);
  }
  facts.clock_source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  facts.clock_synchronized = clock_is_synchronized();
  if (!questions.manager.empty()) {
    Reach manager{questions.manager, reach(questions.manager, questions.patience, facts.interfaces), false};
    if (manager.connection) manager.answers_grpc = answers_grpc(questions.manager, questions.patience);
    facts.manager = std::move(manager);
  }
  for (const std::string& peer : questions.peers)
    facts.peers.push_back({peer, reach(peer, questions.patience, facts.interfaces), false});
  probe_multicast(facts);
  return facts;
}

}  // namespace selmcast::doctor
