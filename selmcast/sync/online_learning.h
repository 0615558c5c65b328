// When deliveries of a training without common rounds are shown to the estimator of bandwidth, and which.
//
// The estimator (bandwidth_estimator.h) looks at many deliveries together: what a link carried is the sum of those that
// shared it. In bsp a round is such a set. Here multicasts overlap without end; so a look is taken whenever as many
// multicasts have completed as there are workers. It covers the deliveries that ended since the last look and, for
// their company, those before that overlap with them in time. What still runs, or was dropped, is left out: a link can
// only look smaller by that, and the estimator keeps to the best window and to the larger of the last two looks.
//
// A delivery changes its rate while it runs. So it is shown with what its sender was told and when: it is held back
// only by comparison with that. (Shown with one rate, a delivery that waited nine seconds and ran one would have made
// its link look ten times smaller. Measured: estimates halved with every look.) A rate that is raised counts from
// 250 ms later on, one that is lowered at once: pacing takes that long to follow (design.md section 4), and a delivery
// is not to be taken for held back by a link because TCP was slow. Pure. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "selmcast/sync/bandwidth_estimator.h"

namespace selmcast::sync {

// The rates that a sender was told for one transfer, and when.
class PaceRecord {
 public:
  struct Piece {
    Instant from, to;
    Rate rate;
  };
  void told(Instant when, Rate rate) { steps_.push_back({when, rate}); }
  // What [from, to) consists of, in order; rates that differ by less than a fifth are one piece, with their mean.
  // Before the first step its rate holds. Requires that something was told.
  std::vector<Piece> pieces(Instant from, Instant to) const;

 private:
  struct Step {
    Instant from;
    Rate rate;
  };
  Rate at(Instant when) const;
  std::vector<Step> steps_;
};

class OnlineLearning {
 public:
  // Times are since Instant() for all.
  void delivered(const DeliveryObservation& delivery, const PaceRecord& paces);
  // True if it is time for a look.
  bool multicast_completed(std::size_t workers) { return ++completed_ >= workers; }
  // `one_copy`: deliveries of a sender at the same time are one multicast (estimator.observe()).
  void look(BandwidthEstimator& estimator, bool one_copy = false);
  std::uint64_t looks() const { return looks_; }

 private:
  std::vector<DeliveryObservation> fresh_;
  std::vector<DeliveryObservation> seen_;  // of the last look
  std::size_t completed_ = 0;              // since then
  std::uint64_t looks_ = 0;
};

}  // namespace selmcast::sync
