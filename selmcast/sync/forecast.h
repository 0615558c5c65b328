// What the downlinks will leave free, from now on, while the multicasts that run now end one after the other.
//
// Model. Multicasts have an order of right of way, and go at the same pace to all their receivers. At time t a
// multicast goes at the rate min(limit, min_{j in R} free_j(t)): R are its receivers, free_j is what those before it in
// the order leave of downlink j, `limit` is what it may or can send at. Rates change only when one of them ends, so
// free_j is constant within a step; the last step has no end. With strict priorities (maxmin/solver.h) the network does
// just that, as long as nobody new comes and no bandwidth changes: the forecast is no estimate.
//
// Invariants: free rates are >= 0; in the last step everything is free. Complexity: add() O(steps x receivers +
// workers); steps <= calls of add() + 1. No allocation once it has grown. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/base/ids.h"
#include "selmcast/base/units.h"

namespace selmcast::sync {

class Forecast {
 public:
  // Nobody sends: everything is free for ever.
  void restart(std::span<const Rate> downlink);

  // The next multicast in the order takes what it will use. Returns when it ends, from now; infinite if it never does.
  Duration add(Bytes remaining, Rate limit, std::span<const WorkerIndex> receivers);

  // Until `volume` is sent to this receiver alone, at no more than `limit`; infinite if it never is.
  Duration time_alone(WorkerIndex receiver, Bytes volume, Rate limit) const;

  // The least free rate over a set of receivers, by step: how fast a multicast to them could go that came next.
  class Path {
   public:
    // To nobody yet: only the sender's limit holds it up.
    explicit Path(const Forecast& forecast);
    void to(WorkerIndex receiver);
    // Until `volume` is sent at no more than `limit`; infinite if it never is.
    Duration time(Bytes volume, Rate limit) const;
    // The same if it went to `another` receiver too. Never less than time().
    Duration time_with(WorkerIndex another, Bytes volume, Rate limit) const;

   private:
    const Forecast& forecast_;
    std::vector<double> bps_;  // by step
  };

 private:
  double* free_in(std::size_t step) { return free_.data() + row_[step] * workers_; }
  const double* free_in(std::size_t step) const { return free_.data() + row_[step] * workers_; }
  void split(std::size_t step, double first_seconds);

  std::size_t workers_ = 0;
  std::vector<double> seconds_;   // by step: how long it lasts
  std::vector<std::size_t> row_;  // by step: its place in free_
  std::vector<double> free_;      // bit/s, by row and worker
};

}  // namespace selmcast::sync
