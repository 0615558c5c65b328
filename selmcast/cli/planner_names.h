// What a command says of a planner name that it does not know. The same for all commands.
#pragma once

#include <string>

namespace selmcast::cli {

// Empty if there is a planner of that name, else what is wrong and which ones there are.
std::string unknown_planner(const std::string& name);

}  // namespace selmcast::cli
