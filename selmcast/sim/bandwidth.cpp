#include "selmcast/sim/bandwidth.h"

namespace selmcast::sim {

Bandwidth::Bandwidth(const BandwidthModel& model, std::size_t workers, Rng rng) : model_(model), rng_(rng) {
  for (std::size_t i = 0; i < workers; ++i) {
    first_uplink_.push_back(draw(model_.mu));
    first_downlink_.push_back(draw(1));
  }
  uplink_ = first_uplink_;
  downlink_ = first_downlink_;
  if (model_.gamma > 0) next_change_ = Instant() + model_.interval;
}

void Bandwidth::redraw() {
  next_change_ = next_change_ + model_.interval;
  for (std::size_t i = 0; i < uplink_.size(); ++i) {
    uplink_[i] = first_uplink_[i] * (1 - model_.gamma) + draw(model_.mu) * model_.gamma;
    downlink_[i] = first_downlink_[i] * (1 - model_.gamma) + draw(1) * model_.gamma;
  }
}

}  // namespace selmcast::sim
