#include "selmcast/cli/testbed/description_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "selmcast/cli/problem_reader.h"
#include "selmcast/cli/strict_json.h"

namespace selmcast::testbed {
namespace {

using cli::JsonPath;

class DescriptionReader final : public cli::ProblemReader {
 public:
  using ProblemReader::ProblemReader;

  bool read(const Json& file, Description& result) {
    const JsonPath root;
    if (!object(file, root, {"schema", "hosts"},
                {"burst_bytes", "queue_seconds", "round_trip_seconds", "multicast", "congestion_control",
                 "events"}))
      return false;
    if (!choice(file["schema"], root.member("schema"), {"selmcast.testbed/1"})) return false;
    const JsonPath hosts = root.member("hosts");
    if (!array(file["hosts"], hosts, "hosts")) return false;
    for (std::size_t k = 0; k < file["hosts"].size(); ++k) {
      if (!read_host(file["hosts"][k], hosts.element(k), result.hosts.emplace_back())) return false;
    }
    return read_shapers(file, root, result) && read_events(file, root, result);
  }

 private:
  bool read_host(const Json& value, const JsonPath& path, Host& host) {
    if (!object(value, path, {"name"}, {"uplink_line_bps", "downlink_line_bps"})) return false;
    if (!text(value["name"], path.member("name"), host.name)) return false;
    return read_rate(value, path, "uplink_line_bps", host.uplink) &&
           read_rate(value, path, "downlink_line_bps", host.downlink);
  }

  template <class RateOrOptional>
  bool read_rate(const Json& value, const JsonPath& path, const char* key, RateOrOptional& rate) {
    if (!value.contains(key)) return true;
    double bps = 0;
    if (!number(value[key], path.member(key), "a rate in bit/s", bps)) return false;
    rate = net::LinkRate::bits_per_second(bps);
    return true;
  }

  bool read_shapers(const Json& file, const JsonPath& root, Description& result) {
    std::int64_t burst = 0;
    if (file.contains("burst_bytes")) {
      if (!whole(file["burst_bytes"], root.member("burst_bytes"), "a number of bytes", burst)) return false;
      result.burst = Bytes(burst);
    }
    if (file.contains("queue_seconds") &&
        !duration(file["queue_seconds"], root.member("queue_seconds"), result.queue))
      return false;
    if (file.contains("round_trip_seconds") &&
        !duration(file["round_trip_seconds"], root.member("round_trip_seconds"), result.round_trip))
      return false;
    if (file.contains("congestion_control") &&
        !text(file["congestion_control"], root.member("congestion_control"), result.congestion_control))
      return false;
    if (!file.contains("multicast")) return true;
    if (!file["multicast"].is_boolean())
      return wrong_value(root.member("multicast"), file["multicast"], "true or false");
    result.multicast = file["multicast"].get<bool>();
    return true;
  }

  bool read_events(const Json& file, const JsonPath& root, Description& result) {
    if (!file.contains("events")) return true;
    const JsonPath path = root.member("events");
    if (!array(file["events"], path, "events")) return false;
    for (std::size_t k = 0; k < file["events"].size(); ++k) {
      if (!read_event(file["events"][k], path.element(k), result.events.emplace_back())) return false;
    }
    return true;
  }

  bool read_event(const Json& value, const JsonPath& path, Event& event) {
    if (!value.is_object() || !value.contains("event"))
      return wrong(path, "must be an object with the key \"event\"");
    if (!choice(value["event"], path.member("event"), {"rate", "cut", "heal", "traffic"})) return false;
    const std::string kind = value["event"];
    if (kind == "traffic") return read_traffic(value, path, event);
    const bool is_rate = kind == "rate";
    if (is_rate
            ? !object(value, path, {"at_seconds", "event", "host"}, {"uplink_line_bps", "downlink_line_bps"})
            : !object(value, path, {"at_seconds", "event", "host"}, {}))
      return false;
    std::string host;
    if (!duration(value["at_seconds"], path.member("at_seconds"), event.at) ||
        !text(value["host"], path.member("host"), host))
      return false;
    if (kind == "cut") event.what = Cut{host};
    if (kind == "heal") event.what = Heal{host};
    if (!is_rate) return true;
    ChangeRates change{host, {}, {}};
    if (!read_rate(value, path, "uplink_line_bps", change.uplink) ||
        !read_rate(value, path, "downlink_line_bps", change.downlink))
      return false;
    event.what = change;
    return true;
  }

  bool read_traffic(const Json& value, const JsonPath& path, Event& event) {
    Traffic traffic;
    if (!object(value, path, {"at_seconds", "event", "from", "to", "line_bps", "seconds"}, {})) return false;
    if (!duration(value["at_seconds"], path.member("at_seconds"), event.at) ||
        !text(value["from"], path.member("from"), traffic.from) ||
        !text(value["to"], path.member("to"), traffic.to) ||
        !read_rate(value, path, "line_bps", traffic.rate) ||
        !duration(value["seconds"], path.member("seconds"), traffic.lasts))
      return false;
    event.what = traffic;
    return true;
  }
};

}  // namespace

Result<Description> parse_description(std::string_view text, std::string_view source) {
  const auto json = cli::parse_strict_json(text);
  if (!json) return std::unexpected(with_context(source, json.error()));
  DescriptionReader reader(source);
  Description description;
  if (!reader.read(*json, description)) return std::unexpected(reader.error());
  if (auto good = validate(description); !good) return std::unexpected(with_context(source, good.error()));
  return description;
}

Result<Description> description_of(const LinkLists& lists) {
  const std::size_t hosts =
      lists.hosts > 0 ? lists.hosts : std::max(lists.uplinks_mbps.size(), lists.downlinks_mbps.size());
  Description description;
  for (const auto& [rates, flag] : {std::pair(&lists.uplinks_mbps, "--uplinks-mbps"),
                                    std::pair(&lists.downlinks_mbps, "--downlinks-mbps")}) {
    if (rates->size() > 1 && rates->size() != hosts)
      return failure(
          ErrorCode::invalid_input,
          fmt::format("{}: {} rates for {} hosts; give one, or one for each", flag, rates->size(), hosts));
  }
  const auto rate_of = [](const std::vector<double>& rates, std::size_t k) {
    if (rates.empty()) return net::LinkRate::unlimited();
    return net::LinkRate::megabits_per_second(rates[rates.size() == 1 ? 0 : k]);
  };
  for (std::size_t k = 0; k < hosts; ++k) {
    description.hosts.push_back(
        {fmt::format("w{}", k), rate_of(lists.uplinks_mbps, k), rate_of(lists.downlinks_mbps, k)});
  }
  if (auto good = validate(description); !good) return std::unexpected(good.error());
  return description;
}

}  // namespace selmcast::testbed
