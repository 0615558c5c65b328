#include "selmcast/cli/seed_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <system_error>

namespace selmcast::cli {

std::string not_a_seed(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = fault == std::errc() && end == text.data() + text.size();
  return whole ? std::string()
               : fmt::format("{} is not a seed; give a whole number from 0 to {}", text, UINT64_MAX);
}

}  // namespace selmcast::cli
