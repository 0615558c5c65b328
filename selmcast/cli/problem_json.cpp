#include "selmcast/cli/problem_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "selmcast/cli/strict_json.h"

namespace selmcast::cli {
namespace {

using nlohmann::json;
using plan::MulticastKind;
using plan::Problem;
using Keys = std::initializer_list<std::string_view>;

// Where a value stands. Spelled out only when something is wrong: a large file has a million values.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;  // empty: the element `index` of an array
  std::size_t index = 0;

  Path member(std::string_view name) const { return {this, name, 0}; }
  Path element(std::size_t position) const { return {this, {}, position}; }
  std::string text() const {
    if (parent == nullptr) return "";
    const std::string before = parent->text();
    if (key.empty()) return fmt::format("{}[{}]", before, index);
    return before.empty() ? std::string(key) : fmt::format("{}.{}", before, key);
  }
};

// The value as it stands in the file, cut short.
std::string shown(const json& value) {
  constexpr std::size_t kLongest = 40;
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

// Reading functions return false once something was wrong; the first fault is kept.
class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  bool problem(const json& root, Problem& result);
  Error error() const { return {ErrorCode::invalid_input, fault_}; }

 private:
  bool wrong(const Path& path, std::string_view what) {
    const std::string where = path.text();
    fault_ = fmt::format("{}: {}{}{}", source_, where, where.empty() ? "" : ": ", what);
    return false;
  }
  bool wrong_value(const Path& path, const json& value, std::string_view needed) {
    return wrong(path, fmt::format("is {}; give {}", shown(value), needed));
  }

  bool object(const json& value, const Path& path, Keys needed, Keys optional);
  bool array(const json& value, const Path& path, std::string_view of);
  bool choice(const json& value, const Path& path, Keys choices);
  bool text(const json& value, const Path& path, std::string& result);
  bool rate(const json& value, const Path& path, Rate& result);
  bool whole(const json& value, const Path& path, std::string_view needed, std::int64_t& result);
  bool min_receivers(const json& value, const Path& path, std::size_t workers, int& result);

  bool kind(const json& root, const Path& path, Problem& result);
  bool worker(const json& value, const Path& path, std::size_t workers, plan::WorkerSpec& result);
  bool known_worker(const json& value, const Path& path, WorkerIndex& result);
  bool pair(const json& value, const Path& path, std::size_t length, plan::Pair& result);
  bool workers(const json& list, const Path& path, Problem& result);
  bool required(const json& list, const Path& path, Problem& result);
  bool ages(const json& list, const Path& path, Problem& result);
  bool consistent(const Problem& problem, const Path& root);

  std::string_view source_;
  std::string fault_;
  std::unordered_map<std::string, WorkerIndex> index_of_;
};

bool Reader::object(const json& value, const Path& path, Keys needed, Keys optional) {
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

bool Reader::array(const json& value, const Path& path, std::string_view of) {
  return value.is_array() || wrong_value(path, value, fmt::format("an array of {}", of));
}

bool Reader::choice(const json& value, const Path& path, Keys choices) {
  if (value.is_string() && std::ranges::count(choices, value.get_ref<const std::string&>()) > 0) return true;
  return wrong_value(path, value, fmt::format("\"{}\"", fmt::join(choices, "\" or \"")));
}

bool Reader::text(const json& value, const Path& path, std::string& result) {
  if (!value.is_string()) return wrong_value(path, value, "a string");
  result = value.get<std::string>();
  const bool printable = std::ranges::none_of(result, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return printable || wrong_value(path, value, "a name without control characters");
}

bool Reader::rate(const json& value, const Path& path, Rate& result) {
  if (!value.is_number()) return wrong_value(path, value, "a number of bits per second");
  result = Rate::bits_per_second(value.get<double>());
  return true;
}

bool Reader::whole(const json& value, const Path& path, std::string_view needed, std::int64_t& result) {
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

bool Reader::min_receivers(const json& value, const Path& path, std::size_t workers, int& result) {
  if (value.is_number_float() && value.get<double>() > 0 && value.get<double>() < 1) {
    const auto of_all =
        static_cast<std::size_t>(std::floor(value.get<double>() * static_cast<double>(workers) + 1e-9));
    result = static_cast<int>(std::min(std::max<std::size_t>(1, of_all), workers - 1));
    return true;
  }
  constexpr std::string_view kNeeded =
      "a whole number of receivers, or a fraction of the workers between 0 and 1";
  std::int64_t count = 0;
  if (!whole(value, path, kNeeded, count)) return false;
  if (count < 0 || count > std::numeric_limits<int>::max()) return wrong_value(path, value, kNeeded);
  result = static_cast<int>(count);
  return true;
}

bool Reader::worker(const json& value, const Path& path, std::size_t workers, plan::WorkerSpec& result) {
  std::int64_t volume = 0;
  if (!object(value, path, {"id", "uplink_bps", "downlink_bps", "min_receivers", "volume_bytes"}, {}) ||
      !text(value["id"], path.member("id"), result.name) ||
      !rate(value["uplink_bps"], path.member("uplink_bps"), result.uplink) ||
      !rate(value["downlink_bps"], path.member("downlink_bps"), result.downlink) ||
      !min_receivers(value["min_receivers"], path.member("min_receivers"), workers, result.min_receivers) ||
      !whole(value["volume_bytes"], path.member("volume_bytes"), "a whole number of bytes", volume)) {
    return false;
  }
  result.volume = Bytes(volume);
  return true;
}

bool Reader::workers(const json& list, const Path& path, Problem& result) {
  if (!array(list, path, "workers")) return false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    plan::WorkerSpec spec;
    if (!worker(list[i], path.element(i), list.size(), spec)) return false;
    index_of_.emplace(spec.name, WorkerIndex(static_cast<std::uint32_t>(i)));
    result.workers.push_back(std::move(spec));
  }
  return true;
}

bool Reader::known_worker(const json& value, const Path& path, WorkerIndex& result) {
  if (!value.is_string()) return wrong_value(path, value, "the id of a worker");
  const auto found = index_of_.find(value.get_ref<const std::string&>());
  if (found == index_of_.end())
    return wrong(path, fmt::format("there is no worker {}; name one of `workers`", shown(value)));
  result = found->second;
  return true;
}

bool Reader::pair(const json& value, const Path& path, std::size_t length, plan::Pair& result) {
  if (!value.is_array() || value.size() != length) {
    return wrong_value(path, value, length == 2 ? "[sender, receiver]" : "[sender, receiver, age]");
  }
  return known_worker(value[0], path.element(0), result.sender) &&
         known_worker(value[1], path.element(1), result.receiver);
}

bool Reader::required(const json& list, const Path& path, Problem& result) {
  if (!array(list, path, "pairs")) return false;
  for (std::size_t k = 0; k < list.size(); ++k) {
    if (!pair(list[k], path.element(k), 2, result.required.emplace_back())) return false;
  }
  return true;
}

bool Reader::ages(const json& list, const Path& path, Problem& result) {
  if (!array(list, path, "[sender, receiver, age]")) return false;
  for (std::size_t k = 0; k < list.size(); ++k) {
    const Path entry = path.element(k);
    plan::PairAge& old = result.ages.emplace_back();
    std::int64_t age = 0;
    constexpr std::string_view kNeeded = "a whole number of multicasts, 0 to 4294967295";
    if (!pair(list[k], entry, 3, old.pair) || !whole(list[k][2], entry.element(2), kNeeded, age))
      return false;
    if (age < 0 || age > std::numeric_limits<std::uint32_t>::max())
      return wrong_value(entry.element(2), list[k][2], kNeeded);
    old.age = static_cast<std::uint32_t>(age);
  }
  return true;
}

bool Reader::kind(const json& root, const Path& path, Problem& result) {
  if (!choice(root["schema"], path.member("schema"), {kProblemSchema})) return false;
  if (!choice(root["sync"], path.member("sync"), {"bsp", "ssp"})) return false;
  if (root["sync"] == "ssp") {
    return wrong(path.member("sync"), "no planner for \"ssp\" problems is built in yet; give \"bsp\"");
  }
  if (root.contains("ssp")) return wrong(path.member("ssp"), "belongs to \"sync\": \"ssp\" only; remove it");
  if (!choice(root["multicast"], path.member("multicast"), {"network", "unicast"})) return false;
  result.multicast = root["multicast"] == "network" ? MulticastKind::network : MulticastKind::unicast;
  return true;
}

// What is left to check is the same for problems from anywhere: plan/problem.h knows, we know where it
// stands.
bool Reader::consistent(const Problem& problem, const Path& root) {
  const auto fault = plan::first_fault(problem);
  if (!fault) return true;
  using Part = plan::Fault::Part;
  const auto at = [&](std::string_view list, std::string_view key) {
    const Path path = root.member(list);
    const Path element = path.element(fault->index);
    return wrong(key.empty() ? element : element.member(key), fault->message);
  };
  switch (fault->part) {
    case Part::workers: return wrong(root.member("workers"), fault->message);
    case Part::name: return at("workers", "id");
    case Part::uplink: return at("workers", "uplink_bps");
    case Part::downlink: return at("workers", "downlink_bps");
    case Part::min_receivers: return at("workers", "min_receivers");
    case Part::volume: return at("workers", "volume_bytes");
    case Part::required: return at("required", "");
    case Part::ages: return at("age", "");
  }
  return false;
}

bool Reader::problem(const json& root, Problem& result) {
  const Path top;
  if (!object(root, top, {"schema", "sync", "multicast", "workers"}, {"required", "age", "ssp"}))
    return false;
  if (!kind(root, top, result) || !workers(root["workers"], top.member("workers"), result)) return false;
  // Before the pairs: a wrong id would otherwise show as a pair of unknown workers.
  if (!consistent(result, top)) return false;
  if (root.contains("required") && !required(root["required"], top.member("required"), result)) return false;
  if (root.contains("age") && !ages(root["age"], top.member("age"), result)) return false;
  return consistent(result, top);
}

}  // namespace

Result<Problem> read_problem(std::string_view text, std::string_view source) {
  const auto root = parse_strict_json(text);
  if (!root) return std::unexpected(with_context(source, root.error()));
  Problem result;
  Reader reader(source);
  if (!reader.problem(*root, result)) return std::unexpected(reader.error());
  return result;
}

}  // namespace selmcast::cli
