// A count in a file, which anybody may have written: the library converts whatever number stands there, and for one
// that is no whole number or too large the language does not say to what. Pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace selmcast {

// line[key]. Throws json::exception, as at() does, if it is not there, or not a whole number that a T can hold.
template <std::integral T>
T count_at(const nlohmann::json& line, const char* key) {
  const nlohmann::json& value = line.at(key);
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= kMost)
    return static_cast<T>(value.get<std::uint64_t>());
  throw nlohmann::json::type_error::create(302,
                                           std::string(key) + " must be a whole number from 0 to " +
                                               std::to_string(kMost) + ", and is " + value.dump(),
                                           &value);
}

}  // namespace selmcast
