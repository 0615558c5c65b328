#include "selmcast/sim/online.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/deliveries.h"
#include "selmcast/sim/observer.h"
#include "selmcast/sim/recorded.h"
#include "selmcast/sim/run_bounds.h"
#include "selmcast/sim/streams.h"
#include "selmcast/sync/online_machine.h"

namespace selmcast::sim {
namespace {

std::unique_ptr<sync::OnlinePolicy> policy_of(const Settings& settings, std::uint64_t seed) {
  if (settings.free_communication) return nullptr;
  return sync::make_online_policy(settings.planner, planner_stream(seed), settings.width);
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
                               .unit = settings.bandwidth.nominal,
                               .overlap = settings.overlap};
  if (settings.sync == Sync::asp) machine.staleness.reset();
  return machine;
}

struct ComputationEnd {
  Instant time;
  std::uint32_t worker = 0;
  auto operator<=>(const ComputationEnd&) const = default;
};

// The network as a planner knows it: what remains exactly, bandwidth but for its error.
class KnownNetwork : public sync::NetworkView {
 public:
  KnownNetwork(const Settings& settings, std::uint64_t seed, const Bandwidth& bandwidth,
               const Deliveries& deliveries)
      : bandwidth_(bandwidth), deliveries_(deliveries) {
    if (settings.estimate_error == 0) return;
    Rng rng = estimate_stream(seed);
    for (std::size_t k = 0; k < 2 * settings.workers; ++k)
      factors_.push_back(1 + settings.estimate_error * rng.uniform(-1, 1));
    look();
  }

  // After a change of bandwidth.
  void look() {
    if (factors_.empty()) return;
    uplink_ = bandwidth_.uplink();
    downlink_ = bandwidth_.downlink();
    for (std::size_t i = 0; i < uplink_.size(); ++i) {
      uplink_[i] = uplink_[i] * factors_[2 * i];
      downlink_[i] = downlink_[i] * factors_[2 * i + 1];
    }
  }

  std::span<const Rate> uplink() const override { return factors_.empty() ? bandwidth_.uplink() : uplink_; }
  std::span<const Rate> downlink() const override {
    return factors_.empty() ? bandwidth_.downlink() : downlink_;
  }
  void read_remaining(WorkerIndex sender, std::span<plan::SspCandidate> candidates) const override {
    deliveries_.read_remaining(sender, candidates);
  }
  Duration time_left(WorkerIndex sender) const override { return deliveries_.time_left(sender); }

 private:
  const Bandwidth& bandwidth_;
  const Deliveries& deliveries_;
  std::vector<double> factors_;  // of each worker's uplink and downlink; empty: none
  std::vector<Rate> uplink_, downlink_;
};

class OnlineRun {
 public:
  OnlineRun(const Settings& settings, std::uint64_t seed, Observer* observer);
  Outcome run();

 private:
  // What happens.
  Instant next_event();
  void step_to(Instant time);
  void bandwidth_changed();
  void cluster_event(const ClusterEvent& event);
  void computation_ended(WorkerIndex worker);
  // What it leads to.
  void carry_out(sync::OnlineMachine::Actions actions);
  void carry_out_alone(sync::OnlineMachine::Actions actions);
  void start_multicast(WorkerIndex sender, maxmin::Claim claim, Rate limit);
  void start_computing(WorkerIndex worker);
  void join(WorkerIndex worker);
  void stop_dead(WorkerIndex worker);
  void take_out(WorkerIndex worker);
  void take_out_those_that_leave();
  void stop_computing(WorkerIndex worker);
  // What is told of it.
  void tell(WorkerIndex worker, Activity activity, Instant from, std::uint64_t round,
            std::size_t reached = 0);
  void tell(plan::Pair pair, DeliveryEnd end);
  void tell_idle(WorkerIndex worker);
  void tell_the_rest();
  Outcome outcome() const;

  Instant now() const { return deliveries_.now(); }

  struct Crash {
    Instant noticed;
    WorkerIndex worker;
  };
  struct Worker {
    explicit Worker(Rng rng) : compute_rng(rng) {}
    Rng compute_rng;
    std::uint64_t computations = 0;  // begun
    double factor = 1;               // of its computing times
    bool leaving = false;            // when its multicast is complete
    bool dead = false;               // and nobody knows
    Instant joined;
    Instant waits;  // since
  };

