#include "selmcast/testbed/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace selmcast::testbed {
namespace {

constexpr std::string_view kSwitchSuffix = ".switch";

constexpr std::string_view kNetwork = "10.77.0.0/24";

struct Shaper {
  std::string where;  // namespace
  std::string device;
  std::size_t handle = 1;
};

// `replace` with the same handle changes a shaper that is there and keeps what waits in it.
Commands shape(const Description& description, const Shaper& shaper, net::LinkRate rate) {
  if (rate.is_unlimited()) return {};
  return {{"tc", "-n", shaper.where, "qdisc", "replace", "dev", shaper.device, "root", "handle",
           fmt::format("{:x}:", shaper.handle), "tbf", "rate", fmt::format("{:.0f}bit", rate.bps()), "burst",
           fmt::format("{}b", description.burst.count()), "latency",
           fmt::format("{:.0f}us", description.queue.in_seconds() * 1e6)}};
}

}  // namespace

std::string port_of(std::size_t host) { return fmt::format("v{}", host); }

std::string host_namespace(std::string_view id, std::string_view host) {
  return fmt::format("{}{}-{}", kNamespacePrefix, id, host);
}

std::string switch_namespace(std::string_view id) {
  return fmt::format("{}{}{}", kNamespacePrefix, id, kSwitchSuffix);
}

std::optional<std::string> id_in(std::string_view name) {
  if (!name.starts_with(kNamespacePrefix)) return std::nullopt;
  name.remove_prefix(kNamespacePrefix.size());
  const std::size_t end = name.find_first_not_of("0123456789");
  if (end == 0 || end == name.npos) return std::nullopt;
  if (name[end] != '-' && name.substr(end) != kSwitchSuffix) return std::nullopt;
  return std::string(name.substr(0, end));
}

Commands switch_commands(const Description& description, std::string_view id) {
  const std::string hub = switch_namespace(id);
  Commands commands = {{"ip", "netns", "add", hub},
                       {"ip", "-n", hub, "link", "set", "lo", "up"},
                       {"ip", "-n", hub, "link", "add", "br0", "type", "bridge"}};
  if (description.multicast) {
    // Without a querier a bridge floods multicast to everybody. The short intervals make it one within 3 s.
    commands.push_back({"ip", "-n", hub, "link", "set", "br0", "type", "bridge",
                        "mcast_query_response_interval", "50", "mcast_startup_query_interval", "50"});
    commands.push_back({"ip", "-n", hub, "link", "set", "br0", "type", "bridge", "mcast_querier", "1"});
  }
  commands.push_back({"ip", "-n", hub, "link", "set", "br0", "up"});
  return commands;
}

Commands namespace_commands(const Description& description, std::string_view id, std::size_t host) {
  return {{"ip", "netns", "add", host_namespace(id, description.hosts[host].name)}};
}

Commands cable_commands(const Description& description, std::string_view id, std::size_t host) {
  return {{"ip", "-n", switch_namespace(id), "link", "add", port_of(host), "type", "veth", "peer", "name",
           "eth0", "netns", host_namespace(id, description.hosts[host].name)}};
}

Commands host_commands(const Description& description, std::string_view id, std::size_t host) {
  const Host& made = description.hosts[host];
  const std::string hub = switch_namespace(id), space = host_namespace(id, made.name);
  Commands commands;
  const auto add = [&](const Commands& more) { commands.insert(commands.end(), more.begin(), more.end()); };
  if (description.round_trip > Duration()) {
    // What a shaper lets through waits there for the process that carries it.
    add({{"ip", "-n", hub, "link", "set", port_of(host), "txqueuelen", "5000"},
         {"ip", "-n", space, "link", "set", "eth0", "txqueuelen", "5000"}});
  }
  add({{"ip", "-n", hub, "link", "set", port_of(host), "master", "br0", "up"},
       {"ip", "-n", space, "link", "set", "lo", "up"},
       {"ip", "-n", space, "addr", "add", address_of(host) + "/24", "dev", "eth0"},
       {"ip", "-n", space, "link", "set", "eth0", "up"},
       {"ip", "-n", space, "route", "add", "224.0.0.0/4", "dev", "eth0"}});
  // By the route, since the namespace's own default may be set to few algorithms only.
  if (!description.congestion_control.empty()) {
    add({{"ip", "-n", space, "route", "change", std::string(kNetwork), "dev", "eth0", "proto", "kernel",
          "scope", "link", "src", address_of(host), "congctl", description.congestion_control}});
  }
  add(uplink_commands(description, id, host, made.uplink));
  add(downlink_commands(description, id, host, made.downlink));
  return commands;
}

Commands uplink_commands(const Description& description, std::string_view id, std::size_t host,
                         net::LinkRate rate) {
  return shape(description, {host_namespace(id, description.hosts[host].name), "eth0", 1}, rate);
}

Commands downlink_commands(const Description& description, std::string_view id, std::size_t host,
                           net::LinkRate rate) {
  return shape(description, {switch_namespace(id), port_of(host), host + 1}, rate);
}

// A bridge port that is disabled drops everything while both ends of the cable still show a carrier: a silent cut. Not
// by `ip link ... type bridge_slave state 0`: the kernel takes the change that it announces for a new carrier, and
// enables the port again.
Commands cut_commands(std::string_view id, std::size_t host) {
  return {{"bridge", "-n", switch_namespace(id), "link", "set", "dev", port_of(host), "state", "0"}};
}

Commands heal_commands(std::string_view id, std::size_t host) {
  return {{"bridge", "-n", switch_namespace(id), "link", "set", "dev", port_of(host), "state", "3"}};
}

Command port_states_command(std::string_view id) {
  return {"bridge", "-n", switch_namespace(id), "-j", "link", "show"};
}

std::string to_text(const Command& command) { return fmt::format("{}", fmt::join(command, " ")); }

}  // namespace selmcast::testbed
