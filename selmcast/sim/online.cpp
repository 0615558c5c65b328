#include "selmcast/sim/online.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/deliveries.h"
#include "selmcast/sim/streams.h"
#include "selmcast/sync/online_machine.h"

namespace selmcast::sim {
namespace {

// Reaches nobody: communication for free.
class Nobody : public sync::OnlinePolicy {
 public:
  bool plans_running() const override { return false; }
  sync::OnlineDecision decide(const sync::OnlineView& view) override {
    verdicts_.assign(view.tasks.candidate_count(), std::nullopt);
    return {verdicts_, {}};
  }

 private:
  std::vector<plan::Verdict> verdicts_;
};

std::unique_ptr<sync::OnlinePolicy> policy_of(const Settings& settings, std::uint64_t seed) {
  if (settings.free_communication) return std::make_unique<Nobody>();
  return sync::make_online_policy(settings.planner, planner_stream(seed));
}

sync::OnlineSettings machine_settings(const Settings& settings) {
  sync::OnlineSettings machine{.multicast = settings.multicast,
                               .min_receivers = settings.min_receivers,
                               .max_age = settings.max_age,
                               .age_start = settings.age_start,
                               .staleness = settings.staleness,
                               .staleness_rule = settings.staleness_rule,
                               .keep_fraction = settings.keep_fraction,
                               .sharing = settings.sharing,
                               .unit = settings.bandwidth.nominal};
  if (settings.sync == Sync::asp) machine.staleness.reset();
  if (settings.free_communication) {
    machine.min_receivers = sync::MinReceivers::count(0);
    machine.max_age.reset();
  }
  return machine;
}

struct ComputationEnd {
  Instant time;
  std::uint32_t worker = 0;
  auto operator<=>(const ComputationEnd&) const = default;
};

// The network as it is: a planner in a simulation knows it exactly.
class ExactNetwork : public sync::NetworkView {
 public:
  ExactNetwork(const Bandwidth& bandwidth, const Deliveries& deliveries)
      : bandwidth_(bandwidth), deliveries_(deliveries) {}
  std::span<const Rate> uplink() const override { return bandwidth_.uplink(); }
  std::span<const Rate> downlink() const override { return bandwidth_.downlink(); }
  void read_remaining(WorkerIndex sender, std::span<plan::SspCandidate> candidates) const override {
    deliveries_.read_remaining(sender, candidates);
  }
  Duration time_left(WorkerIndex sender) const override { return deliveries_.time_left(sender); }

 private:
  const Bandwidth& bandwidth_;
  const Deliveries& deliveries_;
};

class OnlineRun {
 public:
  OnlineRun(const Settings& settings, std::uint64_t seed);
  Outcome run();

 private:
  void step_to(Instant time);
  void bandwidth_changed();
  void computation_ended(WorkerIndex worker);
  void carry_out(sync::OnlineMachine::Actions actions);
  void start_multicast(WorkerIndex sender, maxmin::Claim claim);
  void start_computing(WorkerIndex worker);
  Outcome outcome() const;

  Instant now() const { return deliveries_.now(); }