  const Settings& settings_;
  Observer* observer_;
  Instant horizon_;
  Bandwidth bandwidth_;
  Deliveries deliveries_;
  KnownNetwork network_;
  sync::OnlineMachine machine_;
  std::vector<Worker> workers_;
  std::vector<ComputationEnd> computing_;  // heap, earliest first
  std::span<const ClusterEvent> events_;   // still to come
  std::deque<Crash> crashes_;              // not noticed yet, by time
  Duration computed_;                      // by all workers, finished computations only
  Duration present_;                       // of those that are out
  Outcome outcome_;
  std::vector<WorkerIndex> receivers_;
};

OnlineRun::OnlineRun(const Settings& settings, std::uint64_t seed, Observer* observer)
    : settings_(settings),
      observer_(observer),
      horizon_(Instant() + settings.horizon),
      bandwidth_(settings.bandwidth, settings.workers, bandwidth_stream(seed), settings.bandwidth_trace),
      deliveries_(settings.multicast, bandwidth_.uplink(), bandwidth_.downlink()),
      network_(settings, seed, bandwidth_, deliveries_),
      machine_(machine_settings(settings), policy_of(settings, seed)),
      events_(settings.events) {
  for (std::uint32_t i = 0; i < settings.workers; ++i) workers_.emplace_back(compute_stream(seed, i));
  // Those who are slow from the start must be so when they start.
  for (const ClusterEvent& event : events_) {
    if (event.time > Instant()) break;
    if (event.kind == ClusterEvent::Kind::slow) workers_[event.worker].factor = event.factor;
  }
  const std::vector<bool> present = present_at_start(settings);
  for (std::uint32_t i = 0; i < settings.workers; ++i) {
    if (present[i]) join(WorkerIndex(i));
  }
}

Outcome OnlineRun::run() {
  while (now() < horizon_) step_to(next_event());
  if (observer_ != nullptr) tell_the_rest();
  return outcome();
}

Instant OnlineRun::next_event() {
  Instant next = std::min({deliveries_.next_end(), bandwidth_.next_change(), horizon_});
  if (!computing_.empty()) next = std::min(next, computing_.front().time);
  if (!events_.empty()) next = std::min(next, events_.front().time);
  if (!crashes_.empty()) next = std::min(next, crashes_.front().noticed);
  return next;
}

void OnlineRun::step_to(Instant time) {
  const auto ended = deliveries_.advance(time);
  outcome_.events += ended.size();
  if (!ended.empty()) {
    for (const plan::Pair pair : ended) tell(pair, DeliveryEnd::delivered);
    carry_out(machine_.delivered(ended, now()));
  }
  if (bandwidth_.next_change() <= time) bandwidth_changed();
  while (!crashes_.empty() && crashes_.front().noticed <= time) {
    const WorkerIndex worker = crashes_.front().worker;
    crashes_.pop_front();
    take_out(worker);
  }
  for (; !events_.empty() && events_.front().time <= time; events_ = events_.subspan(1))
    cluster_event(events_.front());
  while (!computing_.empty() && computing_.front().time <= time) {
    const WorkerIndex worker(computing_.front().worker);
    std::ranges::pop_heap(computing_, std::greater{});
    computing_.pop_back();
    computation_ended(worker);
  }
  take_out_those_that_leave();
}

void OnlineRun::bandwidth_changed() {
  bandwidth_.change();
  network_.look();
  deliveries_.set_bandwidth(bandwidth_.uplink(), bandwidth_.downlink());
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].dead) deliveries_.set_bandwidth(WorkerIndex(i), Rate(), Rate());
  }
  ++outcome_.events;
}

void OnlineRun::computation_ended(WorkerIndex worker) {
  ++outcome_.events;
  const sync::OnlineWorker& state = machine_.workers()[position(worker)];
  computed_ += now() - state.since;
  tell(worker, Activity::computing, state.since, state.computed);
  if (settings_.overlap) workers_[position(worker)].waits = now();
  carry_out(machine_.computed(worker, network_, now()));
}

