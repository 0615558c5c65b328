#include "selmcast/sim/bsp.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/plan/planner.h"
#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/deliveries.h"
#include "selmcast/sim/observer.h"
#include "selmcast/sim/recorded.h"
#include "selmcast/sim/run_bounds.h"
#include "selmcast/sim/streams.h"
#include "selmcast/sync/age_table.h"
#include "selmcast/sync/sharing.h"

namespace selmcast::sim {
namespace {

WorkerId id_of(WorkerIndex worker) { return WorkerId(worker.value()); }

struct Worker {
  explicit Worker(Rng rng) : compute_rng(rng) {}
  Rng compute_rng;
  std::uint64_t computations = 0;  // begun
  double factor = 1;               // of its computing times
  bool member = false;             // of this round
  bool comes = false;              // when the next round starts
  bool leaves = false;             // when this one ends
  bool dead = false;               // and nobody knows
  Instant joined;                  // or said that it comes
  Instant ready;                   // its computation is over; if it is a member
  Instant sent;                    // its multicast is complete
  std::uint64_t round = 0;
  std::vector<WorkerId> reached;
};

class BspRun {
 public:
  BspRun(const Settings& settings, std::uint64_t seed, Observer* observer);
  Outcome run();

 private:
  // The steps of a round. All of these return false when the horizon comes first.
  bool compute();
  bool communicate();
  void start_computing();
  bool wait_for_computations();
  bool wait_for_deliveries();
  bool step_to(Instant time);

  void cluster_event(const ClusterEvent& event);
  void stop_dead(std::uint32_t worker);
  void take_out(std::uint32_t worker);
  void change_members();
  void count_computing(std::uint32_t worker, Instant until);

  void make_problem();
  void add_pairs();
  int min_receivers_of(std::size_t member) const;
  void start(const plan::Plan& plan);
  void delivered(std::span<const plan::Pair> ended);
  void complete();
  void tell(std::uint32_t worker, Activity activity, Instant from, Instant to);
  void tell_sending(std::uint32_t worker, Instant to);
  Outcome outcome() const;
  Instant now() const { return deliveries_.now(); }
  bool up(const Rate& rate) const { return rate.bps() > 0; }

