// Texts of a run folder (worker, planner and model names, reasons) on their way to a terminal, an SVG or a
// page.
//
// Whoever wrote the folder chose them, so nothing of theirs may act: no tag, no attribute's end, no terminal
// escape. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace selmcast::report {

// `text` without control characters (each becomes U+FFFD) and with at most `longest` characters, the last
// then an ellipsis. Requires UTF-8, as all JSON is.
std::string printable(std::string_view text, std::size_t longest = 80);

// printable() for XML text and quoted attribute values: & < > " ' become entities.
std::string escape_xml(std::string_view text, std::size_t longest = 80);

// Characters, not bytes: what aligns columns.
std::size_t text_width(std::string_view text);

}  // namespace selmcast::report