void OnlineRun::carry_out(sync::OnlineMachine::Actions actions) {
  carry_out_alone(actions);
  while (const auto held = machine_.unplanned()) {
    if (workers_[position(*held)].leaving) {
      take_out(*held);
    } else {
      carry_out_alone(machine_.plan(*held, network_, now()));
    }
  }
}

void OnlineRun::carry_out_alone(sync::OnlineMachine::Actions actions) {
  using Kind = sync::OnlineAction::Kind;
  for (const sync::OnlineAction& action : actions) {
    Worker& worker = workers_[position(action.worker)];
    switch (action.kind) {
      case Kind::drop:
        tell({action.worker, action.receiver}, DeliveryEnd::dropped);
        deliveries_.drop({action.worker, action.receiver});
        ++outcome_.dropped;
        break;
      case Kind::start: start_multicast(action.worker, action.claim, action.limit); break;
      case Kind::claim: deliveries_.set_claim(action.worker, action.claim, action.limit); break;
      case Kind::complete: {
        if (worker.dead) break;  // its last receivers were given up; nothing that it did
        const std::size_t reached = machine_.delivered(action.worker).size();
        ++outcome_.multicasts;
        outcome_.deliveries += reached;
        const sync::OnlineWorker& state = machine_.workers()[position(action.worker)];
        tell(action.worker, Activity::sending, state.sending_since, state.completed - 1, reached);
        if (!settings_.overlap) worker.waits = now();
        break;
      }
      case Kind::go_on:
        if (!worker.dead) start_computing(action.worker);
        break;
    }
  }
}

void OnlineRun::start_multicast(WorkerIndex sender, maxmin::Claim claim, Rate limit) {
  receivers_.clear();
  for (const plan::SspCandidate& candidate : machine_.receivers(sender))
    receivers_.push_back(candidate.receiver);
  deliveries_.start(sender, settings_.volume, receivers_, claim, limit);
}

void OnlineRun::start_computing(WorkerIndex index) {
  Worker& worker = workers_[position(index)];
  tell(index, Activity::waiting, worker.waits, machine_.workers()[position(index)].computed);
  const std::size_t i = position(index);
  const std::uint64_t round = worker.computations++;
  if (!has_round(settings_, i, round)) {
    worker.leaving = true;
    return;
  }
  machine_.expect_computing(index, expected_computing(settings_, i, worker.factor));
  const Duration time = computing_time(settings_, i, round, worker.compute_rng, worker.factor);
  computing_.push_back({now() + time, index.value()});
  std::ranges::push_heap(computing_, std::greater{});
}

// ---- workers that come and go ------------------------------------------------------------------------------

void OnlineRun::cluster_event(const ClusterEvent& event) {
  if (event.time > Instant()) ++outcome_.events;
  const WorkerIndex index(event.worker);
  Worker& worker = workers_[event.worker];
  switch (event.kind) {
    case ClusterEvent::Kind::slow: worker.factor = event.factor; break;
    case ClusterEvent::Kind::leave: worker.leaving = true; break;
    case ClusterEvent::Kind::crash: stop_dead(index); break;
    case ClusterEvent::Kind::join:
      if (worker.dead) {
        std::erase_if(crashes_, [&](const Crash& crash) { return crash.worker == index; });
        take_out(index);
      } else if (worker.leaving) {
        take_out(index);
      }
      join(index);
      break;
  }
}

void OnlineRun::join(WorkerIndex index) {
  workers_[position(index)].joined = workers_[position(index)].waits = now();
  const int p = settings_.min_receivers.of(settings_.workers);
  carry_out(machine_.join(index,
                          {.volume = settings_.volume,
                           .expected_computing = settings_.compute.mean(),
                           .first_multicast = p * settings_.volume / settings_.bandwidth.nominal},
                          now()));
}

// It computes no more, and its links carry nothing; the machine does not know.
void OnlineRun::stop_dead(WorkerIndex index) {
  Worker& worker = workers_[position(index)];
  tell_idle(index);
  stop_computing(index);
  present_ += now() - worker.joined;
  worker.dead = true;
  worker.leaving = false;
  crashes_.push_back({now() + settings_.detection, index});
  deliveries_.set_bandwidth(index, Rate(), Rate());
}

