#include "selmcast/sim/bsp.h"

#include <algorithm>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/plan/planner.h"
#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/deliveries.h"
#include "selmcast/sim/streams.h"
#include "selmcast/sync/age_table.h"
#include "selmcast/sync/sharing.h"

namespace selmcast::sim {
namespace {

WorkerIndex index_of(WorkerId worker) { return WorkerIndex(worker.value()); }

class BspRun {
 public:
  BspRun(const Settings& settings, std::uint64_t seed);
  Outcome run();

 private:
  bool compute();
  bool communicate();
  bool pass_until(Instant time);
  bool wait_for_deliveries();
  bool step_to(Instant time);
  plan::Plan make_plan();
  void start(const plan::Plan& plan);
  void complete(const plan::Plan& plan);
  Instant now() const { return deliveries_.now(); }

  const Settings& settings_;
  const plan::Planner& planner_;
  Instant horizon_;
  Bandwidth bandwidth_;
  Deliveries deliveries_;
  sync::AgeTable ages_;
  Rng planner_rng_;
  std::vector<Rng> compute_rngs_;
  plan::Problem problem_;
  std::uint64_t started_ = 0;
  Duration computed_;  // by all workers
  Duration sent_;      // sum of the completed rounds' times
  Outcome outcome_;
};

BspRun::BspRun(const Settings& settings, std::uint64_t seed)
    : settings_(settings),
      planner_(*plan::find_planner(settings.planner)),
      horizon_(Instant() + settings.horizon),
      bandwidth_(settings.bandwidth, settings.workers, bandwidth_stream(seed)),
      deliveries_(settings.multicast, bandwidth_.uplink(), bandwidth_.downlink()),
      ages_(settings.max_age.value_or(UINT32_MAX), settings.age_start),
      planner_rng_(planner_stream(seed)) {
  problem_.multicast = settings.multicast;
  for (std::uint32_t i = 0; i < settings.workers; ++i) {
    ages_.join(WorkerId(i));
    compute_rngs_.push_back(compute_stream(seed, i));
    plan::WorkerSpec worker;  // its rates come with each round
    worker.name = to_string(WorkerId(i));
    worker.min_receivers = settings.min_receivers.of(settings.workers);
    worker.volume = settings.volume;
    problem_.workers.push_back(worker);
  }
}

// All of these return false when the horizon comes first.
bool BspRun::compute() {
  const Instant start = now();
  Instant end = start;
  for (Rng& rng : compute_rngs_) {
    const Instant ready = start + settings_.compute.draw(rng);
    end = std::max(end, ready);
    computed_ += std::min(ready, horizon_) - start;
    if (ready < horizon_) ++outcome_.events;
  }
  return pass_until(end);
}

bool BspRun::pass_until(Instant time) {
  while (now() < time) {
    if (!step_to(time)) return false;
  }
  return true;
}

bool BspRun::wait_for_deliveries() {
  for (Instant end = deliveries_.next_end(); end != Instant::never(); end = deliveries_.next_end()) {
    if (!step_to(end)) return false;
  }
  return true;
}

// To `time`, or to the change of bandwidth before it.
bool BspRun::step_to(Instant time) {
  const Instant next = std::min({time, bandwidth_.next_change(), horizon_});
  outcome_.events += deliveries_.advance(next).size();
  if (next == bandwidth_.next_change()) {
    bandwidth_.redraw();
    deliveries_.set_bandwidth(bandwidth_.uplink(), bandwidth_.downlink());
    ++outcome_.events;
  }
  return next < horizon_;
}

plan::Plan BspRun::make_plan() {
  for (std::size_t i = 0; i < problem_.size(); ++i) {
    problem_.workers[i].uplink = bandwidth_.uplink()[i];
    problem_.workers[i].downlink = bandwidth_.downlink()[i];
  }
  problem_.required.clear();
  problem_.ages.clear();
  for (const sync::WorkerPair& pair : ages_.required())
    problem_.required.push_back({index_of(pair.sender), index_of(pair.receiver)});
  for (std::uint32_t i = 0; i < problem_.size(); ++i) {
    for (std::uint32_t j = 0; j < problem_.size(); ++j) {
      const std::uint32_t age = i == j ? 0 : ages_.age({WorkerId(i), WorkerId(j)});
      if (age > 0) problem_.ages.push_back({{WorkerIndex(i), WorkerIndex(j)}, age});
    }
  }
  plan::Outcome planned = planner_.plan(problem_, planner_rng_);
  SELMCAST_CHECK(std::holds_alternative<plan::Planned>(planned),
                 "links without limits can carry any selection");
  return std::move(std::get<plan::Planned>(planned).plan);
}

void BspRun::start(const plan::Plan& plan) {
  const plan::LinkTimes times = plan::link_times(problem_, plan);
  std::vector<WorkerIndex> receivers;
  for (std::uint32_t i = 0; i < problem_.size(); ++i) {
    receivers.clear();
    Duration planned = times.uplink[i];
    for (const plan::Selection& selection : plan.selections[i]) {
      receivers.push_back(selection.receiver);
      planned = std::max(planned, times.downlink[position(selection.receiver)]);
    }
    if (receivers.empty()) continue;
    const sync::NewMulticast multicast{outcome_.rounds, started_++, settings_.volume, planned};
    deliveries_.start(WorkerIndex(i), settings_.volume, receivers,
                      sync::claim_of(settings_.sharing, multicast, settings_.bandwidth.nominal));
  }
}

void BspRun::complete(const plan::Plan& plan) {
  std::vector<WorkerId> reached;
  for (std::uint32_t i = 0; i < problem_.size(); ++i) {
    reached.clear();
    for (const plan::Selection& selection : plan.selections[i])
      reached.push_back(WorkerId(selection.receiver.value()));
    ages_.complete(WorkerId(i), reached);
    outcome_.deliveries += reached.size();
  }
  outcome_.multicasts += problem_.size();
}

bool BspRun::communicate() {
  const Instant start_time = now();
  if (!settings_.free_communication) {
    const plan::Plan plan = make_plan();
    start(plan);
    if (!wait_for_deliveries()) return false;
    complete(plan);
  }
  sent_ += now() - start_time;
  ++outcome_.rounds;
  return true;
}

Outcome BspRun::run() {
  while (compute() && communicate()) {
  }
  const auto n = static_cast<double>(problem_.size());
  outcome_.npu_utilization = computed_ / settings_.horizon / n;
  if (outcome_.multicasts > 0)
    outcome_.multicast_scale =
        static_cast<double>(outcome_.deliveries) / static_cast<double>(outcome_.multicasts) / n;
  const int p = settings_.min_receivers.of(problem_.size());
  if (outcome_.rounds > 0 && p > 0) {
    const Duration unit = p * settings_.volume / settings_.bandwidth.nominal;
    outcome_.completion_normalized = sent_ / unit / static_cast<double>(outcome_.rounds);
  }
  return outcome_;
}

}  // namespace

Outcome simulate_bsp(const Settings& settings, std::uint64_t seed) { return BspRun(settings, seed).run(); }

}  // namespace selmcast::sim
