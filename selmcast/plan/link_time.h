// How long a link is busy, as the exact fraction load / rate, and exact comparison of such fractions.
//
// Why not a Duration: a planner asks "does one more delivery still fit into t?", where t = m v / b came from
// a link of its own problem. In doubles floor(t b / v) loses m in about one random case of twenty (paper
// README, "Trap"). Here t keeps load and rate, and fractions are compared by cross-multiplication in
// integers: a double is an integer times a power of two, so load_a * rate_b has at most 62 + 53 bits and a
// common exponent.
//
// Requires 0 <= load <= kMaxLoad and rates within problem.h's limits. A link that is down (rate 0)
// with a load is busy for longer than any other; with none it has no time and is not to be compared. Compares
// in O(1): doubles decide unless the two products agree to 1e-15, and only then the integers are needed.
#pragma once

#include <compare>
#include <cstdint>

#include "selmcast/base/units.h"

namespace selmcast::plan {

// No link of a valid problem carries more: kMaxWorkers multicasts of kMaxVolume.
inline constexpr Bytes kMaxLoad = Bytes(std::int64_t{1} << 62);

struct LinkTime {
  Bytes load;
  Rate rate = Rate::bits_per_second(1);

  Duration duration() const { return load / rate; }
};
std::weak_ordering operator<=>(const LinkTime& a, const LinkTime& b);
inline bool operator==(const LinkTime& a, const LinkTime& b) { return (a <=> b) == 0; }

// The most whole bytes that a link of `rate` carries no later than `limit`, at most kMaxLoad: the largest
// load with LinkTime{load, rate} <= limit. Exact: capacity_within(limit.rate, limit) == limit.load.
Bytes capacity_within(Rate rate, const LinkTime& limit);

}  // namespace selmcast::plan
