// The metric that says whether the promise of age_table.h was kept: how far apart the meetings of a pair were.
//
// A pair (i, j) meets in a multicast of i that was committed at j. gap = multicasts of i from one meeting to the next
// (from the join to the first); an unfinished gap counts as far as it has come, so that a pair that never meets shows.
// With max_age k and no failed delivery no gap exceeds k + 1. Kept apart from AgeTable on purpose: it watches it.
#pragma once

#include <cstdint>
#include <map>

#include "selmcast/base/ids.h"
#include "selmcast/sync/age_table.h"

namespace selmcast::sync {

class Meetings {
 public:
  void join(WorkerId worker);
  void leave(WorkerId worker);
  void met(WorkerPair pair);  // in the multicast that `sender` completes next
  void multicast_completed(WorkerId sender);

  std::uint64_t widest_gap() const { return widest_; }  // of all pairs at all times

 private:
  std::map<WorkerId, std::uint64_t> multicasts_;     // completed by each present worker
  std::map<WorkerPair, std::uint64_t> last_met_at_;  // value of multicasts_[sender] after the last meeting
  std::uint64_t widest_ = 0;
};

}  // namespace selmcast::sync
