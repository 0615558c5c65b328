#include "selmcast/train/snapshot_board.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::train {

SnapshotBoard::SnapshotBoard(Options options) : options_(options) {
  SELMCAST_CHECK(options.workers >= 1 && options.rounds >= 1 && options.max_lead >= 1, "an empty training");
}

std::vector<SnapshotName> SnapshotBoard::look(std::span<const SnapshotName> snapshots,
                                              std::span<const GoneName> gone) {
  furthest_ = furthest_next_look_;
  gone_ = gone_next_look_;
  closed_ = closing_;
  std::vector<SnapshotName> useless;
  for (const SnapshotName& name : snapshots) {
    const std::uint64_t round = name.round.value();
    if (name.worker.value() >= options_.workers || round >= options_.rounds || round < next_) {
      useless.push_back(name);
      continue;
    }
    waiting_[round].insert(name.worker);
    furthest_next_look_ = std::max(furthest_next_look_, round);
  }
  for (const GoneName& name : gone) {
    if (name.worker.value() < options_.workers) gone_next_look_.insert(name.worker);
  }
  return useless;
}

bool SnapshotBoard::is_complete(std::uint64_t round, const std::set<WorkerId>& present) const {
  if (closed_ || furthest_ >= round + options_.max_lead) return true;
  for (std::uint32_t worker = 0; worker < options_.workers; ++worker) {
    if (!present.contains(WorkerId(worker)) && !gone_.contains(WorkerId(worker))) return false;
  }
  return true;
}

std::optional<SnapshotBoard::CompleteRound> SnapshotBoard::take() {
  if (waiting_.empty()) return std::nullopt;
  const auto first = waiting_.begin();
  const std::uint64_t round = first->first;
  // Earlier rounds of which nothing came yet are passed over only if nothing can come any more.
  if (!is_complete(round, first->second) || (round > next_ && !is_complete(round - 1, {})))
    return std::nullopt;
  CompleteRound complete{Round(round), {first->second.begin(), first->second.end()}, false};
  waiting_.erase(first);
  next_ = round + 1;
  complete.last = finished();
  return complete;
}

bool SnapshotBoard::finished() const {
  if (next_ >= options_.rounds) return true;
  return waiting_.empty() && (closed_ || gone_.size() == options_.workers);
}

}  // namespace selmcast::train
