// How a worker of selmcast-train reaches its training.
#include "selmcast/train/commands.h"

namespace selmcast::train {

Result<Synchronize> connect(const WorkerCommand& command, Trainer& /*trainer*/) {
  if (command.solo) {
    return [](std::span<float>) -> Result<SyncOutcome> { return SyncOutcome{}; };
  }
  return failure(ErrorCode::unavailable,
                 "not connected yet: training with peers is not built in; pass --solo");
}

}  // namespace selmcast::train
