// Runs a short command, waits for it, and says what it printed. Only here `ip` and `tc` are started.
#pragma once

#include <string>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/testbed/commands.h"

namespace selmcast::testbed {

inline constexpr Duration kCommandPatience = Duration::seconds(20);

// Its standard output. Error (io) if it cannot be started, ends with another status than 0 (naming the command and the
// last line it printed to standard error) or does not end within kCommandPatience (then it is killed). Any thread.
Result<std::string> run_command(const Command& command);

// One after the other, up to the first that fails.
Result<void> run_commands(const Commands& commands);

}  // namespace selmcast::testbed
