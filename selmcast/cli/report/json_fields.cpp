#include "selmcast/cli/report/json_fields.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace selmcast::report {
namespace {

using Json = nlohmann::json;

// What stands there, short enough for a message whatever a file holds.
std::string snippet(const Json& value) {
  constexpr std::size_t kLongest = 40;
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

std::optional<double> as_fraction(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  if (!(number >= 0 && number <= 1)) return std::nullopt;
  return number;
}

}  // namespace

void FirstFault::note(std::string_view path, std::string_view what) {
  if (error_) return;
  error_ = Error{ErrorCode::invalid_input, path.empty() ? fmt::format("{}: {}", where_, what)
                                                        : fmt::format("{}: {}: {}", where_, path, what)};
}

JsonFields::JsonFields(const Json& object, std::string path, FirstFault& fault)
    : object_(object), path_(std::move(path)), fault_(fault) {
  if (!object_.is_object()) {
    const std::string_view place =
        path_.empty() ? std::string_view() : std::string_view(path_).substr(0, path_.size() - 1);
    fault_.note(place, "an object is needed, not " + snippet(object_));
  }
}

bool JsonFields::has(std::string_view key) const { return object_.is_object() && object_.contains(key); }

bool JsonFields::absent(std::string_view key) const { return !has(key) || object_.find(key)->is_null(); }

void JsonFields::fault(std::string_view key, std::string_view what) const {
  fault_.note(path_ + std::string(key), what);
}

const Json* JsonFields::find(std::string_view key, std::string_view needed) const {
  if (fault_.any()) return nullptr;
  if (!has(key)) {
    fault(key, fmt::format("is missing ({} is needed)", needed));
    return nullptr;
  }
  return &*object_.find(key);
}

const Json* JsonFields::find_array(std::string_view key) const {
  const Json* value = find(key, "an array");
  if (value != nullptr && !value->is_array()) {
    fault(key, "an array is needed, not " + snippet(*value));
    return nullptr;
  }
  return value;
}

std::string JsonFields::text(std::string_view key) const {
  const Json* value = find(key, "a text");
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  fault(key, "a text is needed, not " + snippet(*value));
  return {};
}

bool JsonFields::flag(std::string_view key) const {
  const Json* value = find(key, "true or false");
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  fault(key, "true or false is needed, not " + snippet(*value));
  return false;
}

std::uint64_t JsonFields::count(std::string_view key) const {
  constexpr std::string_view kNeeded = "a whole number, 0 or more,";
  const Json* value = find(key, kNeeded);
  if (value == nullptr) return 0;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  fault(key, fmt::format("{} is needed, not {}", kNeeded, snippet(*value)));
  return 0;
}

double JsonFields::number_where(std::string_view key, bool (*holds)(double), std::string_view needed) const {
  const Json* value = find(key, needed);
  if (value == nullptr) return 0;
  if (value->is_number() && holds(value->get<double>())) return value->get<double>();
  fault(key, fmt::format("{} is needed, not {}", needed, snippet(*value)));
  return 0;
}

double JsonFields::number(std::string_view key) const {
  return number_where(
      key, [](double x) { return std::isfinite(x); }, "a number");
}

double JsonFields::fraction(std::string_view key) const {
  return number_where(
      key, [](double x) { return x >= 0 && x <= 1; }, "a number from 0 to 1");
}

Rate JsonFields::rate(std::string_view key) const {
  return Rate::bits_per_second(number_where(
      key, [](double x) { return std::isfinite(x) && x > 0; }, "a positive number of bit/s"));
}

Duration JsonFields::seconds(std::string_view key) const {
  return Duration::seconds(number_where(
      key, [](double x) { return std::isfinite(x) && x >= 0; }, "a number of seconds, 0 or more,"));
}

Bytes JsonFields::bytes(std::string_view key) const {
  const std::uint64_t value = count(key);
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    fault(key, "is more bytes than there can be");
    return Bytes();
  }
  return Bytes(static_cast<std::int64_t>(value));
}

std::optional<double> JsonFields::maybe_number(std::string_view key) const {
  if (absent(key)) return std::nullopt;
  return number(key);
}

std::optional<Rate> JsonFields::maybe_rate(std::string_view key) const {
  if (absent(key)) return std::nullopt;
  return rate(key);
}

std::optional<Duration> JsonFields::maybe_seconds(std::string_view key) const {
  if (absent(key)) return std::nullopt;
  return seconds(key);
}

void JsonFields::each(std::string_view key, const std::function<void(const JsonFields&)>& read) const {
  const Json* array = find_array(key);
  if (array == nullptr) return;
  for (std::size_t i = 0; i < array->size() && !fault_.any(); ++i)
    read(JsonFields((*array)[i], fmt::format("{}{}[{}].", path_, key, i), fault_));
}

void JsonFields::each_text(std::string_view key, const std::function<void(const std::string&)>& read) const {
  const Json* array = find_array(key);
  if (array == nullptr) return;
  for (std::size_t i = 0; i < array->size() && !fault_.any(); ++i) {
    const Json& item = (*array)[i];
    if (item.is_string()) {
      read(item.get_ref<const std::string&>());
    } else {
      fault(fmt::format("{}[{}]", key, i), "a text is needed, not " + snippet(item));
    }
  }
}

void JsonFields::each_fraction(std::string_view key, const std::function<void(double)>& read) const {
  const Json* array = find_array(key);
  if (array == nullptr) return;
  for (std::size_t i = 0; i < array->size() && !fault_.any(); ++i) {
    if (const auto value = as_fraction((*array)[i])) {
      read(*value);
    } else {
      fault(fmt::format("{}[{}]", key, i), "a number from 0 to 1 is needed, not " + snippet((*array)[i]));
    }
  }
}

}  // namespace selmcast::report
