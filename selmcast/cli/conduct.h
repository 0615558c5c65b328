// A bench whose conductor is a script: this process becomes it.
#pragma once

#include <string>
#include <vector>

namespace selmcast::cli {

// The interpreter and its arguments. Returns only if it cannot be started: says so as `selmcast bench NAME` and gives
// the exit status.
int conduct(const std::string& name, std::vector<std::string> command);

}  // namespace selmcast::cli
