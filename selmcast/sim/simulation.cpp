#include "selmcast/sim/simulation.h"

#include <string>

#include "selmcast/plan/planner.h"
#include "selmcast/sim/bsp.h"
#include "selmcast/sim/online.h"

namespace selmcast::sim {
namespace {

bool is_between(double value, double least, double most) { return value >= least && value <= most; }

bool knows_planner(const Settings& settings) {
  if (settings.sync == Sync::bsp) return plan::find_planner(settings.planner) != nullptr;
  return sync::make_online_policy(settings.planner, Rng(0)) != nullptr;
}

// The first setting that is wrong, in words; empty if there is none.
std::string first_fault(const Settings& settings) {
  const BandwidthModel& bandwidth = settings.bandwidth;
  const Duration horizon = settings.horizon;
  if (settings.workers < 1 || settings.workers > plan::kMaxWorkers)
    return "workers: give 1 to " + std::to_string(plan::kMaxWorkers);
  if (!knows_planner(settings)) return "planner: there is no '" + settings.planner + "' for this sync";
  if (settings.volume < Bytes(1) || settings.volume > plan::kMaxVolume)
    return "volume: give 1 byte to 2^50 bytes";
  if (!is_between(bandwidth.nominal.bps(), 1, 1e15)) return "bandwidth: give 1 to 1e15 bit/s";
  if (!is_between(bandwidth.lambda, 0, 0.999))
    return "lambda: give 0 to 0.999; from 1 on links have no bandwidth";
  if (!is_between(bandwidth.mu, 0.001, 1000)) return "mu: give 0.001 to 1000";
  if (!is_between(bandwidth.gamma, 0, 1)) return "gamma: give 0 to 1";
  if (!is_between(bandwidth.interval.in_seconds(), 1e-3, 1e9))
    return "bandwidth interval: give at least 1 ms";
  if (settings.staleness < 1 && settings.staleness_rule == StalenessRule::computed)
    return "staleness: give at least 1 where computed rounds count; with 0 nobody could ever start";
  if (!is_between(settings.keep_fraction, 0, 1)) return "keep fraction: give 0 to 1";
  if (!is_between(horizon.in_seconds(), 1e-3, 1e9)) return "seconds: give 1 ms to 1e9 s";
  if (!is_between(settings.compute.mean().in_seconds(), 1e-6, 1e9))
    return "compute: a round of computing takes at least 1 us on average";
  return {};
}

}  // namespace

Result<void> validate(const Settings& settings) {
  const std::string fault = first_fault(settings);
  if (!fault.empty()) return failure(ErrorCode::invalid_input, fault);
  return {};
}

Outcome simulate(const Settings& settings, std::uint64_t seed) {
  return settings.sync == Sync::bsp ? simulate_bsp(settings, seed) : simulate_online(settings, seed);
}

double npu_utilization_bound(const Settings& settings, std::uint64_t seed) {
  Settings free = settings;
  free.free_communication = true;
  return simulate(free, seed).npu_utilization;
}

}  // namespace selmcast::sim
