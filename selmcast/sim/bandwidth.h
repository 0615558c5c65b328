// The bandwidths of the workers' links, drawn and redrawn.
//
// Model (paper section IV-A): downlink b (1 + lambda x), uplink mu b (1 + lambda x), x uniform in [-1, 1], all
// independent. Figure 13: every `interval` each link's bandwidth becomes b0 (1 - gamma) + gamma b*, where b0 is its
// first draw and b* a new one. gamma = 0: the links stay as they are.
#pragma once

#include <cstddef>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/base/units.h"

namespace selmcast::sim {

struct BandwidthModel {
  Rate nominal = Rate::bits_per_second(4e10);  // b
  double lambda = 0.5;                         // 0 <= lambda < 1
  double mu = 1;                               // > 0
  double gamma = 0;                            // 0 to 1
  Duration interval = Duration::milliseconds(100);
};

class Bandwidth {
 public:
  Bandwidth(const BandwidthModel& model, std::size_t workers, Rng rng);
  Instant next_change() const { return next_change_; }  // never at gamma 0
  // The next draw of all links.
  void redraw();

  const std::vector<Rate>& uplink() const { return uplink_; }  // by worker
  const std::vector<Rate>& downlink() const { return downlink_; }

 private:
  Rate draw(double factor) { return model_.nominal * (factor * (1 + model_.lambda * rng_.uniform(-1, 1))); }

  BandwidthModel model_;
  Instant next_change_ = Instant::never();
  Rng rng_;
  std::vector<Rate> first_uplink_;
  std::vector<Rate> first_downlink_;
  std::vector<Rate> uplink_;
  std::vector<Rate> downlink_;
};

}  // namespace selmcast::sim
