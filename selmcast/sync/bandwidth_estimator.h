// What every worker's uplink and downlink can carry: declared at first, then learnt from each round's
// deliveries.
//
// Bandwidth is payload goodput. A paced delivery that arrives as fast as it was paced shows only that both
// its links carry *at least* what they carried at that time: an estimate may rise to it, never fall from it.
// Only deliveries that fell clearly short of their pacing (or were not paced at all) say where a link ends,
// and only of the one link that held them back. So after each round:
//   1. aggregate: what each link carried at least, summed over its deliveries (link_usage.h);
//   2. attribution: find few and plausible full links that together explain every short delivery
//      (bandwidth_attribution.h);
//   3. update: a link judged saturated for the first time moves to its aggregate, up or down. Later it moves
//      0.7 of the way to the larger of its last two saturated aggregates: one wrong judgement or noisy round
//      costs nothing. If the two agree within 10 % and lie that far below the estimate, it has fallen, and the
//      estimate is the larger: a fall is followed in two rounds that use the link. A rise of more than 5 % is
//      proof and is taken at once. Any other link rises to its aggregate if that is above the estimate.
// An estimate that is too low would never be noticed by pacing at it: see bursts.h for the search upwards.
// Measured behaviour and its limits: docs/bandwidth.md.
//
// A network multicast puts one copy on its sender's uplink, whatever its receivers are: there the delivery that was
// fastest stands for all. And its sender sees what is lost: only who loses and ends up below its fair rate is held back
// (who lost in a burst, and gave way, shows only where the link ends), and if another receiver got all, not by the
// uplink.
// Limits: receivers' clocks start at their own
// receipt of the plan, so skew between them (one control-plane latency) blurs the aggregates of uplinks.
// Hostile numbers: deliveries with impossible times or sizes, or of unknown workers, are ignored; none is
// believed to be faster than it was paced; no estimate grows more than fourfold a round; estimates stay
// positive and finite. Complexity of observe(): O(D * (L + most deliveries of one link)) for D deliveries on
// L links; in practice it is far less (docs/bandwidth.md). Deterministic: no clock, no I/O. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"
#include "selmcast/sync/bandwidth_attribution.h"

namespace selmcast::sync {

struct DeliveryObservation {
  WorkerId sender;
  WorkerId receiver;
  Bytes bytes;
  Duration started;   // first payload byte read; offset from the receiver's receipt of the plan
  Duration finished;  // last payload byte read
  Rate allocated;     // its fair rate under the estimates of that time (rate_allocator.h)
  Rate paced;         // what the sender was told to send at; Rate::unlimited() if TCP alone decided
  // Network multicasts: whether the sender saw datagrams lost on the way. What is late and has lost nothing was not
  // held back by a link. Unknown: its time alone tells.
  std::optional<bool> lossy = {};
  bool alone = false;  // ... while nothing was lost to another receiver: it is not the uplink
};

enum class Direction : std::uint8_t { up, down };

struct LinkId {
  WorkerId worker;
  Direction direction = Direction::up;
  constexpr auto operator<=>(const LinkId&) const = default;
};

// What one round told about one link, and what followed from it.
struct LinkJudgement {
  LinkId link;
  bool saturated = false;  // else the aggregate is only a lower bound
  Rate aggregate;          // what it carried, at least
  Rate paced;              // what its deliveries were told in total; unlimited if any was
  Rate before;             // the estimate
  Rate after;
  int deliveries = 0;  // observed on this link
  int held_back = 0;   // of these: short of their pacing, and this link is held to be the reason
  bool operator==(const LinkJudgement&) const = default;
};

class BandwidthEstimator {
 public:
  // Requires a new id and positive, finite rates.
  void join(WorkerId worker, Rate declared_uplink, Rate declared_downlink);
  void leave(WorkerId worker);  // nothing happens if it is not there
  bool knows(WorkerId worker) const { return workers_.contains(worker); }

  // All committed deliveries of one round. `one_copy_up`: they are network multicasts, one of each sender. Returns the
  // judged links, ascending; links without usable
  // deliveries keep their estimates and are not listed.
  std::vector<LinkJudgement> observe(std::span<const DeliveryObservation> deliveries,
                                     bool one_copy_up = false);

  // Require a known worker.
  Rate uplink(WorkerId worker) const { return estimate({worker, Direction::up}); }
  Rate downlink(WorkerId worker) const { return estimate({worker, Direction::down}); }
  Rate estimate(LinkId link) const;
  // The end of this link is not known yet: it was never seen saturated, or has carried more than its estimate
  // since.
  bool searching(LinkId link) const;

 private:
  struct Link {
    Rate estimate;
    bool confirmed = false;         // seen saturated
    Rate last_full = Rate();        // aggregate when last seen saturated
    bool risen = false;             // has carried more than the estimate since it was last seen saturated
    std::vector<Rate> recent = {};  // aggregates of the last kMemory rounds that used it, oldest first
  };
  struct Worker {
    Link up;
    Link down;
  };
  static LinkEvidence weigh(Link& link, std::optional<Rate> aggregate);
  static void update(Link& link, bool saturated, Rate aggregate);
  static void found_end(Link& link);
  const Link& link(LinkId id) const;
  Link& link(LinkId id) { return const_cast<Link&>(std::as_const(*this).link(id)); }
  std::map<WorkerId, Worker> workers_;
};

}  // namespace selmcast::sync
