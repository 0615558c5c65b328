#include "selmcast/sim/online.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/claims.h"
#include "selmcast/sim/deliveries.h"
#include "selmcast/sim/online_planner.h"
#include "selmcast/sim/streams.h"
#include "selmcast/sync/age_table.h"

namespace selmcast::sim {
namespace {

// How far a worker's rounds may be ahead of the least when it starts the next one.
std::uint64_t most_ahead(const Settings& settings) {
  if (settings.sync == Sync::asp) return UINT64_MAX;
  return settings.staleness - (settings.staleness_rule == StalenessRule::computed ? 1U : 0U);
}

enum class Phase { computing, sending, waiting };

struct Worker {
  explicit Worker(Rng rng) : compute_rng(rng) {}

  Rng compute_rng;
  Phase phase = Phase::waiting;
  Instant since;             // of the phase
  std::uint64_t rounds = 0;  // that count for the rule of staleness
  Duration last_multicast;   // how long it took
  // Of the multicast under way.
  std::vector<plan::SspCandidate> candidates;
  std::vector<WorkerId> delivered;
};

struct ComputationEnd {
  Instant time;
  std::uint32_t worker = 0;
  auto operator<=>(const ComputationEnd&) const = default;
};

class OnlineRun {
 public:
  OnlineRun(const Settings& settings, std::uint64_t seed);
  Outcome run();

 private:
  // What happens.
  void step_to(Instant time);
  void deliveries_ended(std::span<const plan::Pair> ended);
  void bandwidth_changed();
  void computation_ended(std::uint32_t worker);

  void plan_for(std::uint32_t ready);
  void collect_tasks(std::uint32_t ready);
  void add_task(std::uint32_t worker, Duration wait);
  void expect_slowest();
  Duration expected_rest(const Worker& worker, std::uint32_t id) const;
  Duration wait_of(std::uint32_t worker) const;
  void carry_out(std::span<const plan::Verdict> verdicts, std::uint32_t ready);
  void start_multicast(std::uint32_t worker);
  Duration time_of_loads(std::uint32_t worker) const;

  void complete_multicast(std::uint32_t worker);
  void count_round(Worker& worker);
  void let_go_on();
  bool may_go_on(const Worker& worker) const { return worker.rounds - least_rounds_ <= most_ahead_; }
  void start_computing(std::uint32_t worker);
  Outcome outcome() const;

  Instant now() const { return deliveries_.now(); }

