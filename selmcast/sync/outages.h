// Pairs between which nothing passes, left out of plans for a while.
//
// A delivery over a dead link costs all who wait for it the time until that is noticed (net/silence.h: 1.6 s),
// and the planner, which knows links and not pairs, would plan the same pair again at once, for ever. So a pair of
// which two deliveries in a row have failed *rests*: kFirstRest, twice as long after each further failure,
// kLongestRest at most; then it is tried again, and its first delivery that is committed ends the matter. One failure
// alone is no outage: a link that broke is mostly there again at once. (Several deliveries that one break ends, less
// than kOneBreak apart, are one failure.) Of a pair that is dead for good the others thus pay 1.6
// seconds in each thirty-four at most.
//
// A pair is (who sends, who receives), in one direction: there are networks in which only one of two can call the
// other. With relays it is the link that a model takes, not whose model it is. What a pair misses meanwhile is excused
// (max_age): no plan can change it. Failures alone count; who left, was dropped or was slow says nothing about a link.
// Pure. Space O(pairs that failed). Thread rule: one owner.
#pragma once

#include <map>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/plan.h"
#include "selmcast/sync/age_table.h"

namespace selmcast::sync {

struct Resting {
  WorkerPair pair;
  Instant until;
  std::uint32_t failures = 0;  // in a row
};

class Outages {
 public:
  static constexpr std::uint32_t kFailures = 2;
  static constexpr Duration kOneBreak = Duration::seconds(0.1);
  static constexpr Duration kFirstRest = Duration::seconds(2);
  static constexpr Duration kLongestRest = Duration::seconds(32);

  void failed(WorkerPair pair, Instant now);
  void delivered(WorkerPair pair) { pairs_.erase(pair); }
  void leave(WorkerId worker);

  bool rests(WorkerPair pair, Instant now) const;
  std::vector<Resting> resting(Instant now) const;  // ascending
  std::size_t size() const { return pairs_.size(); }

 private:
  struct Outage {
    std::uint32_t failures = 0;
    Instant last, until;
  };
  std::map<WorkerPair, Outage> pairs_;
};

// The plan without what goes over `out` (ascending). A sender that is left with fewer than its min_receivers gets the
// receivers that then have the least load for their downlink, as far as there are any. Of a relay plan another way is
// sought first: from the sender itself, else from another receiver. Requires a plan of that problem.
plan::Plan without_outages(const plan::Problem& problem, plan::Plan plan, const std::vector<plan::Pair>& out);

// The problem that asks for no more than the plan has: for what an outage makes impossible.
plan::Problem relaxed_to(plan::Problem problem, const plan::Plan& plan);

}  // namespace selmcast::sync
