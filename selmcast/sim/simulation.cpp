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

std::string unknown_planner(const Settings& settings) {
  std::string names = "auto";
  if (settings.sync == Sync::bsp) {
    for (const plan::Planner& planner : plan::planners()) names += ", " + std::string(planner.name);
  } else {
    for (const std::string_view name : sync::online_policy_names()) names += ", " + std::string(name);
  }
  return "planner: there is no '" + settings.planner + "' for this sync; there are " + names;
}

std::string place(const char* list, std::size_t index, std::uint32_t worker) {
  return std::string(list) + "[" + std::to_string(index) + "], w" + std::to_string(worker) + ": ";
}

// Of events: in order of time, of workers that there are, and nobody comes who is there or goes who is not.
std::string event_fault(const Settings& settings) {
  std::vector<bool> present = present_at_start(settings);
  Instant last;
  for (std::size_t k = 0; k < settings.events.size(); ++k) {
    const ClusterEvent& event = settings.events[k];
    const std::string where = place("events", k, event.worker);
    if (event.worker >= settings.workers) return where + "there is no such worker";
    if (!(event.time >= last && event.time < Instant::never()))
      return where + "times start at 0 and never decrease";
    last = event.time;
    if (event.kind == ClusterEvent::Kind::slow) {
      if (!is_between(event.factor, 0.001, 1000)) return where + "slow by a factor of 0.001 to 1000";
    } else {
      const bool joins = event.kind == ClusterEvent::Kind::join;
      if (present[event.worker] == joins)
        return where + (joins ? "joins, but is there" : "goes, but is not there");
      present[event.worker] = joins;
    }
  }
  return {};
}

std::string trace_fault(const Settings& settings) {
  Instant last;
  for (std::size_t k = 0; k < settings.bandwidth_trace.size(); ++k) {
    const BandwidthStep& step = settings.bandwidth_trace[k];
    const std::string where = place("bandwidth trace", k, step.worker);
    if (step.worker >= settings.workers) return where + "there is no such worker";
    if (!(step.time >= last && step.time < Instant::never()))
      return where + "times start at 0 and never decrease";
    last = step.time;
    if (!is_between(step.uplink.bps(), 0, 1e15) || !is_between(step.downlink.bps(), 0, 1e15))
      return where + "give rates of 0 to 1e15 bit/s";
  }
  if (!settings.bandwidth_trace.empty() && settings.bandwidth.gamma > 0)
    return "bandwidth trace: not together with gamma; set gamma to 0";
  return {};
}

std::string recorded_fault(const Settings& settings) {
  if (settings.recorded_computing.empty()) return {};
  if (settings.recorded_computing.size() != settings.workers)
    return "recorded computing times: of " + std::to_string(settings.recorded_computing.size()) +
           " workers instead of " + std::to_string(settings.workers);
  for (std::size_t i = 0; i < settings.workers; ++i) {
    const std::vector<Duration>& times = settings.recorded_computing[i];
    const std::string where = "recorded computing times of w" + std::to_string(i) + ": ";
    if (times.empty()) return where + "give at least one round";
    for (const Duration time : times) {
      if (!is_between(time.in_seconds(), 1e-6, 1e9)) return where + "a round takes 1 us to 1e9 s";
    }
  }
  return {};
}

// The first setting that is wrong, in words; empty if there is none.
std::string first_fault(const Settings& settings) {
  const BandwidthModel& bandwidth = settings.bandwidth;
  const Duration horizon = settings.horizon;
  if (settings.workers < 1 || settings.workers > plan::kMaxWorkers)
    return "workers: give 1 to " + std::to_string(plan::kMaxWorkers);
  if (!knows_planner(settings)) return unknown_planner(settings);
  if (settings.volume < Bytes(1) || settings.volume > plan::kMaxVolume)
    return "volume: give 1 byte to 2^48 bytes";
  if (!is_between(bandwidth.nominal.bps(), 1, 1e15)) return "bandwidth: give 1 to 1e15 bit/s";
  if (!is_between(bandwidth.lambda, 0, 0.999))
    return "lambda: give 0 to 0.999; from 1 on links have no bandwidth";
  if (!is_between(bandwidth.mu, 0.001, 1000)) return "mu: give 0.001 to 1000";
  if (!is_between(bandwidth.gamma, 0, 1)) return "gamma: give 0 to 1";
  if (!is_between(settings.estimate_error, 0, 0.999)) return "estimate error: give 0 to 0.999";
  if (!is_between(bandwidth.interval.in_seconds(), 1e-3, 1e9))
    return "bandwidth interval: give at least 1 ms";
  if (settings.staleness < 1 && settings.staleness_rule == StalenessRule::computed)
    return "staleness: give at least 1 where computed rounds count; with 0 nobody could ever start";
  if (settings.overlap && settings.sync == Sync::bsp)
    return "overlap: not with bsp, where all wait for the round's multicasts; use ssp or asp";
  if (settings.overlap && settings.sync == Sync::ssp && settings.staleness < 1)
    return "overlap: give a staleness of at least 1; its own multicast alone puts a worker one round ahead";
  if (settings.multicast == plan::MulticastKind::relay && settings.sync != Sync::bsp)
    return "multicast: relay is planned for bsp only; give network or unicast";
  if (!is_between(settings.keep_fraction, 0, 1)) return "keep fraction: give 0 to 1";
  if (!is_between(horizon.in_seconds(), 1e-3, 1e9)) return "seconds: give 1 ms to 1e9 s";
  if (!is_between(settings.compute.mean().in_seconds(), 1e-6, 1e9))
    return "compute: a round of computing takes at least 1 us on average";
  if (!is_between(settings.detection.in_seconds(), 0, 1e9)) return "detection: give 0 to 1e9 s";
  if (const std::string fault = recorded_fault(settings); !fault.empty()) return fault;
  if (const std::string fault = event_fault(settings); !fault.empty()) return fault;
  if (const std::string fault = trace_fault(settings); !fault.empty()) return fault;
  return {};
}

}  // namespace

std::vector<bool> present_at_start(const Settings& settings) {
  std::vector<bool> present(settings.workers, true);
  std::vector<bool> seen(settings.workers, false);
  for (const ClusterEvent& event : settings.events) {
    if (event.kind == ClusterEvent::Kind::slow || event.worker >= settings.workers || seen[event.worker])
      continue;
    seen[event.worker] = true;
    present[event.worker] = event.kind != ClusterEvent::Kind::join;
  }
  return present;
}

Result<void> validate(const Settings& settings) {
  const std::string fault = first_fault(settings);
  if (!fault.empty()) return failure(ErrorCode::invalid_input, fault);
  return {};
}

Outcome simulate(const Settings& settings, std::uint64_t seed, Observer* observer) {
  return settings.sync == Sync::bsp ? simulate_bsp(settings, seed, observer)
                                    : simulate_online(settings, seed, observer);
}

double npu_utilization_bound(const Settings& settings, std::uint64_t seed) {
  Settings free = settings;
  free.free_communication = true;
  return simulate(free, seed).npu_utilization;
}

double npu_utilization_uplink_bound(const Settings& settings, std::uint64_t seed) {
  Settings free = settings;
  free.bandwidth.free_downlinks = true;
  free.planner = "random";  // whom, does not matter
  free.max_age.reset();
  free.sharing = Sharing::fair;
  return simulate(free, seed).npu_utilization;
}

}  // namespace selmcast::sim
