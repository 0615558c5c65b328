// What each link carried, moment by moment, and which deliveries were held back in which moment.
//
// Of a delivery we know when each 64th of its bytes was there (base/progress.h). So the time of all deliveries of
// a round, or of a look (online_learning.h), is cut into equal moments, and each delivery has a rate in each of them.
// What a link carried in a moment is the sum over its deliveries (one copy of a network multicast: the fastest).
// Without marks a delivery is laid out in proportion to the rates it was paced at, or evenly.
//
// A delivery is held back in a moment in which it ran for all of the moment and came slower than it was paced; one that
// should be through by its pacing, and is not, is not paced any more (net/pace_schedule.h). None is believed to have
// been faster on average than it was paced, or more than 1.5 times as fast at any time.
//
// In pulses (pulses.h) paces change often. Packets come less evenly there than all in all, so that a delivery is held
// back only in two moments or more in a row, below 0.93 of the least that it was paced at since kRises before each, as
// TCP needs time to rise; it is never believed to be faster than its pace.
//
// Moments last kShortestMoment at least, since token buckets, socket buffers and timers make less than that uneven,
// else a 32nd part of a usual delivery (a 40th in pulses), and are so few that moments times links stay below
// kMostCells. A delivery that fills none of them shows its bytes only.
// Complexity: O(links x moments + moments of all deliveries). Pure. A value of one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "selmcast/base/progress.h"
#include "selmcast/base/units.h"

namespace selmcast::sync {

// What a sender was told to send at, from one instant to another.
struct PacePiece {
  Duration from, to;
  Rate rate;  // unlimited: TCP alone decided
};

struct LoadedDelivery {
  std::size_t up = 0;  // positions of its links
  std::size_t down = 0;
  Bytes bytes;
  Duration started, finished;    // started < finished
  std::vector<PacePiece> paces;  // in order; before the first its rate holds, after the last one its
  Progress progress = {};
  bool pulsed = false;  // `paces` are pulses: see below
  // Of a network multicast: whether its sender saw datagrams lost on the way. What lost none was not held back; what
  // did gave way to its fair rate `allocated`, and was held back only below that. Unknown: time alone tells.
  std::optional<bool> lossy = {};
  Rate allocated = Rate::unlimited();
  bool shares_up = false;  // of a network multicast: of all that share an uplink the fastest stands for all
  bool not_by_uplink = false;  // others got more over the same one
  bool late = false;           // it never came
  // Acknowledgements fill the opposite links too (payload that would fill them as much, for each byte of it): the
  // sender's downlink and the receiver's uplink, as far as there are deliveries on them.
  double ack_load = 0;
  std::optional<std::size_t> back_down = {}, back_up = {};
};

class LinkLoads {
 public:
  static constexpr Duration kShortestMoment = Duration::milliseconds(25);
  static constexpr double kMomentsOfADelivery = 32;
  static constexpr double kMomentsInPulses = 40;
  static constexpr std::size_t kMostMoments = 2048;
  static constexpr std::size_t kMostCells = 1 << 20;

  LinkLoads(std::span<const LoadedDelivery> deliveries, std::size_t links);

  std::size_t moments() const { return moments_; }
  bool pulsed() const { return pulsed_; }
  Duration moment() const { return moment_; }

  struct Cell {
    Rate rate;
    bool is_whole = false;  // it ran for all of the moment
    bool is_held_back = false;
  };
  // The moments in which delivery d ran, first to first + cells - 1.
  struct Course {
    std::size_t first = 0;
    std::vector<Cell> cells;
  };
  const Course& course(std::size_t d) const { return courses_[d]; }
  Rate load(std::size_t link, std::size_t moment) const { return loads_[link * moments_ + moment]; }
  Rate fastest(std::size_t link, std::size_t moment) const { return fastest_[link * moments_ + moment]; }
  // Of the deliveries that share it as their uplink.
  Rate fastest_sharing(std::size_t link, std::size_t moment) const {
    return shared_[link * moments_ + moment];
  }
  // What the link carried when deliveries on it were held back: the mean of the moments near the busiest fifth of
  // them, but no less than it sustained at any time. None: nobody was.
  std::optional<Rate> level(std::size_t link) const;
  // The most that it carried on average over as long as its shortest delivery took, and kProofTakes at least (or all of
  // the time that it was used, if that is less). Shorter times prove nothing: what TCP holds back behind a lost segment
  // is there all at once when that comes again.
  std::optional<Rate> sustained(std::size_t link) const;

 private:
  static constexpr Duration kProofTakes = Duration::milliseconds(150);
  static constexpr Duration kRises = Duration::milliseconds(60);
  void lay_out(const LoadedDelivery& delivery, Course& course) const;

  bool pulsed_ = false;  // any of them
  Duration begins_;
  Duration moment_;
  std::size_t moments_ = 0;
  std::vector<Course> courses_;
  std::vector<Rate> loads_, fastest_, shared_;  // by link and moment
  std::vector<bool> has_held_back_;             // likewise
  std::vector<Duration> shortest_;              // delivery, by link
};

// `values` that lie near the greatest fifth of them, on average: what most of them are if they are alike, and their
// upper edge if they are not. Nearer in pulses, where many are of links half filled. Requires at least one.
Rate crest(std::vector<Rate> values, bool pulsed);

}  // namespace selmcast::sync
