// What control messages say in words: checked where it must be right, cleaned where it is for people.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "selmcast/base/error.h"

namespace selmcast::wire {

// Of a field of a control message (protocol): "control message field hello.name is empty".
std::unexpected<Error> bad(const std::string& field, const std::string& what);
// Error (protocol) if it is longer, has control characters, or is no UTF-8.
Result<std::string> text(const std::string& field, const std::string& value, std::size_t bytes_max);
// At most kReasonBytesMax, and always UTF-8.
std::string reason_text(std::string_view value);

// Unwraps a Result inside a function that returns a Result.
#define SELMCAST_TRY(variable, expression)                           \
  auto variable##_or = (expression);                                 \
  if (!variable##_or) return std::unexpected(variable##_or.error()); \
  auto& variable = *variable##_or

}  // namespace selmcast::wire
