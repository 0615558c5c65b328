#include "selmcast/cli/report/markup.h"

#include <algorithm>

namespace selmcast::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::size_t character_length(std::string_view text, std::size_t at) {
  std::size_t length = 1;
  while (at + length < text.size() && continues(text[at + length])) ++length;
  return length;
}

// C0 and DEL, C1 (which some terminals obey), and the two non-characters XML forbids.
bool is_control(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) >= 0x7F;
  if (character.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  return character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF";
}

}  // namespace

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !continues(c); }));
}

std::string printable(std::string_view text, std::size_t longest) {
  const bool cut = text_width(text) > longest;
  std::string result;
  std::size_t shown = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (cut && shown + 1 >= longest) return result.append(kEllipsis);
    const std::string_view character = text.substr(at, character_length(text, at));
    result.append(is_control(character) ? kReplacement : character);
    at += character.size();
    ++shown;
  }
  return result;
}

std::string escape_xml(std::string_view text, std::size_t longest) {
  std::string result;
  for (const char c : printable(text, longest)) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&#39;"; break;
      default: result += c;
    }
  }
  return result;
}

}  // namespace selmcast::report
