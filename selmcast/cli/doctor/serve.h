// `selmcast doctor --serve`: takes connections and closes them, and answers multicast probes (multicast.h), so that
// other machines' doctors can see, before a training, whether and how this one is reached.
#pragma once

#include <functional>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::doctor {

struct Serving {
  std::string where;                                   // "port" (all addresses), "host:port" or "[v6]:port"
  Duration length = Duration::infinite();              // then it ends
  std::function<bool()> stop = [] { return false; };   // asked several times a second
  std::function<void(const std::string&)> listening;   // once, with the address
  std::function<void(const std::string&)> reached_by;  // with each caller's address
};

// Error: invalid_input (no address), io (cannot listen there).
Result<void> serve(const Serving& serving);

}  // namespace selmcast::doctor
