// What `selmcast doctor` knows of a machine and its paths to others. Values only: probe.h finds them out, findings.h
// judges them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::doctor {

struct Interface {
  std::string name;
  std::vector<std::string> addresses;  // without prefix length
  int mtu = 0;
  std::optional<int> link_mbps;  // as the driver says; none: it does not know (virtual ones)
  bool up = false;
  bool loopback = false;
  bool multicast = false;
};

// A TCP connection that was made to look at it, and closed again.
struct Connection {
  std::string address;    // of the other side, as connected to
  std::string local;      // of ours
  std::string interface;  // that has `local`; empty if none has
  std::optional<int> path_mtu;
  Duration round_trip;
};

// Somebody that must be reached.
struct Reach {
  std::string target;  // as asked for, "host:port"
  Result<Connection> connection = failure(ErrorCode::unavailable, "not tried");
  bool answers_grpc = false;  // the manager only
};

// What became of the multicast datagrams that this machine and another sent to each other (mcast/probe.h), `sent` each
// way to each group.
struct MulticastReach {
  std::string peer;  // its address
  int sent = 0;
  bool loopback = false;  // the same machine: nothing can flood
  int heard_there = 0, heard_here = 0;
  std::optional<int> flooded_there, flooded_here;  // came to who had not joined; none: that side may not look
};

struct Facts {
  std::string host;
  std::vector<Interface> interfaces;
  std::string congestion_control;                    // the default
  std::vector<std::string> congestion_controls;      // that a program may choose
  std::vector<std::string> congestion_controls_had;  // that the kernel has
  Bytes receive_buffer_max, send_buffer_max;         // of a TCP socket that grows by itself
  Bytes socket_buffer_max;                           // that a program may ask for (datagrams)
  std::int64_t descriptors = 0, descriptors_max = 0;
  std::string clock_source;
  std::optional<bool> clock_synchronized;  // with other machines' clocks; none: cannot be told here
  std::optional<Reach> manager;
  std::vector<Reach> peers;
  std::vector<MulticastReach> multicast;  // those of `peers` that were reached, over IPv4
};

}  // namespace selmcast::doctor
