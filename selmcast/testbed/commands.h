// The ip and tc commands that make a testbed and change it. Pure: descriptions in, command lines out.
//
// Names. A testbed has an id; its namespaces are "smtb-ID-HOST", the switch's is "smtb-ID.switch" (a host's name has no
// dot). Host k's cable ends as eth0 in its namespace and as v<k> at the switch. Both ends of a veth are made inside
// namespaces, so no name ever shows up on the machine itself.
// Shaping: tbf at both ends of each cable, in the direction out of it: eth0 shapes the uplink (handle 1:), v<k> the
// downlink (handle k+1:, by which qdisc_counters.h tells hosts apart).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/testbed/description.h"

namespace selmcast::testbed {

using Command = std::vector<std::string>;  // program and arguments
using Commands = std::vector<Command>;

inline constexpr std::string_view kNamespacePrefix = "smtb-";

std::string host_namespace(std::string_view id, std::string_view host);
std::string switch_namespace(std::string_view id);
// The id in the name of a namespace; none if it is no testbed's.
std::optional<std::string> id_in(std::string_view namespace_name);

// From nothing to hosts that reach each other at their rates, in this order: the switch; then for each host its
// namespace, its cable, and the rest. The description is valid. Long cables are not laid by commands
// (long_cables.h).
Commands switch_commands(const Description& description, std::string_view id);
Commands namespace_commands(const Description& description, std::string_view id, std::size_t host);
Commands cable_commands(const Description& description, std::string_view id, std::size_t host);
Commands host_commands(const Description& description, std::string_view id, std::size_t host);

// A link without a shaper gets one. None for an unlimited rate: such a link is left as it was made.
Commands uplink_commands(const Description& description, std::string_view id, std::size_t host,
                         net::LinkRate rate);
Commands downlink_commands(const Description& description, std::string_view id, std::size_t host,
                           net::LinkRate rate);
Commands cut_commands(std::string_view id, std::size_t host);
Commands heal_commands(std::string_view id, std::size_t host);
// Prints the switch's ports as JSON, one of each host: {"ifname": port_of(host), "state": "disabled" if it was cut}.
Command port_states_command(std::string_view id);
std::string port_of(std::size_t host);

std::string to_text(const Command& command);  // for messages

}  // namespace selmcast::testbed
