#include "selmcast/worker/local_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <cstring>
#include <memory>
#include <set>

namespace selmcast::worker {

Result<HostPort> split_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  HostPort parts;
  if (colon != std::string::npos) parts = {address.substr(0, colon), address.substr(colon + 1)};
  const bool digits = !parts.port.empty() &&
                      parts.port.find_first_not_of("0123456789") == std::string::npos &&
                      parts.port.size() <= 5 && std::stoi(parts.port) > 0 && std::stoi(parts.port) <= 65535;
  if (parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  } else if (parts.host.find(':') != std::string::npos) {
    parts.host.clear();  // an IPv6 address needs its brackets
  }
  if (!digits || parts.host.empty()) {
    return failure(ErrorCode::invalid_input,
                   "'" + address + "' is no address: write host:port, e.g. 127.0.0.1:7070");
  }
  return parts;
}

Result<std::string> local_address_towards(const HostPort& target) {
  asio::io_context io;
  asio::ip::udp::resolver resolver(io);
  asio::error_code error;
  const auto found = resolver.resolve(target.host, target.port, error);
  if (error || found.empty()) {
    return failure(ErrorCode::unavailable, "cannot resolve " + target.host + ": " + error.message());
  }
  asio::ip::udp::socket socket(io);
  const asio::ip::udp::endpoint endpoint = *found.begin();
  socket.open(endpoint.protocol(), error);
  if (!error) socket.connect(endpoint, error);
  if (error) return failure(ErrorCode::unavailable, "no route to " + target.host + ": " + error.message());
  const auto local = socket.local_endpoint(error);
  if (error) return failure(ErrorCode::unavailable, "no route to " + target.host + ": " + error.message());
  return local.address().to_string();
}

Result<std::string> address_of_interface(const std::string& name) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return failure(ErrorCode::io, "cannot list the interfaces");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::string v4, v6;
  std::set<std::string> names;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_UP) == 0) continue;
    const auto* socket = one->ifa_addr;
    if (socket->sa_family == AF_INET) {
      names.insert(one->ifa_name);
      const auto* in = reinterpret_cast<const sockaddr_in*>(socket);
      if (name == one->ifa_name && v4.empty())
        v4 = asio::ip::make_address_v4(ntohl(in->sin_addr.s_addr)).to_string();
    } else if (socket->sa_family == AF_INET6) {
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(socket)->sin6_addr, bytes.size());
      const asio::ip::address_v6 address(bytes);
      if (address.is_link_local()) continue;
      names.insert(one->ifa_name);
      if (name == one->ifa_name && v6.empty()) v6 = address.to_string();
    }
  }
  if (!v4.empty()) return v4;
  if (!v6.empty()) return v6;
  std::string known;
  for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
  return failure(ErrorCode::invalid_input,
                 "interface '" + name + "' is not up or has no address; with one are: " + known);
}

}  // namespace selmcast::worker
