// Takes part in one probing (probe.h) with sockets: sends, listens, and says after 3.5 s what came.
//
// Nothing blocks and nothing is retried; a network that refuses to send is a fault that is told at the end, with what
// was heard. The destructor ends it without a word. Thread rule: the io_context's thread.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "selmcast/mcast/udp_socket.h"

namespace selmcast::mcast {

struct ProberOptions {
  Endpoint joined, other;       // the groups
  std::uint32_t interface = 0;  // its address
  std::uint64_t token = 0;
  std::uint32_t sender = 0;  // this one, in its probes
};

struct ProbeResult {
  std::set<std::uint32_t> heard, flooded;  // without itself
  bool sees_floods = false;
  std::string fault = {};  // could not listen or send
};

class Prober {
 public:
  static std::unique_ptr<Prober> start(asio::io_context& io, const ProberOptions& options,
                                       std::function<void(const ProbeResult&)> done);
  virtual ~Prober() = default;
};

}  // namespace selmcast::mcast
