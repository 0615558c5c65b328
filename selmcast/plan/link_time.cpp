#include "selmcast/plan/link_time.h"

#include <algorithm>
#include <cmath>

namespace selmcast::plan {
namespace {

__extension__ using Wide = unsigned __int128;

// Three roundings of 2^-53 each stay below this.
constexpr double kRounding = 1e-15;

// value = mantissa * 2^exponent, with a 53-bit mantissa.
struct Binary {
  std::uint64_t mantissa;
  int exponent;
};

Binary decompose(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return {static_cast<std::uint64_t>(std::ldexp(fraction, 53)), exponent - 53};
}

Wide times(Bytes load, Binary rate) { return static_cast<Wide>(load.count()) * rate.mantissa; }

}  // namespace

std::weak_ordering operator<=>(const LinkTime& a, const LinkTime& b) {
  const double left = static_cast<double>(a.load.count()) * b.rate.bps();
  const double right = static_cast<double>(b.load.count()) * a.rate.bps();
  if (left > right * (1 + kRounding)) return std::weak_ordering::greater;
  if (right > left * (1 + kRounding)) return std::weak_ordering::less;

  // The products agree to 15 digits, so bringing both to the smaller exponent keeps them near 116 bits.
  const Binary rate_a = decompose(a.rate.bps());
  const Binary rate_b = decompose(b.rate.bps());
  Wide exact_left = times(a.load, rate_b);
  Wide exact_right = times(b.load, rate_a);
  if (rate_b.exponent > rate_a.exponent) exact_left <<= rate_b.exponent - rate_a.exponent;
  if (rate_a.exponent > rate_b.exponent) exact_right <<= rate_a.exponent - rate_b.exponent;
  return exact_left <=> exact_right;
}

Bytes capacity_within(Rate rate, const LinkTime& limit) {
  const double estimate = static_cast<double>(limit.load.count()) * (rate / limit.rate);
  if (estimate >= static_cast<double>(kMaxLoad.count())) return kMaxLoad;
  // `fits` always fits and `exceeds` never does; the answer is found between them.
  auto fits =
      std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(estimate * (1 - kRounding))) - 1);
  auto exceeds = static_cast<std::int64_t>(std::ceil(estimate * (1 + kRounding))) + 1;
  while (exceeds - fits > 1) {
    const std::int64_t middle = fits + (exceeds - fits) / 2;
    (LinkTime{Bytes(middle), rate} <= limit ? fits : exceeds) = middle;
  }
  return Bytes(fits);
}

}  // namespace selmcast::plan
