// Watches a snapshots folder and evaluates each round as soon as it is complete (snapshot_board.h says when),
// until the last one. Snapshots that were evaluated, or can be of no use, are deleted. Thread rule: one
// thread; blocks it, looking into the folder every kLookInterval.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/train/evaluator.h"
#include "selmcast/train/snapshot_board.h"

namespace selmcast::train {

inline constexpr Duration kLookInterval = Duration::milliseconds(20);

// What the outside wants of the watch.
enum class WatchOrder {
  go_on,
  finish,  // no more snapshots will come: evaluate what is there, then end
  stop,    // end now
};

struct WatchOptions {
  std::filesystem::path snapshots;  // made if missing
  SnapshotBoard::Options board;
};

// `wait` is called between two looks: it waits for about the time given and returns the order that stands,
// again and again. `on_evaluation` receives each evaluation; its error ends the watch. Errors: those of
// Evaluator::evaluate() and `on_evaluation`; io naming the folder.
Result<void> watch_and_evaluate(Evaluator& evaluator, const WatchOptions& options,
                                const std::function<WatchOrder(Duration)>& wait,
                                const std::function<Result<void>(const Evaluation&)>& on_evaluation);

}  // namespace selmcast::train
