#include "selmcast/sync/forecast.h"

#include <algorithm>
#include <limits>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr double kForEver = std::numeric_limits<double>::infinity();
// What is left below this share of what was taken is rounding.
constexpr double kNothing = 1e-9;

void take(double& free, double rate) {
  free -= rate;
  if (free < kNothing * rate) free = 0;
}

// Until `bits` are through; rate(step) in bit/s.
template <class RateOf>
double seconds_to_send(double bits, std::span<const double> steps, RateOf rate_of) {
  double seconds = 0;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const double rate = rate_of(k);
    if (rate > 0 && rate * steps[k] >= bits) return seconds + bits / rate;
    if (rate > 0) bits -= rate * steps[k];
    seconds += steps[k];
  }
  return kForEver;
}

}  // namespace

void Forecast::restart(std::span<const Rate> downlink) {
  workers_ = downlink.size();
  seconds_.assign(1, kForEver);
  row_.assign(1, 0);
  free_.resize(workers_);
  for (std::size_t j = 0; j < workers_; ++j) free_[j] = downlink[j].bps();
}

// The step becomes two that are alike.
void Forecast::split(std::size_t step, double first_seconds) {
  const auto place = static_cast<std::ptrdiff_t>(step);
  const std::size_t row = row_.size();
  free_.resize((row + 1) * workers_);
  std::copy_n(free_in(step), workers_, free_.data() + row * workers_);
  row_.insert(row_.begin() + place + 1, row);
  seconds_.insert(seconds_.begin() + place + 1, seconds_[step] - first_seconds);
  seconds_[step] = first_seconds;
}

Duration Forecast::add(Bytes remaining, Rate limit, std::span<const WorkerIndex> receivers) {
  SELMCAST_CHECK(!receivers.empty(), "a multicast has receivers");
  double bits = remaining.in_bits();
  double seconds = 0;
  for (std::size_t k = 0; k < seconds_.size(); ++k) {
    double rate = limit.bps();
    for (const WorkerIndex j : receivers) rate = std::min(rate, free_in(k)[position(j)]);
    const bool ends = rate > 0 && rate * seconds_[k] >= bits;
    if (ends && bits / rate < seconds_[k]) split(k, bits / rate);
    if (rate > 0) {
      for (const WorkerIndex j : receivers) take(free_in(k)[position(j)], rate);
      bits -= rate * seconds_[k];
    }
    seconds += seconds_[k];
    if (ends) return Duration::seconds(seconds);
  }
  return Duration::infinite();
}

Duration Forecast::time_alone(WorkerIndex receiver, Bytes volume, Rate limit) const {
  const auto rate_of = [&](std::size_t k) { return std::min(limit.bps(), free_in(k)[position(receiver)]); };
  return Duration::seconds(seconds_to_send(volume.in_bits(), seconds_, rate_of));
}

Forecast::Path::Path(const Forecast& forecast) : forecast_(forecast), bps_(forecast.row_.size(), kForEver) {}

void Forecast::Path::to(WorkerIndex receiver) {
  for (std::size_t k = 0; k < bps_.size(); ++k)
    bps_[k] = std::min(bps_[k], forecast_.free_in(k)[position(receiver)]);
}

Duration Forecast::Path::time(Bytes volume, Rate limit) const {
  const auto rate_of = [&](std::size_t k) { return std::min(limit.bps(), bps_[k]); };
  return Duration::seconds(seconds_to_send(volume.in_bits(), forecast_.seconds_, rate_of));
}

Duration Forecast::Path::time_with(WorkerIndex another, Bytes volume, Rate limit) const {
  const auto rate_of = [&](std::size_t k) {
    return std::min({limit.bps(), bps_[k], forecast_.free_in(k)[position(another)]});
  };
  return Duration::seconds(seconds_to_send(volume.in_bits(), forecast_.seconds_, rate_of));
}

}  // namespace selmcast::sync
