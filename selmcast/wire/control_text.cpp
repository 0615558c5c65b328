#include "selmcast/wire/control_text.h"

#include <algorithm>

#include "selmcast/wire/control_codec.h"
#include "selmcast/wire/utf8.h"

namespace selmcast::wire {

std::unexpected<Error> bad(const std::string& field, const std::string& what) {
  return failure(ErrorCode::protocol, "control message field " + field + " " + what);
}

Result<std::string> text(const std::string& field, const std::string& value, std::size_t bytes_max) {
  if (value.size() > bytes_max) return bad(field, "is longer than " + std::to_string(bytes_max) + " bytes");
  if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return bad(field, "has control characters");
  }
  if (!is_utf8(value)) return bad(field, "is not UTF-8");
  return value;
}

// Reasons are for people: cut and cleaned rather than refused. Protocol Buffers do not parse a string that is
// not UTF-8, so half a character at the cut would cost whoever gets it its session.
std::string reason_text(std::string_view value) {
  std::string cleaned;
  while (!value.empty()) {
    const std::size_t length = character_length(value);
    if (cleaned.size() + std::max<std::size_t>(length, 1) > kReasonBytesMax) break;
    const bool printable = length > 1 || (length == 1 && value.front() >= 0x20 && value.front() != 0x7f);
    if (printable) {
      cleaned += value.substr(0, length);
    } else {
      cleaned += length == 0 ? '?' : ' ';
    }
    value.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return cleaned;
}

}  // namespace selmcast::wire
