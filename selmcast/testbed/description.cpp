#include "selmcast/testbed/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "selmcast/base/overloaded.h"

namespace selmcast::testbed {
namespace {

std::unexpected<Error> bad(const std::string& path, const std::string& what) {
  return failure(ErrorCode::invalid_input, path + ": " + what);
}

bool is_name(const std::string& name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= 20 && name.find_first_not_of(kAllowed) == std::string::npos;
}

Result<void> check_rate(net::LinkRate rate, const std::string& path) {
  if (rate.is_unlimited()) return {};
  if (rate >= kSlowestLink && rate <= kFastestLink) return {};
  return bad(path,
             fmt::format("must be between {:.0e} and {:.0e} bit/s", kSlowestLink.bps(), kFastestLink.bps()));
}

Result<void> check_hosts(const Description& description) {
  if (description.hosts.empty()) return bad("hosts", "must name at least one host");
  if (description.hosts.size() > kHostsMax) return bad("hosts", fmt::format("at most {} fit", kHostsMax));
  std::set<std::string> names;
  for (std::size_t k = 0; k < description.hosts.size(); ++k) {
    const Host& host = description.hosts[k];
    const std::string path = fmt::format("hosts[{}]", k);
    if (!is_name(host.name)) return bad(path + ".name", "1 to 20 letters, digits, '-' and '_'");
    if (!names.insert(host.name).second)
      return bad(path + ".name", "the name " + host.name + " stands twice");
    if (auto good = check_rate(host.uplink, path + ".uplink_line_bps"); !good) return good;
    if (auto good = check_rate(host.downlink, path + ".downlink_line_bps"); !good) return good;
  }
  return {};
}

Result<void> check_event(const Description& description, const Event& event, const std::string& path) {
  const auto known = [&](const std::string& host, const char* key) -> Result<void> {
    if (find_host(description, host)) return {};
    return bad(path + key, "there is no host " + host);
  };
  if (!std::isfinite(event.at.in_seconds()) || event.at < Duration())
    return bad(path + ".at_seconds", "must not be negative");
  return std::visit(
      Overloaded{[&](const ChangeRates& change) -> Result<void> {
                   if (auto good = known(change.host, ".host"); !good) return good;
                   if (!change.uplink && !change.downlink)
                     return bad(path, "a change of rates needs uplink_line_bps or downlink_line_bps");
                   for (const auto& [rate, key] : {std::pair(change.uplink, ".uplink_line_bps"),
                                                   std::pair(change.downlink, ".downlink_line_bps")}) {
                     if (!rate) continue;
                     if (rate->is_unlimited()) return bad(path + key, "must be finite");
                     if (auto good = check_rate(*rate, path + key); !good) return good;
                   }
                   return {};
                 },
                 [&](const Traffic& traffic) -> Result<void> {
                   if (auto good = known(traffic.from, ".from"); !good) return good;
                   if (auto good = known(traffic.to, ".to"); !good) return good;
                   if (traffic.from == traffic.to) return bad(path + ".to", "must differ from .from");
                   if (traffic.rate.is_unlimited()) return bad(path + ".line_bps", "must be finite");
                   if (!(traffic.lasts > Duration() && std::isfinite(traffic.lasts.in_seconds())))
                     return bad(path + ".seconds", "must be positive");
                   return check_rate(traffic.rate, path + ".line_bps");
                 },
                 [&](const auto& cut_or_heal) { return known(cut_or_heal.host, ".host"); }},
      event.what);
}

}  // namespace

Result<void> validate(const Description& description) {
  if (auto good = check_hosts(description); !good) return good;
  if (description.burst < Bytes(2000) || description.burst > Bytes(16 << 20))
    return bad("burst_bytes", "must be between 2000 (a frame must fit) and 16777216");
  if (!(description.queue >= Duration::milliseconds(1) && description.queue <= Duration::seconds(10)))
    return bad("queue_seconds", "must be between 0.001 and 10");
  if (!(description.round_trip >= Duration() && description.round_trip <= Duration::seconds(2)))
    return bad("round_trip_seconds", "must be between 0 and 2");
  if (!description.congestion_control.empty() && !is_name(description.congestion_control))
    return bad("congestion_control", "must be a name such as cubic, or empty");
  for (std::size_t k = 0; k < description.events.size(); ++k) {
    const auto good = check_event(description, description.events[k], fmt::format("events[{}]", k));
    if (!good) return good;
  }
  return {};
}

std::optional<std::size_t> find_host(const Description& description, std::string_view name) {
  const auto found = std::ranges::find(description.hosts, name, &Host::name);
  if (found == description.hosts.end()) return std::nullopt;
  return static_cast<std::size_t>(found - description.hosts.begin());
}

std::string address_of(std::size_t host) { return fmt::format("10.77.0.{}", host + 1); }

}  // namespace selmcast::testbed
