// The metric that says whether the promise of age_table.h was kept: how far apart the meetings of a pair were.
//
// A pair (i, j) meets in a multicast of i that was committed at j. gap = multicasts of i from one meeting to the next
// (from the join to the first); an unfinished gap counts as far as it has come, so that a pair that never meets shows.
// With max_age k and no failed delivery no gap exceeds k + 1. A delivery that was required and failed is excused: the
// pair may then take one multicast more. Kept apart from AgeTable on purpose: it watches it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "selmcast/base/ids.h"
#include "selmcast/sync/age_table.h"

namespace selmcast::sync {

class Meetings {
 public:
  // Without a max_age nothing is promised, and nothing broken.
  explicit Meetings(std::optional<std::uint32_t> max_age = std::nullopt) : max_age_(max_age) {}
  void join(WorkerId worker);
  void leave(WorkerId worker);
  void met(WorkerPair pair);     // in the multicast that `sender` completes next
  void excuse(WorkerPair pair);  // its delivery in the multicast that `sender` completes next failed
  void multicast_completed(WorkerId sender);

  std::size_t size() const { return multicasts_.size() + last_met_.size(); }
  std::uint64_t widest_gap() const { return widest_; }  // of all pairs at all times
  std::uint64_t broken() const { return broken_; }      // how many gaps became wider than promised

 private:
  struct Meeting {
    std::uint64_t at = 0;  // value of multicasts_[sender] after it
    std::uint64_t excused = 0;
  };
  void look_at(const Meeting& meeting, std::uint64_t now);

  std::optional<std::uint32_t> max_age_;
  std::map<WorkerId, std::uint64_t> multicasts_;  // completed by each present worker
  std::map<WorkerPair, Meeting> last_met_;
  std::uint64_t widest_ = 0;
  std::uint64_t broken_ = 0;
};

}  // namespace selmcast::sync
