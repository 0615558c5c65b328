// Finds out what findings.h judges: reads this machine's settings, and connects to those that must be reached.
#pragma once

#include <string>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/cli/doctor/facts.h"

namespace selmcast::doctor {

struct Questions {
  std::string manager;  // "host:port"; empty: none
  std::vector<std::string> peers;
  Duration patience = Duration::seconds(3);  // for each of them
};

// What cannot be read is left empty. Waits at most `patience` for each connection, one after the other, and once more
// for the manager to answer; where a peer was reached, 3 s for multicast between the two.
Facts look(const Questions& questions);

// One connection, looked at and closed. Error: timeout, unavailable (refused, no route, unknown host), invalid_input.
Result<Connection> reach(const std::string& target, Duration patience,
                         const std::vector<Interface>& interfaces);

std::vector<Interface> interfaces();

}  // namespace selmcast::doctor
