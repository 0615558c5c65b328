#include "selmcast/payload/format.h"

#include <array>
#include <string>
#include <utility>

namespace selmcast::payload {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"float32", "float16", "bfloat16", "int8"};
constexpr std::array<std::pair<std::string_view, Format>, 3> kShort = {
    {{"fp32", Format::float32}, {"fp16", Format::float16}, {"bf16", Format::bfloat16}}};

}  // namespace

std::string_view to_string(Format format) { return kNames[static_cast<std::size_t>(format)]; }

Result<Format> parse_format(std::string_view name) {
  std::string known;
  for (std::size_t k = 0; k < kNames.size(); ++k) {
    if (kNames[k] == name) return static_cast<Format>(k);
    known += (known.empty() ? "" : ", ") + std::string(kNames[k]);
  }
  known += "; for short";
  for (const auto& [abbreviation, format] : kShort) {
    if (abbreviation == name) return format;
    known += " " + std::string(abbreviation);
  }
  return failure(ErrorCode::invalid_input,
                 "there is no payload \"" + std::string(name) + "\"; choose one of " + known);
}

}  // namespace selmcast::payload