  const Settings& settings_;
  std::uint64_t most_ahead_;
  bool counts_computed_;  // not completed ones
  int min_receivers_;
  Instant horizon_;
  Bandwidth bandwidth_;
  Deliveries deliveries_;
  sync::AgeTable ages_;
  std::unique_ptr<OnlinePlanner> planner_;
  std::vector<Worker> workers_;
  std::vector<ComputationEnd> computing_;  // heap, earliest first
  std::uint64_t least_rounds_ = 0;
  std::size_t at_least_rounds_ = 0;  // workers that have completed no more
  std::uint64_t started_ = 0;
  Duration computed_;  // by all workers, finished computations only
  Outcome outcome_;
  // Of the planning under way.
  struct Slowest {
    Duration rest;
    std::uint32_t worker = 0;
  };
  Slowest slowest_;  // of the workers with the least rounds
  Duration second_slowest_;
  std::vector<plan::SspTask> tasks_;
  std::vector<WorkerIndex> receivers_;
};

OnlineRun::OnlineRun(const Settings& settings, std::uint64_t seed)
    : settings_(settings),
      most_ahead_(most_ahead(settings)),
      counts_computed_(settings.staleness_rule == StalenessRule::computed),
      min_receivers_(settings.min_receivers.of(settings.workers)),
      horizon_(Instant() + settings.horizon),
      bandwidth_(settings.bandwidth, settings.workers, bandwidth_stream(seed)),
      deliveries_(settings.multicast, bandwidth_.uplink(), bandwidth_.downlink()),
      ages_(settings.max_age.value_or(UINT32_MAX), settings.age_start),
      planner_(make_online_planner(settings.planner, planner_stream(seed))),
      at_least_rounds_(settings.workers) {
  for (std::uint32_t i = 0; i < settings.workers; ++i) {
    ages_.join(WorkerId(i));
    workers_.emplace_back(compute_stream(seed, i));
    workers_.back().last_multicast = min_receivers_ * settings.volume / settings.bandwidth.nominal;
  }
  for (std::uint32_t i = 0; i < settings.workers; ++i) start_computing(i);
}

Outcome OnlineRun::run() {
  while (now() < horizon_) {
    const Instant computed = computing_.empty() ? Instant::never() : computing_.front().time;
    step_to(std::min({computed, deliveries_.next_end(), bandwidth_.next_change(), horizon_}));
  }
  return outcome();
}

void OnlineRun::step_to(Instant time) {
  deliveries_ended(deliveries_.advance(time));
  if (bandwidth_.next_change() <= time) bandwidth_changed();
  while (!computing_.empty() && computing_.front().time <= time) {
    const std::uint32_t worker = computing_.front().worker;
    std::ranges::pop_heap(computing_, std::greater{});
    computing_.pop_back();
    computation_ended(worker);
  }
}

void OnlineRun::deliveries_ended(std::span<const plan::Pair> ended) {
  outcome_.events += ended.size();
  for (std::size_t k = 0; k < ended.size(); ++k) {
    const plan::Pair pair = ended[k];
    Worker& sender = workers_[position(pair.sender)];
    const auto candidate =
        std::ranges::lower_bound(sender.candidates, pair.receiver, {}, &plan::SspCandidate::receiver);
    sender.candidates.erase(candidate);
    sender.delivered.push_back(WorkerId(pair.receiver.value()));
    const bool last_of_sender = k + 1 == ended.size() || ended[k + 1].sender != pair.sender;
    if (last_of_sender && sender.candidates.empty()) complete_multicast(pair.sender.value());
  }
}

void OnlineRun::bandwidth_changed() {
  bandwidth_.redraw();
  deliveries_.set_bandwidth(bandwidth_.uplink(), bandwidth_.downlink());
  ++outcome_.events;
}

void OnlineRun::computation_ended(std::uint32_t id) {
  ++outcome_.events;
  Worker& worker = workers_[id];
  computed_ += now() - worker.since;
  worker.phase = Phase::sending;
  worker.since = now();
  worker.candidates.clear();
  worker.delivered.clear();
  if (counts_computed_) count_round(worker);
  if (settings_.free_communication) {
    complete_multicast(id);
  } else {
    plan_for(id);
  }
}

void OnlineRun::plan_for(std::uint32_t ready) {
  for (std::uint32_t j = 0; j < workers_.size(); ++j) {
    if (j == ready) continue;
    const std::uint32_t age = ages_.age({WorkerId(ready), WorkerId(j)});
    const bool required = settings_.max_age && age >= *settings_.max_age;
    workers_[ready].candidates.push_back({WorkerIndex(j), age, settings_.volume, required});
  }
  expect_slowest();
  collect_tasks(ready);
  carry_out(planner_->plan({.multicast = settings_.multicast,
                            .keep_fraction = settings_.keep_fraction,
                            .uplink = bandwidth_.uplink(),
                            .downlink = bandwidth_.downlink(),
                            .tasks = tasks_}),
            ready);
}

// All that run, if the planner plans them, and the ready one.
void OnlineRun::collect_tasks(std::uint32_t ready) {
  tasks_.clear();
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    if (i == ready) {
      add_task(i, wait_of(i));
    } else if (planner_->plans_running() && workers_[i].phase == Phase::sending) {
      deliveries_.read_remaining(WorkerIndex(i), workers_[i].candidates);
      add_task(i, wait_of(i));
    }
  }
}

void OnlineRun::add_task(std::uint32_t id, Duration wait) {
  const Worker& worker = workers_[id];
  tasks_.push_back({.sender = WorkerIndex(id),
                    .wait = wait,
                    .volume = settings_.volume,
                    .needed = min_receivers_ - static_cast<int>(worker.delivered.size()),
                    .candidates = worker.candidates});
}

// Of the workers that hold the others up, the two expected to complete last: a worker does not wait for itself.
void OnlineRun::expect_slowest() {
  slowest_ = {};
  second_slowest_ = Duration();
  if (!planner_->plans_running()) return;
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].rounds != least_rounds_) continue;
    const Duration rest = expected_rest(workers_[i], i);
    if (rest > slowest_.rest) {
      second_slowest_ = slowest_.rest;
      slowest_ = {rest, i};
    } else {
      second_slowest_ = std::max(second_slowest_, rest);
    }
  }
}

// Until `worker` has one more round that counts.
Duration OnlineRun::expected_rest(const Worker& worker, std::uint32_t id) const {
  const Duration mean = settings_.compute.mean();
  if (worker.phase == Phase::computing) {
    const Duration computing = std::max(Duration(), mean - (now() - worker.since));
    return counts_computed_ ? computing : computing + worker.last_multicast;
  }
  Duration sending = worker.last_multicast;  // if it is ready, or its rate not known yet
  if (deliveries_.is_sending(WorkerIndex(id))) {
    const Duration rest = deliveries_.time_left(WorkerIndex(id));
    if (rest < Duration::infinite()) sending = rest;
  }
  return counts_computed_ ? sending + mean : sending;
}