  const Settings& settings_;
  Instant horizon_;
  Bandwidth bandwidth_;
  Deliveries deliveries_;
  ExactNetwork network_;
  sync::OnlineMachine machine_;
  std::vector<Rng> compute_rngs_;          // by worker
  std::vector<ComputationEnd> computing_;  // heap, earliest first
  Duration computed_;                      // by all workers, finished computations only
  Outcome outcome_;
  std::vector<WorkerIndex> receivers_;
};

OnlineRun::OnlineRun(const Settings& settings, std::uint64_t seed)
    : settings_(settings),
      horizon_(Instant() + settings.horizon),
      bandwidth_(settings.bandwidth, settings.workers, bandwidth_stream(seed)),
      deliveries_(settings.multicast, bandwidth_.uplink(), bandwidth_.downlink()),
      network_(bandwidth_, deliveries_),
      machine_(machine_settings(settings), policy_of(settings, seed)) {
  const int p = settings.min_receivers.of(settings.workers);
  const sync::OnlineMember member{.volume = settings.volume,
                                  .expected_computing = settings.compute.mean(),
                                  .first_multicast = p * settings.volume / settings.bandwidth.nominal};
  for (std::uint32_t i = 0; i < settings.workers; ++i) {
    compute_rngs_.push_back(compute_stream(seed, i));
    carry_out(machine_.join(WorkerIndex(i), member, Instant()));
  }
}

Outcome OnlineRun::run() {
  while (now() < horizon_) {
    const Instant computed = computing_.empty() ? Instant::never() : computing_.front().time;
    step_to(std::min({computed, deliveries_.next_end(), bandwidth_.next_change(), horizon_}));
  }
  return outcome();
}

void OnlineRun::step_to(Instant time) {
  const auto ended = deliveries_.advance(time);
  outcome_.events += ended.size();
  if (!ended.empty()) carry_out(machine_.delivered(ended, now()));
  if (bandwidth_.next_change() <= time) bandwidth_changed();
  while (!computing_.empty() && computing_.front().time <= time) {
    const WorkerIndex worker(computing_.front().worker);
    std::ranges::pop_heap(computing_, std::greater{});
    computing_.pop_back();
    computation_ended(worker);
  }
}

void OnlineRun::bandwidth_changed() {
  bandwidth_.redraw();
  deliveries_.set_bandwidth(bandwidth_.uplink(), bandwidth_.downlink());
  ++outcome_.events;
}

void OnlineRun::computation_ended(WorkerIndex worker) {
  ++outcome_.events;
  computed_ += now() - machine_.workers()[position(worker)].since;
  carry_out(machine_.computed(worker, network_, now()));
}

void OnlineRun::carry_out(sync::OnlineMachine::Actions actions) {
  using Kind = sync::OnlineAction::Kind;
  for (const sync::OnlineAction& action : actions) {
    switch (action.kind) {
      case Kind::drop:
        deliveries_.drop({action.worker, action.receiver});
        ++outcome_.dropped;
        break;
      case Kind::start: start_multicast(action.worker, action.claim); break;
      case Kind::claim: deliveries_.set_claim(action.worker, action.claim); break;
      case Kind::complete:
        ++outcome_.multicasts;
        outcome_.deliveries += machine_.delivered(action.worker).size();
        break;
      case Kind::go_on: start_computing(action.worker); break;
    }
  }
}

void OnlineRun::start_multicast(WorkerIndex sender, maxmin::Claim claim) {
  receivers_.clear();
  for (const plan::SspCandidate& candidate : machine_.receivers(sender))
    receivers_.push_back(candidate.receiver);
  deliveries_.start(sender, settings_.volume, receivers_, claim);
}

void OnlineRun::start_computing(WorkerIndex worker) {
  computing_.push_back({now() + settings_.compute.draw(compute_rngs_[position(worker)]), worker.value()});
  std::ranges::push_heap(computing_, std::greater{});
}

Outcome OnlineRun::outcome() const {
  Outcome outcome = outcome_;
  Duration computed = computed_;
  for (const sync::OnlineWorker& worker : machine_.workers()) {
    if (worker.computing) computed += horizon_ - worker.since;
  }
  const auto n = static_cast<double>(settings_.workers);
  outcome.npu_utilization = computed / settings_.horizon / n;
  if (outcome.multicasts > 0) {
    const double reached = static_cast<double>(outcome.deliveries) / static_cast<double>(outcome.multicasts);
    outcome.multicast_scale = reached / n;
  }
  outcome.rounds = outcome.multicasts / settings_.workers;
  return outcome;
}

}  // namespace

Outcome simulate_online(const Settings& settings, std::uint64_t seed) {
  return OnlineRun(settings, seed).run();
}

}  // namespace selmcast::sim
