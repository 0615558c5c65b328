// Which rounds can be evaluated: keeps account of the snapshots seen so far. Pure: no files, no clock.
//
// A round is complete once each worker has written its snapshot of it or will never do so. A worker will not
// if
//   - it is gone, or
//   - somebody wrote a snapshot of a round at least `max_lead` later: no worker may be that far ahead of a
//   living one.
// With BSP (max_lead 1) nobody ends round r + 1 before all living workers have ended round r, and each writes
// its snapshot of r before it goes on. With SSP, max_lead is the staleness bound + 1. Rounds are handed out
// in ascending order; a round without any snapshot is passed over. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/train/snapshot.h"

namespace selmcast::train {

class SnapshotBoard {
 public:
  struct Options {
    std::uint32_t workers = 1;   // ids 0 .. workers - 1
    std::uint64_t rounds = 1;    // rounds 0 .. rounds - 1
    std::uint64_t max_lead = 1;  // at least 1
  };
  explicit SnapshotBoard(Options options);

  // Everything that lay in the folder at one look at it. Returns the snapshots that are of no use: of another
  // training, or of a round that was handed out already.
  // A file that appears during the look may be missed although a later one is seen, so who is gone and how
  // far others are counts from the next look on.
  std::vector<SnapshotName> look(std::span<const SnapshotName> snapshots, std::span<const GoneName> gone);
  // No more snapshots will come: what the next look sees is all there is.
  void close() { closing_ = true; }

  struct CompleteRound {
    Round round;
    std::vector<WorkerId> workers;  // ascending, at least one
    bool last = false;              // of the training, as far as can be known
  };
  // The next complete round, if any; it will not be handed out again.
  std::optional<CompleteRound> take();
  // No round will come any more.
  bool finished() const;

 private:
  bool is_complete(std::uint64_t round, const std::set<WorkerId>& present) const;

  Options options_;
  std::map<std::uint64_t, std::set<WorkerId>> waiting_;  // by round: who has written
  std::set<WorkerId> gone_, gone_next_look_;
  std::uint64_t next_ = 0;  // the first round not handed out
  // The latest round of which a snapshot was seen before the last look; and in it.
  std::uint64_t furthest_ = 0, furthest_next_look_ = 0;
  bool closing_ = false, closed_ = false;
};

}  // namespace selmcast::train
