// Hosts that no other machine reaches.
#pragma once

#include <string_view>

namespace selmcast::wire {

// A name or an address, without port.
inline bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host.starts_with("::ffff:127.") || host == "::1" || host == "localhost";
}

}  // namespace selmcast::wire
