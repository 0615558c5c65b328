// JSON as RFC 8259 has it and nothing else: one value, no comments, valid UTF-8, no key twice in an object,
// bounded.
//
// nlohmann-json alone keeps the last of two equal keys, so a typing error would silently change a problem.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::cli {

// Larger files are refused before they are parsed. Holds the ages of all pairs of 1000 workers.
inline constexpr Bytes kMaxJsonFile = Bytes(32 << 20);
inline constexpr std::size_t kMaxJsonDepth = 16;

// Error (invalid_input) with line and column, or the path of the key that stands twice.
Result<nlohmann::json> parse_strict_json(std::string_view text);

// The whole file, `-` for standard input. Error: io (cannot be read) or invalid_input (larger than
// kMaxJsonFile); the message starts with the file's name.
Result<std::string> read_text_file(const std::string& path);

// What `path` is called in messages.
std::string display_name(const std::string& path);

}  // namespace selmcast::cli
