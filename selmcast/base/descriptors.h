// How many files a process may open; sockets are files. One that runs out of them in the middle of a training loses
// connections that it had promised to take, so whoever is going to need many asks first.
#pragma once

#include <cstddef>

#include "selmcast/base/error.h"

namespace selmcast {

// What a process needs beside the connections to its peers (gRPC, a journal, a state), with room to spare.
inline constexpr std::size_t kOwnDescriptors = 64;

// Error (io), with the remedy, if the process may not open `needed` files. Its soft limit is raised to that, or to
// 4096, as far as the hard limit allows; it is never lowered.
Result<void> allow_descriptors(std::size_t needed);

}  // namespace selmcast
