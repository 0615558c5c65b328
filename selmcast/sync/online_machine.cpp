#include "selmcast/sync/online_machine.h"

#include <algorithm>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

using Kind = OnlineAction::Kind;

WorkerId id_of(WorkerIndex worker) { return WorkerId(worker.value()); }

Duration rest_of_computing(const OnlineWorker& worker, Instant now) {
  return std::max(Duration(), worker.expected_computing - (now - worker.since));
}

// How far a worker's rounds may be ahead of the least when it starts the next one.
std::uint64_t most_ahead(const OnlineSettings& settings) {
  if (!settings.staleness) return UINT64_MAX;
  return *settings.staleness - (settings.staleness_rule == StalenessRule::computed ? 1U : 0U);
}

}  // namespace

OnlineMachine::OnlineMachine(const OnlineSettings& settings, std::unique_ptr<OnlinePolicy> policy)
    : settings_(settings),
      policy_(std::move(policy)),
      most_ahead_(most_ahead(settings)),
      counts_computed_(settings.staleness_rule == StalenessRule::computed),
      ages_(settings.max_age.value_or(UINT32_MAX), settings.age_start) {}

// ---- membership --------------------------------------------------------------------------------------------

void OnlineMachine::take_in(WorkerIndex index, const OnlineMember& member, Instant now) {
  actions_.clear();
  if (position(index) >= workers_.size()) {
    workers_.resize(position(index) + 1);
    multicasts_.resize(workers_.size());
  }
  SELMCAST_CHECK(!worker_of(index).present, "a worker joins once");
  worker_of(index) = {.present = true,
                      .since = now,
                      .computed = least_rounds_,
                      .completed = least_rounds_,
                      .expected_computing = member.expected_computing,
                      .last_multicast = member.first_multicast};
  multicasts_[position(index)] = {
      .volume = member.volume, .candidates = {}, .delivered = {}, .claim = {}, .limit = {}};
  ages_.join(id_of(index));
  min_receivers_ = settings_.min_receivers.of(++present_);
}

OnlineMachine::Actions OnlineMachine::join(WorkerIndex index, const OnlineMember& member, Instant now) {
  take_in(index, member, now);
  ++at_least_rounds_;
  go_on(index, now);
  return actions_;
}

void OnlineMachine::invite(WorkerIndex index, const OnlineMember& member, std::span<const WorkerIndex> donors,
                           Instant now) {
  take_in(index, member, now);
  worker_of(index).guest = true;
  for (const WorkerIndex donor : donors) ages_.require({id_of(donor), id_of(index)});
}

void OnlineMachine::enter(WorkerIndex index, Instant now) {
  actions_.clear();
  OnlineWorker& worker = worker_of(index);
  SELMCAST_CHECK(worker.present && worker.guest, "only a guest enters");
  worker.guest = false;
  worker.computed = worker.completed = least_rounds_;
  ++at_least_rounds_;
  go_on(index, now);
  actions_.clear();  // the caller knows
}

OnlineMachine::Actions OnlineMachine::leave(WorkerIndex index, Instant now) {
  actions_.clear();
  OnlineWorker& worker = worker_of(index);
  SELMCAST_CHECK(worker.present, "only a member can leave");
  for (const plan::SspCandidate& candidate : multicasts_[position(index)].candidates)
    actions_.push_back({.kind = Kind::drop, .worker = index, .receiver = candidate.receiver, .claim = {}});
  multicasts_[position(index)].candidates.clear();
  const bool was_least = !worker.guest && rounds(worker) == least_rounds_;
  worker.present = worker.guest = worker.computing = worker.sending = worker.held = false;
  ages_.leave(id_of(index));
  min_receivers_ = settings_.min_receivers.of(--present_);
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    const plan::Pair pair{WorkerIndex(i), index};
    auto& candidates = multicasts_[i].candidates;
    if (!std::ranges::binary_search(candidates, index, {}, &plan::SspCandidate::receiver)) continue;
    actions_.push_back({.kind = Kind::drop, .worker = pair.sender, .receiver = index, .claim = {}});
    erase_receiver(pair);
    complete_if_over(pair.sender, now);
  }
  if (was_least && --at_least_rounds_ == 0) find_least(now);
  return actions_;
}

// ---- the life of a round -----------------------------------------------------------------------------------

OnlineMachine::Actions OnlineMachine::computed(WorkerIndex index, const NetworkView& network, Instant now) {
  actions_.clear();
  OnlineWorker& worker = worker_of(index);
  SELMCAST_CHECK(worker.present && worker.computing, "a worker computes before it is ready");
  const std::uint64_t before = rounds(worker);
  worker.computing = false;
  worker.held = true;
  worker.since = now;
  ++worker.computed;
  if (counts_computed_) count_round(before, now);
  if (!worker.sending) start(index, network, now);
  return actions_;
}

