#include "selmcast/worker/local_address.h"

#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>

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

}  // namespace selmcast::worker
