// What tests of this folder say often.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/sync/training_machine.h"

namespace selmcast::sync {

inline constexpr Bytes kModel(1'000'000);  // 8 Mbit
constexpr WorkerId w(std::uint32_t id) { return WorkerId(id); }
constexpr Duration s(double seconds) { return Duration::seconds(seconds); }
constexpr Instant at(double seconds) { return Instant::at_seconds(seconds); }

template <class One>
std::vector<One> all(const Actions& actions) {
  std::vector<One> found;
  for (const Action& action : actions) {
    if (const auto* one = std::get_if<One>(&action)) found.push_back(*one);
  }
  return found;
}

}  // namespace selmcast::sync