std::optional<WorkerIndex> OnlineMachine::unplanned() const {
  if (!settings_.overlap) return std::nullopt;
  const auto found = std::ranges::find_if(
      workers_, [](const OnlineWorker& worker) { return worker.held && !worker.sending; });
  if (found == workers_.end()) return std::nullopt;
  return WorkerIndex(static_cast<std::uint32_t>(found - workers_.begin()));
}

OnlineMachine::Actions OnlineMachine::plan(WorkerIndex index, const NetworkView& network, Instant now) {
  actions_.clear();
  OnlineWorker& worker = worker_of(index);
  SELMCAST_CHECK(worker.held && !worker.sending, "only who is held no more is planned for late");
  start(index, network, now);
  return actions_;
}

void OnlineMachine::start(WorkerIndex index, const NetworkView& network, Instant now) {
  worker_of(index).held = false;
  worker_of(index).sending = true;
  worker_of(index).sending_since = now;
  if (!policy_) return complete(index, now);
  plan_for(index, network, now);
  if (settings_.overlap) go_on_if_it_may(index, now);
}

OnlineMachine::Actions OnlineMachine::delivered(std::span<const plan::Pair> pairs, Instant now) {
  actions_.clear();
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const plan::Pair pair = pairs[k];
    erase_receiver(pair);
    multicasts_[position(pair.sender)].delivered.push_back(id_of(pair.receiver));
    const bool last_of_sender = k + 1 == pairs.size() || pairs[k + 1].sender != pair.sender;
    if (last_of_sender) complete_if_over(pair.sender, now);
  }
  return actions_;
}

OnlineMachine::Actions OnlineMachine::failed(plan::Pair pair, Instant now) {
  actions_.clear();
  erase_receiver(pair);
  complete_if_over(pair.sender, now);
  return actions_;
}

void OnlineMachine::erase_receiver(plan::Pair pair) {
  auto& candidates = multicasts_[position(pair.sender)].candidates;
  const auto found = std::ranges::lower_bound(candidates, pair.receiver, {}, &plan::SspCandidate::receiver);
  SELMCAST_CHECK(found != candidates.end() && found->receiver == pair.receiver, "only what runs can end");
  candidates.erase(found);
}

void OnlineMachine::complete_if_over(WorkerIndex worker, Instant now) {
  if (worker_of(worker).sending && multicasts_[position(worker)].candidates.empty()) complete(worker, now);
}

void OnlineMachine::complete(WorkerIndex index, Instant now) {
  OnlineWorker& worker = worker_of(index);
  act(Kind::complete, index);
  ages_.complete(id_of(index), multicasts_[position(index)].delivered);
  worker.last_multicast = now - worker.sending_since;
  worker.sending = false;
  if (!settings_.overlap) worker.since = now;
  const std::uint64_t before = rounds(worker);
  ++worker.completed;
  if (!counts_computed_) count_round(before, now);
  go_on_if_it_may(index, now);
}

void OnlineMachine::go_on_if_it_may(WorkerIndex index, Instant now) {
  if (is_waiting(worker_of(index)) && may_go_on(worker_of(index))) go_on(index, now);
}

// A worker has one round more than `before`.
void OnlineMachine::count_round(std::uint64_t before, Instant now) {
  if (before == least_rounds_ && --at_least_rounds_ == 0) find_least(now);
}

// The slowest has one more round, or has left: all that waited for it may go on.
void OnlineMachine::find_least(Instant now) {
  std::uint64_t least = UINT64_MAX;
  for (const OnlineWorker& worker : workers_) {
    if (!worker.present || worker.guest || rounds(worker) > least) continue;
    if (rounds(worker) < least) at_least_rounds_ = 0;
    least = rounds(worker);
    ++at_least_rounds_;
  }
  if (least == UINT64_MAX) return;  // nobody is left
  least_rounds_ = least;
  for (std::uint32_t i = 0; i < workers_.size(); ++i) go_on_if_it_may(WorkerIndex(i), now);
}

void OnlineMachine::go_on(WorkerIndex index, Instant now) {
  worker_of(index).computing = true;
  worker_of(index).since = now;
  act(Kind::go_on, index);
}

// ---- planning ----------------------------------------------------------------------------------------------

void OnlineMachine::plan_for(WorkerIndex ready, const NetworkView& network, Instant now) {
  collect_candidates(ready, network);
  look_at_links(network);
  expect_slowest(ready, network, now);
  collect_tasks(ready, network, now);
  const OnlineDecision decision = policy_->decide({.now = now,
                                                   .ready = ready,
                                                   .tasks = {.multicast = settings_.multicast,
                                                             .keep_fraction = settings_.keep_fraction,
                                                             .uplink = network.uplink(),
                                                             .downlink = network.downlink(),
                                                             .tasks = tasks_},
                                                   .workers = workers_,
                                                   .least_rounds = least_rounds_,
                                                   .most_ahead = most_ahead_,
                                                   .max_age = settings_.max_age});
  carry_out(decision, ready, network, now);
}

