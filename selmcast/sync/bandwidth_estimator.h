// What every worker's uplink and downlink can carry: declared at first, then learnt from each round's
// deliveries.
//
// Bandwidth is payload goodput, of a link that carries nothing else: acknowledgements of what goes the other way count
// as load (base/progress.h), and what they took in the last round is not planned with. A paced delivery that arrives as
// fast as it was paced shows only that both its links carry *at least* what they carried at that time: an estimate may
// rise to it, never fall from it.
// Only deliveries that fell clearly short of their pacing (or were not paced at all) say where a link ends,
// and only of the one link that held them back. So after each round:
//   1. loads: what each link carried in each moment, and who was held back in it (link_loads.h);
//   2. full links: the few and plausible ones that together explain who was held back, moment by moment
//      (full_links.h);
//   3. update: a full link carried what it can. A sample near the estimate moves it 0.7 of the way; one more than 5 %
//      above is proof and is taken at once. One well below is a misjudgement as likely as a fall: the estimate
//      falls to the largest value that two of the link's last three samples agree on within 10 %, so a fall is
//      followed in two rounds that fill the link. What was only declared is given up for a first sample that is
//      near it, or that several deliveries bear witness to. A link that was not full rises to what it sustained.
//      A delivery that never came (it was late) is proof enough alone: looks that cost all of a deadline are not to
//      be had twice.
// Pulses (pulses.h) give a link a sample in nearly every round, but of a moment: so one within 12 % of the estimate is
// averaged with the last ones (the upper half of four: a link may carry less than it can), and a link that was not full
// rises only to 8 % more or above.
// The planner is given the lower end of an estimate's spread: the estimate less the standard deviation of its last
// samples (of eight that were near it; of three at least). The two errors are not alike: what is planned above a link's
// capacity makes the whole round wait for it, what is planned below leaves a part of one link idle, and bursts fill it.
//
// An estimate that is too low would never be noticed by pacing at it: see bursts.h for the search upwards.
// Measured behaviour and its limits: docs/bandwidth.md.
//
// A worker that was found to say what cannot be (liars.h) is disbelieved: what it declared, and what was learnt by its
// word, is planned with until a delivery is held back at its links, and no argument against that. Else honest senders
// would be blamed, whose uplinks a tenth of the declared downlink is nearer to.
//
// A network multicast puts one copy on its sender's uplink, whatever its receivers are: there the delivery that was
// fastest stands for all.
// Limits: receivers' clocks start at their own
// receipt of the plan, so skew between them (one control-plane latency) blurs the aggregates of uplinks.
// Hostile numbers: deliveries with impossible times or sizes, or of unknown workers, are ignored; none is
// believed to be faster than it was paced; no estimate grows or falls more than fourfold a round; estimates stay
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
#include "selmcast/base/progress.h"
#include "selmcast/base/units.h"
#include "selmcast/sync/full_links.h"
#include "selmcast/sync/link_loads.h"

namespace selmcast::sync {

struct DeliveryObservation {
  WorkerId sender;
  WorkerId receiver;
  Bytes bytes;
  Duration started;        // first payload byte read; offset from the receiver's receipt of the plan
  Duration finished;       // last payload byte read
  Rate allocated;          // its fair rate under the estimates of that time (rate_allocator.h)
  Rate paced;              // what the sender was told to send at; Rate::unlimited() if TCP alone decided
  Progress progress = {};  // when parts of it were there, if known
  std::vector<PacePiece> paces = {};  // in place of `paced`, where that changed while it ran
  // Network multicasts: whether the sender saw datagrams lost on the way. What is late and has lost nothing was not
  // held back by a link. Unknown: its time alone tells.
  std::optional<bool> lossy = {};
  bool alone = false;     // ... while nothing was lost to another receiver: it is not the uplink
  bool late = false;      // it never came: `finished` is when it was given up
  bool own_copy = false;  // beside a network multicast, which does not reach its receiver
  bool pulsed = false;    // `paces` are pulses (pulses.h)
  double ack_load = 0;    // bytes of acknowledgements for each of its, as payload, on the opposite links
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
  int deliveries = 0;    // observed on this link
  double held_back = 0;  // of these: short of their pacing, and this link is held to be the reason
  bool operator==(const LinkJudgement&) const = default;
};

class BandwidthEstimator {
 public:
  // Requires a new id and positive, finite rates.
  void join(WorkerId worker, Rate declared_uplink, Rate declared_downlink);
  void leave(WorkerId worker);  // nothing happens if it is not there
  // Once for each worker; again, nothing happens. Requires a known worker.
  void disbelieve(WorkerId worker);
  bool knows(WorkerId worker) const { return workers_.contains(worker); }

  // All committed deliveries of one round. `one_copy_up`: they are network multicasts, one of each sender, but for
  // those that have their own copy. Returns the
  // judged links, ascending; links without usable
  // deliveries keep their estimates and are not listed.
  std::vector<LinkJudgement> observe(std::span<const DeliveryObservation> deliveries,
                                     bool one_copy_up = false);

  // Require a known worker.
  Rate uplink(WorkerId worker) const { return estimate({worker, Direction::up}); }
  Rate downlink(WorkerId worker) const { return estimate({worker, Direction::down}); }
  Rate estimate(LinkId link) const;
  // What to plan with: the lower end of the estimate's spread (at most the estimate, at least 0.9 of it), less what
  // acknowledgements took of the link of late, half of that at most.
  Rate lower_end(LinkId link) const;
  // The end of this link is not known yet: it was never seen saturated, or has carried more than its estimate
  // since.
  bool searching(LinkId link) const;
  // The last time that it was full it carried much less than its estimate: one more look decides.
  bool doubted(LinkId link) const;
  bool measured(LinkId id) const { return link(id).confirmed; }  // it was full, once

 private:
  struct Link {
    Rate estimate;
    bool confirmed = false;  // seen saturated
    bool is_void = false;    // its worker is disbelieved, and its end was not found since
    std::vector<Rate> full =
        {};              // what it carried the last kMemory times that it was saturated, oldest first
    bool risen = false;  // has carried more than the estimate since it was last seen saturated
    Rate acks = {};      // acknowledgements that it carried in the last round, on average
    std::vector<Rate> recent = {};  // aggregates of the last kMemory rounds that used it, oldest first
  };
  struct Worker {
    Link up;
    Link down;
    bool is_believed = true;
  };
  static LinkEvidence weigh(Link& link, Rate level);
  static std::optional<Rate> agreed(std::span<const Rate> samples);
  static void found_end(Link& link);
  // None: it held back nobody.
  struct Witness {
    double held_back = 0;
    bool is_late = false;
  };
  static void update(Link& link, Rate aggregate, std::optional<Witness> witness, bool pulsed);
  const Link& link(LinkId id) const;
  Link& link(LinkId id) { return const_cast<Link&>(std::as_const(*this).link(id)); }
  std::map<WorkerId, Worker> workers_;
};

}  // namespace selmcast::sync