  const Settings& settings_;
  Observer* observer_;
  const plan::Planner& planner_;
  Instant horizon_;
  Bandwidth bandwidth_;
  Deliveries deliveries_;
  sync::AgeTable ages_;
  Rng planner_rng_;
  std::vector<Worker> workers_;
  std::vector<std::uint32_t> members_;    // workers of this round, ascending
  std::vector<WorkerIndex> position_of_;  // of a worker among members_
  std::span<const ClusterEvent> events_;  // still to come
  struct Crash {
    Instant noticed;
    std::uint32_t worker = 0;
  };
  std::deque<Crash> crashes_;  // not noticed yet, by time
  plan::Problem problem_;      // of members_
  std::uint64_t started_ = 0;
  Instant round_start_;
  Instant sending_start_;
  bool sending_ = false;
  Duration computed_;  // by all workers
  Duration present_;   // of those that are out
  Duration sent_;      // sum of the completed rounds' times
  Outcome outcome_;
};

BspRun::BspRun(const Settings& settings, std::uint64_t seed, Observer* observer)
    : settings_(settings),
      observer_(observer),
      planner_(*plan::find_planner(settings.planner)),
      horizon_(Instant() + settings.horizon),
      bandwidth_(settings.bandwidth, settings.workers, bandwidth_stream(seed), settings.bandwidth_trace),
      deliveries_(settings.multicast, bandwidth_.uplink(), bandwidth_.downlink()),
      ages_(settings.max_age.value_or(UINT32_MAX), settings.age_start),
      planner_rng_(planner_stream(seed)),
      position_of_(settings.workers),
      events_(settings.events) {
  const std::vector<bool> present = present_at_start(settings);
  for (std::uint32_t i = 0; i < settings.workers; ++i) {
    workers_.emplace_back(compute_stream(seed, i));
    workers_.back().comes = present[i];
  }
  for (; !events_.empty() && events_.front().time == Instant(); events_ = events_.subspan(1))
    cluster_event(events_.front());
  problem_.multicast = settings.multicast;
}

Outcome BspRun::run() {
  while (compute() && communicate()) {
  }
  return outcome();
}

// ---- a round -----------------------------------------------------------------------------------------------

bool BspRun::compute() {
  start_computing();
  const bool in_time = wait_for_computations();
  for (const std::uint32_t i : members_) {
    if (!workers_[i].dead) count_computing(i, std::min(workers_[i].ready, horizon_));
  }
  return in_time;
}

void BspRun::start_computing() {
  change_members();
  round_start_ = now();
  for (const std::uint32_t i : members_) {
    Worker& worker = workers_[i];
    worker.ready =
        now() + computing_time(settings_, i, worker.computations++, worker.compute_rng, worker.factor);
  }
}

bool BspRun::wait_for_computations() {
  for (;;) {
    Instant end = members_.empty() ? Instant::never() : now();
    for (const std::uint32_t i : members_)
      end = std::max(end, workers_[i].dead ? Instant::never() : workers_[i].ready);
    if (end <= now()) return true;
    if (!step_to(end)) return false;
    if (members_.empty()) start_computing();  // all were gone; somebody may have come
  }
}

void BspRun::count_computing(std::uint32_t worker, Instant until) {
  computed_ += until - round_start_;
  if (until < horizon_) ++outcome_.events;
  tell(worker, Activity::computing, round_start_, until);
  if (until < now()) tell(worker, Activity::waiting, until, now());
}

bool BspRun::communicate() {
  sending_start_ = now();
  sending_ = true;
  if (!settings_.free_communication) {
    make_problem();
    plan::Outcome planned = planner_.plan(problem_, planner_rng_);
    SELMCAST_CHECK(std::holds_alternative<plan::Planned>(planned),
                   "of what is up, any selection can be carried");
    start(std::get<plan::Planned>(planned).plan);
    if (!wait_for_deliveries()) {
      for (const std::uint32_t i : members_) {
        if (!workers_[i].dead) tell_sending(i, horizon_);
      }
      return false;
    }
    complete();
  }
  sending_ = false;
  // Of a round whose workers all died in it nobody would know that it is over.
  if (std::ranges::all_of(members_, [&](std::uint32_t i) { return workers_[i].dead; })) return true;
  sent_ += now() - sending_start_;
  ++outcome_.rounds;
  return true;
}

bool BspRun::wait_for_deliveries() {
  const auto any_runs = [&] {
    return std::ranges::any_of(members_,
                               [&](std::uint32_t i) { return deliveries_.is_sending(WorkerIndex(i)); });
  };
  while (any_runs()) {
    if (!step_to(deliveries_.next_end())) return false;
  }
  return true;
}

// To `time`, or to what happens before it.
bool BspRun::step_to(Instant time) {
  Instant next = std::min({time, bandwidth_.next_change(), horizon_});
  if (!events_.empty()) next = std::min(next, events_.front().time);
  if (!crashes_.empty()) next = std::min(next, crashes_.front().noticed);
  delivered(deliveries_.advance(next));
  if (next == bandwidth_.next_change()) {
    bandwidth_.change();
    deliveries_.set_bandwidth(bandwidth_.uplink(), bandwidth_.downlink());
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
      if (workers_[i].dead) deliveries_.set_bandwidth(WorkerIndex(i), Rate(), Rate());
    }
    ++outcome_.events;
  }
  while (!crashes_.empty() && crashes_.front().noticed <= next) {
    const std::uint32_t worker = crashes_.front().worker;
    crashes_.pop_front();
    take_out(worker);
  }
  for (; !events_.empty() && events_.front().time <= next; events_ = events_.subspan(1))
    cluster_event(events_.front());
  return next < horizon_;
}

void BspRun::delivered(std::span<const plan::Pair> ended) {
  outcome_.events += ended.size();
  for (const plan::Pair pair : ended) {
    Worker& sender = workers_[position(pair.sender)];
    sender.reached.push_back(id_of(pair.receiver));
    sender.sent = now();
    if (observer_ != nullptr) observer_->delivery(pair, {sending_start_, now()}, DeliveryEnd::delivered);
  }
}

void BspRun::complete() {
  for (const std::uint32_t i : members_) {
    if (workers_[i].dead) continue;  // it was told, and will be out
    tell_sending(i, now());
    ages_.complete(WorkerId(i), workers_[i].reached);
    outcome_.deliveries += workers_[i].reached.size();
    ++outcome_.multicasts;
    ++workers_[i].round;
  }
}

// ---- planning ----------------------------------------------------------------------------------------------

void BspRun::make_problem() {
  problem_.workers.clear();
  for (const std::uint32_t i : members_) {
    position_of_[i] = WorkerIndex(static_cast<std::uint32_t>(problem_.workers.size()));
    plan::WorkerSpec worker;
    worker.name = to_string(WorkerId(i));
    worker.volume = settings_.volume;
    worker.uplink = bandwidth_.uplink()[i];
    worker.downlink = bandwidth_.downlink()[i];
    problem_.workers.push_back(worker);
  }
  for (std::size_t k = 0; k < members_.size(); ++k) problem_.workers[k].min_receivers = min_receivers_of(k);
  add_pairs();
}

// As many as are wanted, or as there are links that are up.
int BspRun::min_receivers_of(std::size_t member) const {
  if (!up(problem_.workers[member].uplink)) return 0;
  int others = up(problem_.workers[member].downlink) ? -1 : 0;
  for (const plan::WorkerSpec& worker : problem_.workers) others += up(worker.downlink) ? 1 : 0;
  return std::min(settings_.min_receivers.of(members_.size()), others);
}

void BspRun::add_pairs() {
  problem_.required.clear();
  problem_.ages.clear();
  for (const sync::WorkerPair& pair : ages_.required()) {
    const plan::Pair of_members{position_of_[pair.sender.value()], position_of_[pair.receiver.value()]};
    if (up(problem_.workers[position(of_members.sender)].uplink) &&
        up(problem_.workers[position(of_members.receiver)].downlink))
      problem_.required.push_back(of_members);
  }
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    for (std::uint32_t j = 0; j < members_.size(); ++j) {
      const std::uint32_t age = i == j ? 0 : ages_.age({WorkerId(members_[i]), WorkerId(members_[j])});
      if (age > 0) problem_.ages.push_back({{WorkerIndex(i), WorkerIndex(j)}, age});
    }
  }
}

