// Figure 3 of S. Luo et al., doi 10.1109/TSC.2024.3506480, digitised: bars {from ms, to ms, proportion}.
#include "selmcast/sim/compute_times.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::sim {
namespace {

struct Digitised {
  double from_ms;
  double to_ms;
  double proportion;
};
constexpr Digitised kLstm[] = {
    {119.8, 199.6, 0.05971},   {199.6, 279.3, 0.06841},   {279.3, 359.1, 0.00174},
    {359.1, 439.0, 0.05797},   {439.0, 518.6, 0.07884},   {518.6, 598.5, 0.06029},
    {598.5, 678.3, 0.0087},    {678.3, 758.2, 0.05971},   {758.2, 837.9, 0.02725},
    {837.9, 917.7, 0.04464},   {917.7, 997.6, 0.04406},   {997.6, 1077.4, 0.05043},
    {1077.4, 1157.1, 0.0713},  {1157.1, 1236.9, 0.04696}, {1236.9, 1316.8, 0.03536},
    {1316.8, 1396.4, 0.04927}, {1396.4, 1476.3, 0.04058}, {1476.3, 1556.1, 0.01101},
    {1556.1, 1636.0, 0.02782}, {1636.0, 1715.7, 0.01971}, {1715.7, 1795.5, 0.03072},
    {1795.5, 1875.4, 0.02725}, {1875.4, 1955.2, 0.02029}, {1955.2, 2034.9, 0.00232},
    {2034.9, 2114.7, 0.01044}, {2114.7, 2194.6, 0.01391}, {2194.6, 2274.2, 0.00348},
    {2274.2, 2354.1, 0.00811}, {2354.1, 2433.9, 0.00811}, {2433.9, 2513.8, 0.00464},
    {2513.8, 2593.5, 0.00348}, {2593.5, 2673.3, 0.00116}, {2673.3, 2753.2, 0.00232},
};
constexpr Digitised kTransformer[] = {
    {480.2, 587.0, 0.00169},   {587.0, 693.7, 0.01858},   {693.7, 800.5, 0.18073},
    {800.5, 907.2, 0.22634},   {907.2, 1013.9, 0.22127},  {1013.9, 1120.6, 0.14695},
    {1120.6, 1227.4, 0.0625},  {1227.4, 1334.1, 0.03885}, {1334.1, 1440.8, 0.02196},
    {1440.8, 1547.6, 0.02026}, {1547.6, 1654.2, 0.02365}, {1654.2, 1761.0, 0.0152},
    {1761.0, 1867.7, 0.01013}, {1867.7, 1974.5, 0.00676}, {1974.5, 2081.2, 0.00337},
    {2081.2, 2187.8, 0.00169},
};
constexpr Digitised kResnet50[] = {
    {843.3, 955.7, 0.78233},   {955.7, 1068.2, 0.02352},  {1068.2, 1180.6, 0.02941},
    {1180.6, 1293.0, 0.05294}, {1293.0, 1405.4, 0.02941}, {1405.4, 1517.9, 0.01763},
    {1517.9, 1630.3, 0.01174}, {1630.3, 1742.7, 0.04705}, {1742.7, 1855.2, 0.00589},
};

ComputeTimes of_figure(std::span<const Digitised> bars) {
  std::vector<ComputeTimes::Bar> made;
  for (const Digitised& bar : bars) {
    made.push_back({Duration::milliseconds(bar.from_ms), Duration::milliseconds(bar.to_ms), bar.proportion});
  }
  return ComputeTimes(std::move(made));
}

}  // namespace

ComputeTimes ComputeTimes::lstm() { return of_figure(kLstm); }
ComputeTimes ComputeTimes::transformer() { return of_figure(kTransformer); }
ComputeTimes ComputeTimes::resnet50() { return of_figure(kResnet50); }

std::optional<ComputeTimes> ComputeTimes::named(std::string_view name) {
  if (name == "lstm") return lstm();
  if (name == "transformer") return transformer();
  if (name == "resnet50") return resnet50();
  return std::nullopt;
}

ComputeTimes ComputeTimes::constant(Duration time) { return ComputeTimes({{time, time, 1}}); }

ComputeTimes ComputeTimes::of_trace(std::span<const Duration> times) {
  std::vector<Bar> bars;
  for (const Duration time : times) bars.push_back({time, time, 1});
  return ComputeTimes(std::move(bars));
}

ComputeTimes::ComputeTimes(std::vector<Bar> bars) : bars_(std::move(bars)) {
  double all = 0;
  for (const Bar& bar : bars_) {
    SELMCAST_CHECK(bar.from >= Duration() && bar.from <= bar.to && bar.proportion >= 0,
                   "a bar of a histogram");
    all += bar.proportion;
    up_to_.push_back(all);
    mean_ += (bar.from + bar.to) * (bar.proportion / 2);
  }
  SELMCAST_CHECK(all > 0, "a distribution has something to draw");
  for (double& part : up_to_) part /= all;
  mean_ = mean_ * (1 / all);
}

Duration ComputeTimes::draw(Rng& rng) const {
  const auto bar = std::ranges::upper_bound(up_to_, rng.uniform());  // the last one is 1, and never reached
  const Bar& drawn = bars_[static_cast<std::size_t>(bar - up_to_.begin())];
  return drawn.from + (drawn.to - drawn.from) * rng.uniform();
}

}  // namespace selmcast::sim