Duration OnlineRun::wait_of(std::uint32_t worker) const {
  const std::uint64_t rounds = workers_[worker].rounds + (counts_computed_ ? 0 : 1);  // when it is complete
  if (rounds - least_rounds_ <= most_ahead_) return {};
  return worker == slowest_.worker ? second_slowest_ : slowest_.rest;
}

void OnlineRun::carry_out(std::span<const plan::Verdict> verdicts, std::uint32_t ready) {
  const plan::Verdict* verdict = verdicts.data();
  for (const plan::SspTask& task : tasks_) {
    const std::uint32_t id = task.sender.value();
    std::erase_if(workers_[id].candidates, [&](const plan::SspCandidate& candidate) {
      if ((verdict++)->has_value()) return false;
      if (id != ready) {
        deliveries_.drop({task.sender, candidate.receiver});
        ++outcome_.dropped;
      }
      return true;
    });
  }
  // Only now, when all that is dropped is gone.
  if (!workers_[ready].candidates.empty()) start_multicast(ready);
  for (const plan::SspTask& task : tasks_) {
    if (workers_[position(task.sender)].candidates.empty()) complete_multicast(task.sender.value());
  }
}

void OnlineRun::start_multicast(std::uint32_t id) {
  receivers_.clear();
  for (const plan::SspCandidate& candidate : workers_[id].candidates)
    receivers_.push_back(candidate.receiver);
  NewMulticast multicast{workers_[id].rounds, started_++, settings_.volume, Duration::seconds(1)};
  if (settings_.sharing == Sharing::reserved) multicast.planned = time_of_loads(id);
  deliveries_.start(WorkerIndex(id), settings_.volume, receivers_,
                    claim_of(settings_.sharing, multicast, settings_.bandwidth.nominal));
}

// t_i of simulation.h.
Duration OnlineRun::time_of_loads(std::uint32_t id) const {
  const auto receivers = static_cast<std::int64_t>(workers_[id].candidates.size());
  const bool network = settings_.multicast == plan::MulticastKind::network;
  Duration longest = (network ? 1 : receivers) * settings_.volume / bandwidth_.uplink()[id];
  std::vector<Bytes> loads(workers_.size());
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].phase != Phase::sending) continue;
    for (const plan::SspCandidate& candidate : workers_[i].candidates)
      loads[position(candidate.receiver)] += candidate.remaining;
  }
  for (const plan::SspCandidate& candidate : workers_[id].candidates) {
    const std::size_t j = position(candidate.receiver);
    longest = std::max(longest, loads[j] / bandwidth_.downlink()[j]);
  }
  return longest;
}

void OnlineRun::complete_multicast(std::uint32_t id) {
  Worker& worker = workers_[id];
  ages_.complete(WorkerId(id), worker.delivered);
  ++outcome_.multicasts;
  outcome_.deliveries += worker.delivered.size();
  worker.last_multicast = now() - worker.since;
  worker.phase = Phase::waiting;
  worker.since = now();
  if (!counts_computed_) count_round(worker);
  if (worker.phase == Phase::waiting && may_go_on(worker)) start_computing(id);
}

void OnlineRun::count_round(Worker& worker) {
  if (worker.rounds++ == least_rounds_) --at_least_rounds_;
  if (at_least_rounds_ == 0) let_go_on();
}

// The slowest has completed a round: all that waited for it may go on.
void OnlineRun::let_go_on() {
  least_rounds_ = std::ranges::min_element(workers_, {}, &Worker::rounds)->rounds;
  at_least_rounds_ = static_cast<std::size_t>(std::ranges::count(workers_, least_rounds_, &Worker::rounds));
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].phase == Phase::waiting && may_go_on(workers_[i])) start_computing(i);
  }
}

void OnlineRun::start_computing(std::uint32_t id) {
  Worker& worker = workers_[id];
  worker.phase = Phase::computing;
  worker.since = now();
  computing_.push_back({now() + settings_.compute.draw(worker.compute_rng), id});
  std::ranges::push_heap(computing_, std::greater{});
}

Outcome OnlineRun::outcome() const {
  Outcome outcome = outcome_;
  Duration computed = computed_;
  for (const Worker& worker : workers_) {
    if (worker.phase == Phase::computing) computed += horizon_ - worker.since;
  }
  const auto n = static_cast<double>(workers_.size());
  outcome.npu_utilization = computed / settings_.horizon / n;
  if (outcome.multicasts > 0) {
    const double reached = static_cast<double>(outcome.deliveries) / static_cast<double>(outcome.multicasts);
    outcome.multicast_scale = reached / n;
  }
  outcome.rounds = outcome.multicasts / workers_.size();
  return outcome;
}

}  // namespace

Outcome simulate_online(const Settings& settings, std::uint64_t seed) {
  return OnlineRun(settings, seed).run();
}

}  // namespace selmcast::sim
