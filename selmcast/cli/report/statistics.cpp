#include "selmcast/cli/report/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "selmcast/base/check.h"

namespace selmcast::report {

std::optional<double> mean(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> quantile(std::span<const double> values, double q) {
  SELMCAST_CHECK(q >= 0 && q <= 1, "a quantile lies between 0 and 1");
  if (values.empty()) return std::nullopt;
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

std::optional<Spread> spread(std::span<const double> values) {
  const auto center = mean(values);
  if (!center) return std::nullopt;
  double squares = 0;
  for (const double value : values) squares += (value - *center) * (value - *center);
  const double deviation =
      values.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(values.size() - 1));
  return Spread{*center, deviation, values.size()};
}

}  // namespace selmcast::report
