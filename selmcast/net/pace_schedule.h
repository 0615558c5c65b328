// At what pace a stream must be sent now so that it ends when its rate says.
//
// Pacing at the rate alone cannot do that. On a link that is planned full, a stream that loses a segment falls behind;
// its neighbours take exactly their shares, and it exactly its own, so it never catches up. Behind a shaper at 96
// Mbit/s, of four streams of 25 MB at 24 each one ended at 10.5 s instead of 8.4, the last two seconds alone on an idle
// link.
//
// So the rate is read as a schedule: by time t since the start, the integral of the rate up to t should have arrived.
// The rate may change in steps that are known beforehand (follow()); all of this goes by the step that holds.
//     up to kLateness behind                 the rate
//     further behind                         faster, to be back within kRecovery; at most kHasteMost times the rate
//     when all of it should have arrived     no limit: whoever else was planned on its links is through
// Nobody gets ahead of the schedule, so a whole delivery is never faster on average than its rate, and what it means
// for learning stays true: a delivery as fast as its rate shows that its links carry at least that.
// Pure; a value of one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "selmcast/base/pace.h"
#include "selmcast/base/units.h"

namespace selmcast::net {

class PaceSchedule {
 public:
  static constexpr Duration kLateness = Duration::milliseconds(60);
  static constexpr Duration kRecovery = Duration::milliseconds(500);
  static constexpr double kHasteMost = 1.5;

  // Requires rate > 0; unlimited: there is no schedule.
  PaceSchedule(Bytes total, Rate rate, Instant start) : total_(total), pieces_{{start, rate, 0}} {}
  // In place of its rate, from the start on. Requires what base/pace.h says of steps, and at least one.
  void follow(const PaceSteps& steps);
  // From now on, whatever steps were to come. What should have arrived until now still should.
  void set_rate(Rate rate, Instant now);
  // `arrived` of the total: acknowledged by the other side's TCP.
  Rate pace(Bytes arrived, Instant now) const;
  bool is_limited() const { return !pieces_.back().rate.is_unlimited(); }
  Instant next_step(Instant now) const;  // never, if none is to come

 private:
  struct Piece {
    Instant since;
    Rate rate;
    double due_before = 0;  // bits, when it began
  };
  const Piece& piece_at(Instant now) const;
  double bits_due(Instant now) const;
  Bytes total_;
  std::vector<Piece> pieces_;  // at least one; ascending
};

// What a stream of this pace may hand to the kernel at once, in whole segments of so many bytes; none: as much as there
// is. On a path of less than half a millisecond Linux sends what was written at once in one burst, up to 64 KB, however
// slow the pace (net.ipv4.tcp_tso_rtt_log). In a shaper's queue of 25 Mbit/s that is 21 ms, before everybody else's.
std::optional<std::size_t> burst_bytes(Rate pace, std::size_t segment);

}  // namespace selmcast::net
