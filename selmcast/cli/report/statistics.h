// The few statistics of the report, each defined in one place.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace selmcast::report {

// Nothing for no values.
std::optional<double> mean(std::span<const double> values);

// Linear interpolation between order statistics (Hyndman and Fan's type 7, the default of R and NumPy): with
// the n values sorted from x[0], the quantile q stands at position q (n - 1). Nothing for no values. Requires
// 0 <= q <= 1.
std::optional<double> quantile(std::span<const double> values, double q);

// A mean and the sample standard deviation (divided by n - 1; 0 for one value).
struct Spread {
  double mean = 0;
  double deviation = 0;
  std::size_t count = 0;
};
std::optional<Spread> spread(std::span<const double> values);

}  // namespace selmcast::report
