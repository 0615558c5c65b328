// Which of this machine's addresses leads to a given host.
#pragma once

#include <string>

#include "selmcast/base/error.h"

namespace selmcast::worker {

struct HostPort {
  std::string host;
  std::string port;
};
// "host:port" or "[v6]:port". Error (invalid_input).
Result<HostPort> split_address(const std::string& address);

// The source address that the kernel's routes choose for packets to it; nothing is sent.
// Error (unavailable) naming the host if it cannot be resolved or there is no route.
Result<std::string> local_address_towards(const HostPort& target);

// The first address of the interface, IPv4 before IPv6, link-local ones left out. Error (invalid_input) naming those
// that there are, if it is none of them, down or without address.
Result<std::string> address_of_interface(const std::string& name);

}  // namespace selmcast::worker
