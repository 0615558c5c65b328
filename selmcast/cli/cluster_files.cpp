#include "selmcast/cli/cluster_files.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>

namespace selmcast::cli {
namespace {

using Fields = std::vector<std::string_view>;

Fields split(std::string_view line) {
  Fields fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    std::string_view field = line.substr(0, comma);
    while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '\r')) field.remove_suffix(1);
    fields.push_back(field);
    if (comma == line.npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> at_least_zero(std::string_view text) {
  const std::optional<double> value = number(text);
  return value && *value >= 0 && *value <= std::numeric_limits<double>::max() ? value : std::nullopt;
}

std::optional<std::uint32_t> worker(std::string_view text) {
  if (!text.starts_with('w')) return std::nullopt;
  std::uint32_t index = 0;
  const auto [end, fault] = std::from_chars(text.data() + 1, text.data() + text.size(), index);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return index;
}

// Calls `take` with each record; it returns false if it makes no sense of it.
Result<void> read_records(const std::string& path, std::string_view header,
                          const std::function<bool(const Fields&)>& take) {
  std::ifstream in(path);
  if (!in) return failure(ErrorCode::invalid_input, path + ": cannot be read; is the name right?");
  std::string line;
  bool first = true;
  for (int at = 1; std::getline(in, line); ++at) {
    if (line.empty() || line == "\r" || line.front() == '#') continue;
    const bool is_header = first && line.substr(0, line.find('\r')) == header;
    first = false;
    if (is_header || take(split(line))) continue;
    return failure(ErrorCode::invalid_input, fmt::format("{}:{}: '{}' is not {}", path, at, line, header));
  }
  if (first)
    return failure(ErrorCode::invalid_input, fmt::format("{}: empty; write lines of {}", path, header));
  return {};
}

std::optional<sim::ClusterEvent> event_of(const Fields& fields) {
  using Kind = sim::ClusterEvent::Kind;
  if (fields.size() != 3) return std::nullopt;
  const auto time = at_least_zero(fields[0]);
  const auto who = worker(fields[1]);
  if (!time || !who) return std::nullopt;
  sim::ClusterEvent event{.time = Instant::at_seconds(*time), .worker = *who};
  const std::string_view what = fields[2];
  if (what == "join") {
    event.kind = Kind::join;
  } else if (what == "leave") {
    event.kind = Kind::leave;
  } else if (what == "crash") {
    event.kind = Kind::crash;
  } else if (const auto factor = what.starts_with("slow=") ? at_least_zero(what.substr(5)) : std::nullopt) {
    event.factor = *factor;
  } else {
    return std::nullopt;
  }
  return event;
}

}  // namespace

Result<sim::ComputeTimes> read_compute_times(const std::string& path) {
  std::vector<Duration> times;
  const Result<void> read = read_records(path, "seconds", [&](const Fields& fields) {
    const auto time = fields.size() == 1 ? at_least_zero(fields[0]) : std::nullopt;
    if (!time || *time >= 1e9) return false;
    times.push_back(Duration::seconds(*time));
    return true;
  });
  if (!read) return std::unexpected(read.error());
  if (times.empty())
    return failure(ErrorCode::invalid_input, path + ": no time in it; write one number a line");
  return sim::ComputeTimes::of_trace(times);
}

Result<std::vector<sim::ClusterEvent>> read_cluster_events(const std::string& path) {
  std::vector<sim::ClusterEvent> events;
  const Result<void> read = read_records(path, "time_s,worker,event", [&](const Fields& fields) {
    const auto event = event_of(fields);
    if (event) events.push_back(*event);
    return event.has_value();
  });
  if (!read) return std::unexpected(read.error());
  return events;
}

Result<std::vector<sim::BandwidthStep>> read_bandwidth_trace(const std::string& path) {
  std::vector<sim::BandwidthStep> steps;
  const Result<void> read =
      read_records(path, "time_s,worker,uplink_bps,downlink_bps", [&](const Fields& fields) {
        if (fields.size() != 4) return false;
        const auto time = at_least_zero(fields[0]);
        const auto who = worker(fields[1]);
        const auto up = at_least_zero(fields[2]);
        const auto down = at_least_zero(fields[3]);
        if (!time || !who || !up || !down) return false;
        steps.push_back(
            {Instant::at_seconds(*time), *who, Rate::bits_per_second(*up), Rate::bits_per_second(*down)});
        return true;
      });
  if (!read) return std::unexpected(read.error());
  return steps;
}

}  // namespace selmcast::cli
