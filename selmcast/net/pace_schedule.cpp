#include "selmcast/net/pace_schedule.h"

#include <algorithm>

#include "selmcast/net/limits.h"

namespace selmcast::net {

const PaceSchedule::Piece& PaceSchedule::piece_at(Instant now) const {
  const auto later = std::ranges::upper_bound(pieces_, now, {}, &Piece::since);
  return later == pieces_.begin() ? pieces_.front() : *std::prev(later);
}

double PaceSchedule::bits_due(Instant now) const {
  const Piece& piece = piece_at(now);
  return piece.due_before + piece.rate.bps() * std::max(0.0, (now - piece.since).in_seconds());
}

void PaceSchedule::follow(const PaceSteps& steps) {
  const Instant start = pieces_.front().since;
  std::vector<Piece> pieces;
  for (const PaceStep& step : steps) {
    const Instant since = start + step.after;
    const double before = pieces.empty()
                              ? 0
                              : pieces.back().due_before +
                                    pieces.back().rate.bps() * (since - pieces.back().since).in_seconds();
    pieces.push_back({since, step.rate, before});
  }
  pieces_ = std::move(pieces);
}

void PaceSchedule::set_rate(Rate rate, Instant now) {
  const double before = piece_at(now).rate.is_unlimited() ? piece_at(now).due_before
                                                          : std::min(bits_due(now), total_.in_bits());
  pieces_ = {{now, rate, before}};
}

Instant PaceSchedule::next_step(Instant now) const {
  const auto later = std::ranges::upper_bound(pieces_, now, {}, &Piece::since);
  return later == pieces_.end() ? Instant::never() : later->since;
}

Rate PaceSchedule::pace(Bytes arrived, Instant now) const {
  if (!is_limited()) return Rate::unlimited();
  const Rate rate = piece_at(now).rate;
  const double due = bits_due(now);
  if (due >= total_.in_bits() + rate.bps() * kLateness.in_seconds()) return Rate::unlimited();
  const double behind = std::min(due, total_.in_bits()) - arrived.in_bits();
  if (behind <= rate.bps() * kLateness.in_seconds()) return rate;
  const double haste = 1 + behind / (rate.bps() * kRecovery.in_seconds());
  return rate * std::min(haste, kHasteMost);
}

std::optional<std::size_t> burst_bytes(Rate pace, std::size_t segment) {
  const double bytes = pace.bytes_per_second() * kBurst.in_seconds();
  if (!(bytes < 1.0 * kBurstBytesMost)) return std::nullopt;
  return std::max<std::size_t>(2, static_cast<std::size_t>(bytes) / segment) * segment;
}

}  // namespace selmcast::net
