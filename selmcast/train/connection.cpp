// How a worker of selmcast-train reaches its training: through the worker library, or not at all (--solo).
#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "selmcast/train/commands.h"
#include "selmcast/worker/worker.h"

namespace selmcast::train {
namespace {

worker::WorkerOptions options_of(const WorkerCommand& command, Trainer& trainer) {
  worker::WorkerOptions options;
  options.manager = command.manager.value_or("");
  options.name = command.name;
  for (const TensorShape& tensor : trainer.manifest()) options.model.push_back({tensor.name, tensor.shape});
  options.mixing = command.mixing;
  options.payload = command.payload;
  options.streams = command.streams;
  if (command.uplink) options.emulated_uplink = options.declared_uplink = *command.uplink;
  if (command.downlink) options.emulated_downlink = options.declared_downlink = *command.downlink;
  if (command.declared_uplink) options.declared_uplink = *command.declared_uplink;
  if (command.declared_downlink) options.declared_downlink = *command.declared_downlink;
  return options;
}

}  // namespace

Result<Connection> connect(const WorkerCommand& command, Trainer& trainer) {
  if (command.solo) {
    return Connection{[](std::span<float>) -> Result<SyncOutcome> { return SyncOutcome{}; }};
  }
  auto connected = worker::Worker::connect(options_of(command, trainer));
  if (!connected) return std::unexpected(connected.error());
  Connection made;
  if ((*connected)->came_late()) {
    const auto caught_up = (*connected)->catch_up(trainer.parameters());
    if (!caught_up) return std::unexpected(caught_up.error());
    made.first = caught_up->next;
  }
  const std::shared_ptr<worker::Worker> shared = std::move(*connected);
  made.leave = [shared](const std::string& why) { shared->leave(why); };
  std::uint64_t left = command.rounds - std::min(command.rounds, made.first.value());
  // Shared because a std::function must be copyable; the last copy leaves the training.
  made.synchronize = [peer = shared, left](std::span<float> parameters) mutable -> Result<SyncOutcome> {
    auto report = peer->synchronize(parameters);
    if (!report) return std::unexpected(report.error());
    SyncOutcome outcome{std::move(report->mixed_with), report->own_weight};
    if (--left > 0) return outcome;
    const auto last = peer->drain(parameters);
    if (!last) return std::unexpected(last.error());
    std::ranges::copy(last->mixed_with, std::back_inserter(outcome.mixed_with));
    std::ranges::sort(outcome.mixed_with);
    return outcome;
  };
  return made;
}

}  // namespace selmcast::train
