// How the answers of commands are laid out as JSON: for people to read as well as for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace selmcast::cli {

// One key a line down to the third level, everything inside that compact; ends with a newline.
std::string spread_json(const nlohmann::ordered_json& value);

}  // namespace selmcast::cli
