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

}  // namespace selmcast::worker