bool OnlineMachine::is_required(plan::Pair pair, std::uint32_t age, const NetworkView& network) const {
  return settings_.max_age && age >= *settings_.max_age &&
         network.uplink()[position(pair.sender)].bps() > 0 &&
         network.downlink()[position(pair.receiver)].bps() > 0;
}

// Whether pairs of running multicasts may be required again, or no more.
void OnlineMachine::look_at_links(const NetworkView& network) {
  const bool were_down = links_down_;
  const auto is_down = [](Rate rate) { return rate.bps() == 0; };
  links_down_ =
      std::ranges::any_of(network.uplink(), is_down) || std::ranges::any_of(network.downlink(), is_down);
  if (!were_down && !links_down_) return;
  for (std::uint32_t i = 0; i < multicasts_.size(); ++i) {
    for (plan::SspCandidate& candidate : multicasts_[i].candidates)
      candidate.required = is_required({WorkerIndex(i), candidate.receiver}, candidate.age, network);
  }
}

void OnlineMachine::collect_candidates(WorkerIndex ready, const NetworkView& network) {
  Multicast& multicast = multicasts_[position(ready)];
  multicast.candidates.clear();
  multicast.delivered.clear();
  for (std::uint32_t j = 0; j < workers_.size(); ++j) {
    if (!workers_[j].present || WorkerIndex(j) == ready) continue;
    if (std::ranges::binary_search(network.out(), plan::Pair{ready, WorkerIndex(j)})) continue;
    const std::uint32_t age = ages_.age({id_of(ready), WorkerId(j)});
    const bool required = is_required({ready, WorkerIndex(j)}, age, network);
    multicast.candidates.push_back({WorkerIndex(j), age, multicast.volume, required});
  }
}

// All that run, if the policy plans them, and the ready one.
void OnlineMachine::collect_tasks(WorkerIndex ready, const NetworkView& network, Instant now) {
  tasks_.clear();
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    const WorkerIndex worker(i);
    if (worker != ready) {
      if (!policy_->plans_running() || multicasts_[i].candidates.empty()) continue;
      network.read_remaining(worker, multicasts_[i].candidates);
    }
    add_task(worker, now);
  }
}

void OnlineMachine::add_task(WorkerIndex worker, Instant now) {
  const Multicast& multicast = multicasts_[position(worker)];
  tasks_.push_back({.sender = worker,
                    .wait = wait_of(worker, now),
                    .volume = multicast.volume,
                    .needed = min_receivers_ - static_cast<int>(multicast.delivered.size()),
                    .candidates = multicast.candidates});
}

// Of the workers that hold the others up, the two expected to complete last: a worker does not wait for itself.
void OnlineMachine::expect_slowest(WorkerIndex ready, const NetworkView& network, Instant now) {
  slowest_ = {};
  second_slowest_ = Duration();
  if (!policy_->plans_running()) return;
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    if (!workers_[i].present || workers_[i].guest || rounds(workers_[i]) != least_rounds_) continue;
    const Duration rest = expected_rest(WorkerIndex(i), ready, network, now);
    if (rest > slowest_.rest) {
      second_slowest_ = slowest_.rest;
      slowest_ = {rest, WorkerIndex(i)};
    } else {
      second_slowest_ = std::max(second_slowest_, rest);
    }
  }
}

// Until a worker has one more round that counts.
Duration OnlineMachine::expected_rest(WorkerIndex index, WorkerIndex ready, const NetworkView& network,
                                      Instant now) const {
  const OnlineWorker& worker = workers_[position(index)];
  const Duration computing = worker.computing ? rest_of_computing(worker, now) : Duration();
  if (counts_computed_ && worker.computing) return computing;
  Duration sending = worker.last_multicast;  // if it is ready, or its rate not known yet
  if (index != ready && worker.sending) {
    const Duration rest = network.time_left(index);
    if (rest < Duration::infinite()) sending = rest;
  }
  if (counts_computed_) return sending + worker.expected_computing;
  return worker.sending ? sending : computing + sending;
}

