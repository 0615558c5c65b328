#include "selmcast/cli/json_text.h"

#include <nlohmann/json.hpp>

namespace selmcast::cli {
namespace {

using nlohmann::ordered_json;

// Objects up to this depth are spread over lines, everything inside them is compact.
constexpr int kSpreadDepth = 3;

void write(const ordered_json& value, int depth, std::string& out) {
  if (!value.is_object() || value.empty() || depth == kSpreadDepth) {
    out += value.dump();
    return;
  }
  const std::string indent(2 * static_cast<std::size_t>(depth + 1), ' ');
  const char* separator = "{\n";
  for (const auto& [key, member] : value.items()) {
    out += separator + indent + ordered_json(key).dump() + ": ";
    write(member, depth + 1, out);
    separator = ",\n";
  }
  out += "\n" + indent.substr(2) + "}";
}

}  // namespace

std::string spread_json(const ordered_json& value) {
  std::string out;
  write(value, 0, out);
  return out + "\n";
}

}  // namespace selmcast::cli
