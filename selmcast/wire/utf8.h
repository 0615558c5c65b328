// Text that comes from others: is it well-formed UTF-8?
#pragma once

#include <cstddef>
#include <string_view>

namespace selmcast::wire {

// The length in bytes of the character that `text`, not empty, begins with; 0 if it does not begin with one. Overlong
// forms, surrogates and what lies beyond U+10FFFF are none (RFC 3629).
std::size_t character_length(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace selmcast::wire