void BspRun::start(const plan::Plan& plan) {
  const plan::LinkTimes times = plan::link_times(problem_, plan);
  const bool relay = settings_.multicast == plan::MulticastKind::relay;
  std::vector<WorkerIndex> receivers, parents;
  for (std::uint32_t k = 0; k < problem_.size(); ++k) {
    Worker& sender = workers_[members_[k]];
    sender.reached.clear();
    sender.sent = now();
    receivers.clear();
    Duration planned = times.uplink[k];
    parents.clear();
    for (std::size_t s = 0; s < plan.selections[k].size(); ++s) {
      const plan::Selection& selection = plan.selections[k][s];
      if (relay) {
        parents.push_back(WorkerIndex(members_[position(plan.parents[k][s])]));
        planned = std::max(planned, times.uplink[position(plan.parents[k][s])]);
      }
      receivers.push_back(WorkerIndex(members_[position(selection.receiver)]));
      planned = std::max(planned, times.downlink[position(selection.receiver)]);
    }
    if (receivers.empty()) continue;
    const sync::NewMulticast multicast{outcome_.rounds, started_++, settings_.volume, planned};
    const maxmin::Claim claim = sync::claim_of(settings_.sharing, multicast, settings_.bandwidth.nominal);
    if (relay) {
      deliveries_.start_relayed(WorkerIndex(members_[k]), settings_.volume, receivers, parents, claim);
    } else {
      deliveries_.start(WorkerIndex(members_[k]), settings_.volume, receivers, claim);
    }
  }
}

// ---- workers that come and go ------------------------------------------------------------------------------

void BspRun::cluster_event(const ClusterEvent& event) {
  if (event.time > Instant()) ++outcome_.events;
  Worker& worker = workers_[event.worker];
  switch (event.kind) {
    case ClusterEvent::Kind::slow: worker.factor = event.factor; break;
    case ClusterEvent::Kind::join:
      if (worker.dead) {
        std::erase_if(crashes_, [&](const Crash& crash) { return crash.worker == event.worker; });
        take_out(event.worker);
      }
      worker.comes = true;
      if (!worker.leaves) worker.joined = event.time;
      break;
    case ClusterEvent::Kind::leave:
      worker.comes = false;
      worker.leaves = true;
      if (!worker.member) take_out(event.worker);
      break;
    case ClusterEvent::Kind::crash: stop_dead(event.worker); break;
  }
}