Duration OnlineMachine::wait_of(WorkerIndex index, Instant now) const {
  const OnlineWorker& worker = workers_[position(index)];
  if (settings_.overlap && worker.computing) return rest_of_computing(worker, now);
  if (settings_.overlap && worker.held) return {};
  const Duration computing = settings_.overlap ? worker.expected_computing : Duration();
  const std::uint64_t when_complete =
      settings_.overlap ? worker.computed : rounds(worker) + (counts_computed_ ? 0 : 1);
  if (when_complete - least_rounds_ <= most_ahead_) return computing;
  return computing + (index == slowest_.worker ? second_slowest_ : slowest_.rest);
}

// ---- carrying out ------------------------------------------------------------------------------------------

void OnlineMachine::carry_out(const OnlineDecision& decision, WorkerIndex ready, const NetworkView& network,
                              Instant now) {
  std::size_t place = 0;
  for (const plan::SspTask& task : tasks_) {
    const std::size_t candidates = task.candidates.size();
    keep_chosen(task, decision.verdicts.subspan(place, candidates), ready);
    place += candidates;
  }
  SELMCAST_CHECK(place == decision.verdicts.size(), "one verdict a candidate");
  // Only now, when all that is dropped is gone.
  for (std::size_t k = 0; k < tasks_.size(); ++k) give_right_of_way(decision, k, ready, network);
  for (const plan::SspTask& task : tasks_) complete_if_over(task.sender, now);
}

// Says what is new for a multicast that runs, and all for the one that starts.
void OnlineMachine::give_right_of_way(const OnlineDecision& decision, std::size_t task, WorkerIndex ready,
                                      const NetworkView& network) {
  const WorkerIndex sender = tasks_[task].sender;
  const bool starts = sender == ready;
  if (receivers(sender).empty() || (decision.claims.empty() && !starts)) return;
  const maxmin::Claim claim =
      decision.claims.empty() ? claim_by_sharing(ready, network) : decision.claims[task];
  const Rate limit = decision.limits.empty() ? Rate::unlimited() : decision.limits[task];
  Multicast& multicast = multicasts_[position(sender)];
  if (!starts && claim == multicast.claim && limit == multicast.limit) return;
  multicast.claim = claim;
  multicast.limit = limit;
  actions_.push_back({.kind = starts ? Kind::start : Kind::claim,
                      .worker = sender,
                      .receiver = {},
                      .claim = claim,
                      .limit = limit});
}

void OnlineMachine::keep_chosen(const plan::SspTask& task, std::span<const plan::Verdict> verdicts,
                                WorkerIndex ready) {
  auto& candidates = multicasts_[position(task.sender)].candidates;
  // Mostly all of a running multicast's are kept.
  const auto is_out = [](const plan::Verdict& verdict) { return !verdict; };
  const auto first_out = std::ranges::find_if(verdicts, is_out) - verdicts.begin();
  auto kept = candidates.begin() + first_out;
  for (auto k = static_cast<std::size_t>(first_out); k < verdicts.size(); ++k) {
    const plan::SspCandidate candidate = candidates[k];
    if (verdicts[k].has_value()) {
      *kept = candidate;
      if (task.sender == ready) kept->reason = *verdicts[k];
      ++kept;
      continue;
    }
    SELMCAST_CHECK(!candidate.required, "a required pair is selected and never dropped");
    if (task.sender != ready)
      actions_.push_back(
          {.kind = Kind::drop, .worker = task.sender, .receiver = candidate.receiver, .claim = {}});
  }
  candidates.erase(kept, candidates.end());
}

maxmin::Claim OnlineMachine::claim_by_sharing(WorkerIndex ready, const NetworkView& network) {
  NewMulticast multicast{worker_of(ready).completed, started_++, multicasts_[position(ready)].volume,
                         Duration::seconds(1)};
  if (settings_.staleness_rule == StalenessRule::computed)
    multicast.completed_rounds = worker_of(ready).computed;
  if (settings_.sharing == Sharing::reserved) multicast.planned = time_of_loads(ready, network);
  return claim_of(settings_.sharing, multicast, settings_.unit);
}

// t_i of sharing.h.
Duration OnlineMachine::time_of_loads(WorkerIndex ready, const NetworkView& network) {
  const Multicast& multicast = multicasts_[position(ready)];
  const auto receivers = static_cast<std::int64_t>(multicast.candidates.size());
  const bool one_copy = settings_.multicast == plan::MulticastKind::network;
  Duration longest = (one_copy ? 1 : receivers) * multicast.volume / network.uplink()[position(ready)];
  loads_.assign(workers_.size(), Bytes());
  for (const Multicast& running : multicasts_) {
    for (const plan::SspCandidate& candidate : running.candidates)
      loads_[position(candidate.receiver)] += candidate.remaining;
  }
  for (const plan::SspCandidate& candidate : multicast.candidates) {
    const std::size_t j = position(candidate.receiver);
    longest = std::max(longest, loads_[j] / network.downlink()[j]);
  }
  return longest;
}

}  // namespace selmcast::sync
