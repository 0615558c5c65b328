// Soundings: short probes of links that no delivery has crossed of late.
//
// What a link carries is learnt from deliveries. A downlink that is thought to be slow gets few of them (none but those
// that a pair's age requires), so that nobody would notice for max_age rounds that it has become fast; and a slow
// estimate is why it gets none. So a link that no delivery crosses in this round, nor in the kSilentRounds - 1 before,
// is sounded: a part of a model, from or to the worker whose link at the other end has most to spare beside the plan,
// paced well above the estimate, as there is nobody there to be pushed aside, and thrown away by its receiver. It is
// observed like a delivery (bandwidth_estimator.h), and nothing else: it is no meeting, moves no age, and no round
// waits for it.
//
// Arithmetic for a link with estimate E and a partner that has S to spare (its lower end less what the plan allocates,
// and earlier soundings):
//     rate    R = min(kSoundedTimes E, 0.9 S)
//     bytes   R w; they take w R / min(R, E) if the estimate is right, so w is kLongest at most, and half of the
//             completion time at that: even a link that has fallen to half is through before the round is over
// There is none where R < E / 2 (it would show no more than that the link lives), where w < kShortest (the round is too
// short), or where half of a model is less.
//
// Not for links of guests, pairs that rest (outages.h), network multicasts and relays. Deterministic: a function of
// its arguments. O(links x workers x pairs left out). Pure; any thread.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/plan/problem.h"
#include "selmcast/sync/bandwidth_estimator.h"
#include "selmcast/sync/bursts.h"
#include "selmcast/sync/rate_allocator.h"

namespace selmcast::sync {

inline constexpr std::uint64_t kSilentRounds = 2;
inline constexpr double kSoundedTimes = 3;  // of an estimate: a rise to so much shows at once

struct Sounding {
  plan::Pair pair;
  Bytes bytes;
  Rate rate;
};

// In which round a delivery last crossed each link.
class Crossings {
 public:
  void crossed(LinkId link, Round round) { last_[link] = round; }
  // Nothing in `round`, nor in the rounds just before. A link that is asked for the first time counts as crossed.
  bool is_silent(LinkId link, Round round);
  void leave(WorkerId worker);
  std::size_t size() const { return last_.size(); }

 private:
  std::map<LinkId, Round> last_;
};

// `allocated` is allocate_rates() of a unicast plan for `problem`; `silent` says for each uplink, then each downlink,
// by worker, whether it is to be sounded; `out` are pairs that must not be used. At most one sounding for each pair.
std::vector<Sounding> plan_soundings(const plan::Problem& problem, std::span<const PairRate> allocated,
                                     const BandwidthEstimator& estimator, const BurstContext& context,
                                     const std::vector<bool>& silent, std::span<const plan::Pair> out);

}  // namespace selmcast::sync
