#include "selmcast/wire/mixing.h"

#include <algorithm>
#include <array>
#include <string>

namespace selmcast::wire {
namespace {

constexpr std::array<std::string_view, 4> kRoles = {"parameter", "buffer", "counter", "frozen"};
constexpr std::array<std::string_view, 3> kMixings = {"average", "push_sum", "staleness"};

template <class Kind, std::size_t count>
Result<Kind> parse(std::string_view name, const std::array<std::string_view, count>& names,
                   const char* what) {
  const auto* const found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<Kind>(found - names.begin());
  std::string known;
  for (const std::string_view one : names) known += (known.empty() ? "" : ", ") + std::string(one);
  return failure(ErrorCode::invalid_input, "there is no " + std::string(what) + " \"" + std::string(name) +
                                               "\"; choose one of " + known);
}

}  // namespace

std::string_view to_string(TensorRole role) { return kRoles[static_cast<std::size_t>(role)]; }
std::string_view to_string(MixingKind kind) { return kMixings[static_cast<std::size_t>(kind)]; }
Result<TensorRole> parse_role(std::string_view name) {
  return parse<TensorRole>(name, kRoles, "tensor role");
}
Result<MixingKind> parse_mixing(std::string_view name) { return parse<MixingKind>(name, kMixings, "mixing"); }

}  // namespace selmcast::wire