void OnlineRun::stop_computing(WorkerIndex index) {
  const sync::OnlineWorker& state = machine_.workers()[position(index)];
  if (std::erase_if(computing_, [&](const ComputationEnd& end) { return end.worker == index.value(); }) == 0)
    return;
  std::ranges::make_heap(computing_, std::greater{});
  computed_ += now() - state.since;
  tell(index, Activity::computing, state.since, state.computed);
}

void OnlineRun::take_out(WorkerIndex index) {
  Worker& worker = workers_[position(index)];
  if (worker.dead) {
    deliveries_.set_bandwidth(index, bandwidth_.uplink()[position(index)],
                              bandwidth_.downlink()[position(index)]);
  } else {
    tell_idle(index);
    stop_computing(index);
    present_ += now() - worker.joined;
  }
  worker.dead = worker.leaving = false;
  carry_out(machine_.leave(index, now()));
}

void OnlineRun::take_out_those_that_leave() {
  if (settings_.events.empty() && settings_.recorded_computing.empty()) return;
  for (bool again = true; again;) {  // who goes may let others go on, and these may have nothing left to do
    again = false;
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
      if (!workers_[i].leaving || machine_.workers()[i].sending) continue;
      take_out(WorkerIndex(i));
      again = true;
    }
  }
}

// ---- for those who look on ---------------------------------------------------------------------------------

void OnlineRun::tell(WorkerIndex worker, Activity activity, Instant from, std::uint64_t round,
                     std::size_t reached) {
  if (observer_ != nullptr && from < now()) observer_->did(worker, activity, {from, now()}, round, reached);
}

void OnlineRun::tell(plan::Pair pair, DeliveryEnd end) {
  const Instant started = machine_.workers()[position(pair.sender)].sending_since;
  if (observer_ != nullptr) observer_->delivery(pair, {started, now()}, end);
}

// What a worker does that is not computing, up to now.
void OnlineRun::tell_idle(WorkerIndex index) {
  const sync::OnlineWorker& state = machine_.workers()[position(index)];
  if (state.sending)
    tell(index, Activity::sending, state.sending_since, state.completed, machine_.delivered(index).size());
  if (!state.computing && (settings_.overlap || !state.sending))
    tell(index, Activity::waiting, workers_[position(index)].waits, state.computed);
}

void OnlineRun::tell_the_rest() {
  for (std::uint32_t i = 0; i < machine_.workers().size(); ++i) {
    const sync::OnlineWorker& state = machine_.workers()[i];
    const WorkerIndex index(i);
    if (!state.present || workers_[i].dead) continue;
    if (state.computing) tell(index, Activity::computing, state.since, state.computed);
    tell_idle(index);
    for (const plan::SspCandidate& candidate : machine_.receivers(index))
      tell({index, candidate.receiver}, DeliveryEnd::unfinished);
  }
}

Outcome OnlineRun::outcome() const {
  Outcome outcome = outcome_;
  Duration computed = computed_;
  Duration present = present_;
  for (std::uint32_t i = 0; i < machine_.workers().size(); ++i) {
    const sync::OnlineWorker& worker = machine_.workers()[i];
    if (!worker.present || workers_[i].dead) continue;
    present += horizon_ - workers_[i].joined;
    if (worker.computing) computed += horizon_ - worker.since;
  }
  const auto n = static_cast<double>(settings_.workers);
  if (present > Duration()) outcome.npu_utilization = computed / present;
  if (outcome.multicasts > 0) {
    const double reached = static_cast<double>(outcome.deliveries) / static_cast<double>(outcome.multicasts);
    outcome.multicast_scale = reached / n;
  }
  outcome.rounds = outcome.multicasts / settings_.workers;
  outcome.multicast_scale_bound = scale_bound_of(settings_, bandwidth_, outcome.npu_utilization);
  return outcome;
}

}  // namespace

Outcome simulate_online(const Settings& settings, std::uint64_t seed, Observer* observer) {
  return OnlineRun(settings, seed, observer).run();
}

}  // namespace selmcast::sim
