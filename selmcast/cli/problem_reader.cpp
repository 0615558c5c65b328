#include "selmcast/cli/problem_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace selmcast::cli {

std::string JsonPath::text() const {
  if (parent == nullptr) return "";
  const std::string before = parent->text();
  if (key.empty()) return fmt::format("{}[{}]", before, index);
  return before.empty() ? std::string(key) : fmt::format("{}.{}", before, key);
}

std::string shown(const nlohmann::json& value) {
  constexpr std::size_t kLongest = 40;
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

bool ProblemReader::wrong(const Path& path, std::string_view what) {
  const std::string where = path.text();
  fault_ = fmt::format("{}: {}{}{}", source_, where, where.empty() ? "" : ": ", what);
  return false;
}

bool ProblemReader::wrong_value(const Path& path, const Json& value, std::string_view needed) {
  return wrong(path, fmt::format("is {}; give {}", shown(value), needed));
}

bool ProblemReader::object(const Json& value, const Path& path, Keys needed, Keys optional) {
  if (!value.is_object()) return wrong_value(path, value, "an object");
  for (const auto& [key, member] : value.items()) {
    if (std::ranges::count(needed, key) == 0 && std::ranges::count(optional, key) == 0) {
      return wrong(path.member(key), fmt::format("unknown key; known here: {}{}{}", fmt::join(needed, ", "),
                                                 optional.size() > 0 ? ", " : "", fmt::join(optional, ", ")));
    }
  }
  for (const std::string_view key : needed) {
    if (!value.contains(key)) return wrong(path.member(key), "is missing; add it");
  }
  return true;
}

bool ProblemReader::array(const Json& value, const Path& path, std::string_view of) {
  return value.is_array() || wrong_value(path, value, fmt::format("an array of {}", of));
}

bool ProblemReader::choice(const Json& value, const Path& path, Keys choices) {
  if (value.is_string() && std::ranges::count(choices, value.get_ref<const std::string&>()) > 0) return true;
  return wrong_value(path, value, fmt::format("\"{}\"", fmt::join(choices, "\" or \"")));
}

bool ProblemReader::text(const Json& value, const Path& path, std::string& result) {
  if (!value.is_string()) return wrong_value(path, value, "a string");
  result = value.get<std::string>();
  const bool printable = std::ranges::none_of(result, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return printable || wrong_value(path, value, "a name without control characters");
}

bool ProblemReader::number(const Json& value, const Path& path, std::string_view needed, double& result) {
  if (!value.is_number()) return wrong_value(path, value, needed);
  result = value.get<double>();
  return true;
}

bool ProblemReader::rate(const Json& value, const Path& path, Rate& result) {
  double bps = 0;
  if (!number(value, path, "a number of bits per second", bps)) return false;
  result = Rate::bits_per_second(bps);
  return true;
}

bool ProblemReader::duration(const Json& value, const Path& path, Duration& result) {
  double seconds = 0;
  if (!number(value, path, "a number of seconds", seconds)) return false;
  result = Duration::seconds(seconds);
  return true;
}

bool ProblemReader::whole(const Json& value, const Path& path, std::string_view needed,
                          std::int64_t& result) {
  constexpr double kExact = 0x1p53;  // larger doubles need not be the number that was written
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) != number || std::abs(number) > kExact) return wrong_value(path, value, needed);
    result = static_cast<std::int64_t>(number);
    return true;
  }
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > kLargest;
  if (!value.is_number_integer() || too_large) return wrong_value(path, value, needed);
  result = value.get<std::int64_t>();
  return true;
}

bool ProblemReader::known_worker(const Json& value, const Path& path, WorkerIndex& result) {
  if (!value.is_string()) return wrong_value(path, value, "the id of a worker");
  const auto found = index_of_.find(value.get_ref<const std::string&>());
  if (found == index_of_.end())
    return wrong(path, fmt::format("there is no worker {}; name one of `workers`", shown(value)));
  result = found->second;
  return true;
}

bool ProblemReader::pair(const Json& value, const Path& path, std::size_t length, plan::Pair& result) {
  if (!value.is_array() || value.size() != length) {
    return wrong_value(path, value, length == 2 ? "[sender, receiver]" : "[sender, receiver, age]");
  }
  return known_worker(value[0], path.element(0), result.sender) &&
         known_worker(value[1], path.element(1), result.receiver);
}

}  // namespace selmcast::cli