// It computes no more, and its links carry nothing; nobody knows.
void BspRun::stop_dead(std::uint32_t index) {
  Worker& worker = workers_[index];
  worker.comes = worker.leaves = false;
  if (!worker.member) {  // it never came, or came after this round had started
    take_out(index);
    return;
  }
  if (sending_) {
    tell_sending(index, now());
  } else {
    count_computing(index, std::min(worker.ready, now()));
  }
  present_ += now() - worker.joined;
  worker.dead = true;
  crashes_.push_back({now() + settings_.detection, index});
  deliveries_.set_bandwidth(WorkerIndex(index), Rate(), Rate());
}

// All that it sends or receives is dropped.
void BspRun::take_out(std::uint32_t index) {
  Worker& worker = workers_[index];
  const WorkerIndex gone(index);
  deliveries_.stop_forwarding(gone);
  for (const std::uint32_t i : members_) {
    const std::vector<WorkerIndex> receivers = deliveries_.receivers(WorkerIndex(i));
    for (const WorkerIndex receiver : receivers) {
      if (i != index && receiver != gone) continue;
      deliveries_.drop({WorkerIndex(i), receiver});
      ++outcome_.dropped;
      workers_[i].sent = now();
      if (observer_ != nullptr)
        observer_->delivery({WorkerIndex(i), receiver}, {sending_start_, now()}, DeliveryEnd::dropped);
    }
  }
  if (worker.dead) {
    deliveries_.set_bandwidth(gone, bandwidth_.uplink()[index], bandwidth_.downlink()[index]);
  } else {
    present_ += now() - worker.joined;
    worker.joined = now();  // if it has said since that it comes back
  }
  worker.dead = worker.leaves = false;
  if (!worker.member) return;
  worker.member = false;
  std::erase(members_, index);
  ages_.leave(WorkerId(index));
}

void BspRun::change_members() {
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = workers_[i];
    const bool is_done = !has_round(settings_, i, worker.computations);
    if ((worker.leaves || is_done) && worker.member) take_out(i);
    if (!worker.comes || worker.member || is_done) continue;
    worker.comes = false;
    worker.member = true;
    members_.insert(std::ranges::lower_bound(members_, i), i);
    ages_.join(WorkerId(i));
    if (worker.joined < now()) tell(i, Activity::waiting, worker.joined, now());
  }
}

// ---- for those who look on ---------------------------------------------------------------------------------

void BspRun::tell(std::uint32_t worker, Activity activity, Instant from, Instant to) {
  if (observer_ == nullptr || !(from < to)) return;
  const std::size_t reached = activity == Activity::sending ? workers_[worker].reached.size() : 0;
  observer_->did(WorkerIndex(worker), activity, {from, to}, workers_[worker].round, reached);
}

// What a member did since all began to send.
void BspRun::tell_sending(std::uint32_t index, Instant to) {
  const bool runs = deliveries_.is_sending(WorkerIndex(index));
  const Instant end = runs ? to : workers_[index].sent;
  tell(index, Activity::sending, sending_start_, end);
  tell(index, Activity::waiting, end, to);
  if (observer_ == nullptr || to < horizon_) return;
  for (const WorkerIndex receiver : deliveries_.receivers(WorkerIndex(index)))
    observer_->delivery({WorkerIndex(index), receiver}, {sending_start_, to}, DeliveryEnd::unfinished);
}

Outcome BspRun::outcome() const {
  Outcome outcome = outcome_;
  const auto n = static_cast<double>(workers_.size());
  Duration present = present_;
  for (const Worker& worker : workers_) {
    if ((worker.member || worker.comes) && !worker.dead) present += horizon_ - worker.joined;
  }
  if (present > Duration()) outcome.npu_utilization = computed_ / present;
  if (outcome.multicasts > 0)
    outcome.multicast_scale =
        static_cast<double>(outcome.deliveries) / static_cast<double>(outcome.multicasts) / n;
  const int p = settings_.min_receivers.of(workers_.size());
  if (outcome.rounds > 0 && p > 0) {
    const Duration unit = p * settings_.volume / settings_.bandwidth.nominal;
    outcome.completion_normalized = sent_ / unit / static_cast<double>(outcome.rounds);
  }
  outcome.multicast_scale_bound = scale_bound_of(settings_, bandwidth_, outcome.npu_utilization);
  return outcome;
}

}  // namespace

Outcome simulate_bsp(const Settings& settings, std::uint64_t seed, Observer* observer) {
  return BspRun(settings, seed, observer).run();
}

}  // namespace selmcast::sim
