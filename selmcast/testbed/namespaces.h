// Network namespaces by name: which there are, who is in them, and how to act inside one. Linux, root.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"

namespace selmcast::testbed {

// Names under /run/netns, sorted.
std::vector<std::string> namespaces();

// Processes whose network namespace it is; ascending. None if there is no such namespace.
std::vector<pid_t> processes_in(const std::string& name);

// SIGTERM to all that are in one of them, SIGKILL to those still there after a second; waits until none is left.
// Error (timeout) naming one that is still there two seconds after that. Each is killed by its id, through a file
// descriptor that cannot come to mean another process.
Result<void> end_processes_in(const std::vector<std::string>& names);

// Calls `act` on a thread of its own that is inside the namespace, and waits for it. What it opens there (sockets)
// stays there. Error (io) if the namespace cannot be entered.
Result<void> inside(const std::string& name, const std::function<void()>& act);

}  // namespace selmcast::testbed
