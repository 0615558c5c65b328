// Every bound of the worker in one place.
#pragma once

#include <cstddef>

#include "selmcast/base/units.h"
#include "selmcast/net/limits.h"

namespace selmcast::worker {

// Models held while they arrive or wait for their commit; further offers wait.
inline constexpr int kReceiveBuffersDefault = 8;
// An offer whose plan has not come by then is refused (the plan is on its way on another connection).
inline constexpr Duration kEarlyOfferPatience = Duration::seconds(5);
// Accepted connections that have not said hello, or beyond the peers of the training.
inline constexpr int kStrangersMax = 64;
// Connections kept with each worker of the training, both ways. Without relay one each way; with it also one for each
// multicast that is sent on to the same receiver at the same time, until the round ends. What counts as one here may
// be made of several by its sender (WorkerOptions::streams).
inline constexpr std::size_t kLinksPerWorker = 4 * std::size_t{net::kStreamsMax};
inline constexpr Duration kHelloPatience = Duration::seconds(5);
// From when all of a model was handed to the kernel until its receiver must have acknowledged it; and as long as
// kInKernel takes at the rate of the delivery, for that may still be under way.
inline constexpr Duration kAckPatience = Duration::seconds(5);
inline constexpr Bytes kInKernel = Bytes(1 << 20);
// Until the manager's Welcome: it waits for all workers of the training.
inline constexpr Duration kWelcomePatience = Duration::seconds(660);  // more than any --join-timeout
// Between two tries to reach a manager that is away: doubled from the first to the last.
inline constexpr Duration kRedialFirst = Duration::milliseconds(50);
inline constexpr Duration kRedialMost = Duration::seconds(1);

}  // namespace selmcast::worker
