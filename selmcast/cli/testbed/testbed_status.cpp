#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/json_text.h"
#include "selmcast/cli/testbed/testbed_actions.h"
#include "selmcast/testbed/commands.h"
#include "selmcast/testbed/namespaces.h"
#include "selmcast/testbed/qdisc_counters.h"
#include "selmcast/testbed/shell.h"
#include "selmcast/testbed/testbed.h"

namespace selmcast::testbed {
namespace {

using Json = nlohmann::ordered_json;

ShaperCounters counters_in(const std::string& space) {
  auto reader = QdiscReader::open(space);
  if (!reader) return {};
  return reader->read().value_or(ShaperCounters{});
}

Json link_json(net::LinkRate rate, const ShaperCounters& counters, std::uint32_t handle) {
  Json link;
  link["line_bps"] = rate.is_unlimited() ? Json() : Json(rate.bps());
  const auto found = counters.find(handle);
  if (found == counters.end()) return link;
  link["bytes"] = found->second.sent.count();
  link["lost_frames"] = found->second.lost;
  link["waiting_bytes"] = found->second.waiting.count();
  return link;
}

// By port of the switch: true if it was cut (testbed/commands.h). Nothing for what cannot be read.
std::map<std::string, bool> cuts_in(const std::string& id) {
  std::map<std::string, bool> cuts;
  const auto text = run_command(port_states_command(id));
  const Json ports = text ? Json::parse(*text, nullptr, false) : Json();
  if (!ports.is_array()) return cuts;
  for (const Json& port : ports) {
    if (port.contains("ifname") && port.contains("state")) cuts[port["ifname"]] = port["state"] == "disabled";
  }
  return cuts;
}

Json testbed_json(const Registration& known) {
  Json result;
  result["name"] = known.name;
  result["id"] = known.id;
  result["state"] = known.standing ? "stands" : is_dead(known) ? "dead" : "owned";
  result["owner"] = known.standing ? Json() : Json(known.owner);
  result["round_trip_seconds"] = known.description.round_trip.in_seconds();
  const ShaperCounters down = counters_in(switch_namespace(known.id));
  const std::map<std::string, bool> cuts = cuts_in(known.id);
  result["hosts"] = Json::array();
  for (std::size_t k = 0; k < known.description.hosts.size(); ++k) {
    const Host& host = known.description.hosts[k];
    const std::string space = host_namespace(known.id, host.name);
    Json entry;
    entry["name"] = host.name;
    entry["namespace"] = space;
    entry["address"] = address_of(k);
    const auto cut = cuts.find(port_of(k));
    entry["cut"] = cut == cuts.end() ? Json() : Json(cut->second);  // null: not known
    entry["uplink"] = link_json(host.uplink, counters_in(space), 1);
    entry["downlink"] = link_json(host.downlink, down, static_cast<std::uint32_t>(k + 1));
    entry["processes"] = processes_in(space);
    result["hosts"].push_back(entry);
  }
  return result;
}

std::string rate_text(const Json& link) {
  return link["line_bps"].is_null() ? "-" : fmt::format("{:g}", link["line_bps"].get<double>() / 1e6);
}

std::string carried_text(const Json& link) {
  if (!link.contains("bytes")) return "-";
  const std::string bytes = fmt::format("{:.1f}", link["bytes"].get<double>() / 1e6);
  const auto lost = link["lost_frames"].get<std::uint64_t>();
  return lost > 0 ? fmt::format("{} ({} lost)", bytes, lost) : bytes;
}

void print_table(const Json& bed) {
  const std::string state = bed["state"];
  const std::string whose = state == "stands" ? "stands"
                            : state == "dead" ? "is dead: selmcast testbed down removes it"
                                              : fmt::format("belongs to process {}", bed["owner"].get<int>());
  constexpr const char* kRow = "  {:<12}{:<14}{:<6}{:>10}{:>10}  {:<18}{:<18}{:<10}{}\n";
  fmt::print("{} {}\n", bed["name"].get<std::string>(), whose);
  fmt::print(fmt::runtime(kRow), "host", "address", "link", "up", "down", "MB up", "MB down", "processes",
             "namespace");
  for (const Json& host : bed["hosts"]) {
    fmt::print(fmt::runtime(kRow), host["name"].get<std::string>(), host["address"].get<std::string>(),
               host["cut"].is_null()     ? "?"
               : host["cut"].get<bool>() ? "CUT"
                                         : "ok",
               rate_text(host["uplink"]), rate_text(host["downlink"]), carried_text(host["uplink"]),
               carried_text(host["downlink"]), host["processes"].size(),
               host["namespace"].get<std::string>());
  }
}

}  // namespace

int status(const TestbedFlags& flags) {
  Result<std::vector<Registration>> known = std::vector<Registration>{};
  if (auto may = check_privileges(); !may) known = std::unexpected(may.error());
  if (known) {
    auto registry = Registry::lock();
    known = registry ? Result<std::vector<Registration>>(registry->all()) : std::unexpected(registry.error());
  }
  if (!known) {
    fmt::print(stderr, "selmcast testbed: {}\n", known.error().message);
    return cli::kExitFailed;
  }
  Json beds = Json::array();
  for (const Registration& one : *known) {
    if (flags.name.empty() || one.name == flags.name) beds.push_back(testbed_json(one));
  }
  if (beds.empty() && !flags.name.empty()) {
    fmt::print(stderr, "selmcast testbed: there is no testbed named {}: selmcast testbed status lists all\n",
               flags.name);
    return cli::kExitFailed;
  }
  if (flags.format == "json") {
    Json answer;
    answer["schema"] = "selmcast.testbed_status/1";
    answer["testbeds"] = beds;
    fmt::print("{}", cli::spread_json(answer));
    return cli::kExitDone;
  }
  for (const Json& bed : beds) print_table(bed);
  if (beds.empty()) fmt::print("no testbed\n");
  return cli::kExitDone;
}

}  // namespace selmcast::testbed
