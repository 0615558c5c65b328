// The bandwidths of the workers' links: drawn and redrawn, or read from a trace.
//
// Model (paper section IV-A): downlink b (1 + lambda x), uplink mu b (1 + lambda x), x uniform in [-1, 1], all
// independent. Figure 13: every `interval` each link's bandwidth becomes b0 (1 - gamma) + gamma b*, where b0 is its
// first draw and b* a new one. gamma = 0: the links stay as they are.
//
// Trace: from its time on a step holds for both links of its worker, until that worker's next step; before a worker's
// first step its links are as drawn. A rate of 0 is a link that is down. A trace goes with gamma = 0 only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
  bool free_downlinks = false;  // whatever is drawn, downlinks carry 1e15 bit/s: for bounds
  bool operator==(const BandwidthModel&) const = default;
};

struct BandwidthStep {
  Instant time;
  std::uint32_t worker = 0;
  Rate uplink;
  Rate downlink;
  bool operator==(const BandwidthStep&) const = default;
};

class Bandwidth {
 public:
  // `trace` by time; it outlives this.
  Bandwidth(const BandwidthModel& model, std::size_t workers, Rng rng,
            std::span<const BandwidthStep> trace = {});
  Instant next_change() const { return next_change_; }
  // Makes the next change.
  void change();

  const std::vector<Rate>& uplink() const { return uplink_; }  // by worker
  const std::vector<Rate>& downlink() const { return downlink_; }
  // Over time, from 0 to `until`: later than 0 and than the last change.
  std::vector<Rate> mean_uplink(Instant until) const { return mean(uplink_, uplink_sum_, until); }
  std::vector<Rate> mean_downlink(Instant until) const { return mean(downlink_, downlink_sum_, until); }

 private:
  Rate draw(double factor) { return model_.nominal * (factor * (1 + model_.lambda * rng_.uniform(-1, 1))); }
  void redraw();
  void take_steps(Instant until);
  void account(Instant until);
  std::vector<Rate> mean(const std::vector<Rate>& rates, const std::vector<double>& sums,
                         Instant until) const;

  BandwidthModel model_;
  Instant next_change_ = Instant::never();
  Rng rng_;
  std::span<const BandwidthStep> trace_;  // what is still to come
  std::vector<Rate> first_uplink_;
  std::vector<Rate> first_downlink_;
  std::vector<Rate> uplink_;
  std::vector<Rate> downlink_;
  Instant accounted_;
  std::vector<double> uplink_sum_;  // bits until accounted_
  std::vector<double> downlink_sum_;
};

}  // namespace selmcast::sim
