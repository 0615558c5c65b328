#include "selmcast/net/pace_schedule.h"

#include <algorithm>

namespace selmcast::net {

double PaceSchedule::bits_due(Instant now) const {
  const double elapsed = std::max(0.0, (now - since_).in_seconds());
  return due_before_ + rate_.bps() * elapsed;
}

void PaceSchedule::set_rate(Rate rate, Instant now) {
  if (is_limited()) due_before_ = std::min(bits_due(now), total_.in_bits());
  rate_ = rate;
  since_ = now;
}

Rate PaceSchedule::pace(Bytes arrived, Instant now) const {
  if (!is_limited()) return rate_;
  const double due = bits_due(now);
  if (due >= total_.in_bits() + rate_.bps() * kLateness.in_seconds()) return Rate::unlimited();
  const double behind = std::min(due, total_.in_bits()) - arrived.in_bits();
  if (behind <= rate_.bps() * kLateness.in_seconds()) return rate_;
  const double haste = 1 + behind / (rate_.bps() * kRecovery.in_seconds());
  return rate_ * std::min(haste, kHasteMost);
}

}  // namespace selmcast::net
