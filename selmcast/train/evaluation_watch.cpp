#include "selmcast/train/evaluation_watch.h"

#include <fmt/core.h>

#include <optional>
#include <span>
#include <system_error>
#include <variant>
#include <vector>

#include "selmcast/train/snapshot.h"

namespace selmcast::train {
namespace {

struct Listing {
  std::vector<SnapshotName> snapshots;
  std::vector<GoneName> gone;
};

Result<Listing> list(const std::filesystem::path& folder) {
  Listing listing;
  std::error_code error;
  auto entry = std::filesystem::directory_iterator(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = parse_snapshot_file(entry->path().filename().string());
    if (!name) continue;
    if (const auto* snapshot = std::get_if<SnapshotName>(&*name)) listing.snapshots.push_back(*snapshot);
    if (const auto* gone = std::get_if<GoneName>(&*name)) listing.gone.push_back(*gone);
  }
  if (!error) return listing;
  return failure(ErrorCode::io, fmt::format("cannot list {}: {}", folder.string(), error.message()));
}

void remove_snapshot(const std::filesystem::path& folder, SnapshotName name) {
  // One that stays costs space and is ignored from now on.
  std::error_code ignored;
  std::filesystem::remove(snapshot_path(folder, name), ignored);
}

Result<void> look(SnapshotBoard& board, const std::filesystem::path& folder) {
  const auto listing = list(folder);
  if (!listing) return std::unexpected(listing.error());
  for (const SnapshotName& name : board.look(listing->snapshots, listing->gone))
    remove_snapshot(folder, name);
  return {};
}

}  // namespace

Result<void> watch_and_evaluate(Evaluator& evaluator, const WatchOptions& options,
                                const std::function<WatchOrder(Duration)>& wait,
                                const std::function<Result<void>(const Evaluation&)>& on_evaluation) {
  std::error_code error;
  std::filesystem::create_directories(options.snapshots, error);
  if (error) {
    return failure(ErrorCode::io,
                   fmt::format("cannot make {}: {}", options.snapshots.string(), error.message()));
  }
  SnapshotBoard board(options.board);
  while (!board.finished()) {
    const auto complete = board.take();
    if (!complete) {
      const WatchOrder order = wait(kLookInterval);
      if (order == WatchOrder::stop) return {};
      if (order == WatchOrder::finish) board.close();
      if (auto looked = look(board, options.snapshots); !looked) return looked;
      continue;
    }
    const Evaluator::RoundFiles files{options.snapshots, complete->round, complete->workers, complete->last};
    const auto evaluation = evaluator.evaluate(files);
    if (!evaluation) return std::unexpected(evaluation.error());
    if (auto taken = on_evaluation(*evaluation); !taken) return taken;
    for (const WorkerId worker : complete->workers)
      remove_snapshot(options.snapshots, {complete->round, worker});
    if (wait(Duration()) == WatchOrder::stop) return {};
  }
  return {};
}

}  // namespace selmcast::train
