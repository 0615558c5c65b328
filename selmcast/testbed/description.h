// What a testbed is: hosts on a switch, each with an uplink and a downlink of its own, and what happens to them.
//
//     w0 --uplink-->              <--uplink-- w1       a host is a network namespace; the switch is a bridge in a
//        <--downlink-- [ switch ] --downlink-->        namespace of its own, so nothing of the machine is touched
//
// Rates here are link rates (net/link_rate.h), as a shaper takes them: whole frames, of which a stream's payload is
// 95.6 %. Hosts get the addresses 10.77.0.1, .2, ... in their order. The file format, schema "selmcast.testbed/1",
// stands in docs/testbed.md. Pure: values and their checks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/net/link_rate.h"

namespace selmcast::testbed {

struct Host {
  std::string name;  // letters, digits, '_', '-'; at most 20; unique
  net::LinkRate uplink = net::LinkRate::unlimited();
  net::LinkRate downlink = net::LinkRate::unlimited();
  bool operator==(const Host&) const = default;
};

struct ChangeRates {
  std::string host;
  std::optional<net::LinkRate> uplink, downlink;  // at least one
  bool operator==(const ChangeRates&) const = default;
};
// Nothing passes between the host and the switch any more, in both directions, and nobody is told.
struct Cut {
  std::string host;
  bool operator==(const Cut&) const = default;
};
struct Heal {
  std::string host;
  bool operator==(const Heal&) const = default;
};
// Datagrams at a constant rate that gives way to nobody.
struct Traffic {
  std::string from, to;
  net::LinkRate rate;
  Duration lasts;
  bool operator==(const Traffic&) const = default;
};
using Happening = std::variant<ChangeRates, Cut, Heal, Traffic>;

struct Event {
  Duration at;  // since the hosts' commands, or the training, were started
  Happening what;
  bool operator==(const Event&) const = default;
};

struct Description {
  std::vector<Host> hosts;
  Bytes burst = Bytes(32 * 1024);  // that a shaper lets through at once
  Duration queue =
      Duration::milliseconds(50);  // that waits in front of a shaper at most; then frames are lost
  bool multicast = true;  // an IGMP querier on the switch, so that multicast reaches members only; takes 3 s
  // Of TCP on the hosts, for sockets that do not choose themselves; empty: the machine's. bbr loses behind shapers.
  std::string congestion_control = "cubic";
  // Between any two hosts, besides what waits in queues: each cable holds every frame for a quarter of it, in either
  // direction (long_cables.h).
  Duration round_trip;
  std::vector<Event> events;
};

inline constexpr std::size_t kHostsMax = 200;
inline constexpr net::LinkRate kSlowestLink = net::LinkRate::bits_per_second(64e3);
inline constexpr net::LinkRate kFastestLink = net::LinkRate::bits_per_second(100e9);

// Error (invalid_input), with the path of the key as in the file: "events[2].host: there is no host w9".
Result<void> validate(const Description& description);

// Position of a host; none if there is no such host.
std::optional<std::size_t> find_host(const Description& description, std::string_view name);

std::string address_of(std::size_t host);  // "10.77.0.3" for the third

}  // namespace selmcast::testbed
