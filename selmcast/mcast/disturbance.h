// Makes a network worse, for tests and measurements: datagrams that came are lost, doubled or put behind later ones, by
// seeded chance. All shares 0, the default: it does nothing. Pure; one owner.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "selmcast/base/rng.h"

namespace selmcast::mcast {

struct DisturbanceOptions {
  double drop_share = 0, double_share = 0, reorder_share = 0;
  std::uint64_t seed = 1;
  bool any() const { return drop_share > 0 || double_share > 0 || reorder_share > 0; }
};

class Disturbance {
 public:
  explicit Disturbance(const DisturbanceOptions& options) : options_(options), rng_(options.seed) {}

  template <class Take>
  void pass(std::span<const std::byte> datagram, Take take) {
    if (!options_.any()) return take(datagram);
    for (std::size_t k = 0; k < held_.size();) {
      if (--held_[k].wait > 0) {
        ++k;
        continue;
      }
      take(std::span<const std::byte>(held_[k].bytes));
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(k));
    }
    if (rng_.uniform() < options_.drop_share) return;
    if (rng_.uniform() < options_.reorder_share) {
      held_.push_back({1 + static_cast<int>(rng_.below(20)), {datagram.begin(), datagram.end()}});
      return;
    }
    take(datagram);
    if (rng_.uniform() < options_.double_share) take(datagram);
  }

 private:
  struct Held {
    int wait = 0;  // for so many later ones
    std::vector<std::byte> bytes;
  };
  DisturbanceOptions options_;
  Rng rng_;
  std::vector<Held> held_;  // 20 at most
};

}  // namespace selmcast::mcast
