#include "selmcast/sync/online_rounds.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr double kBlendOfComputing = 0.3;

OnlineSettings machine_settings(const RoundSettings& common, const OnlineChoice& choice) {
  return {.multicast = common.multicast,
          .min_receivers = common.min_receivers,
          .max_age = common.max_age,
          .age_start = common.age_start,
          .staleness = choice.staleness,
          .staleness_rule = StalenessRule::completed,
          .keep_fraction = choice.keep_fraction,
          .sharing = choice.sharing,
          .overlap = choice.overlap};
}

std::unique_ptr<OnlinePolicy> policy_of(const RoundSettings& common, const OnlineChoice& choice) {
  auto policy = make_online_policy(choice.policy, Rng(common.seed), choice.width);
  SELMCAST_CHECK(policy != nullptr, "the name of a policy is checked where it comes in");
  return policy;
}

// With offsets from Instant(); none, if the delivery took longer than can be.
Progress progress_since_zero(const TrainingMachine::Delivery& delivery, Instant issued, Duration finished) {
  Progress progress;
  if (finished < delivery.finished) return progress;
  for (const Duration mark : delivery.progress) progress.push_back(issued - Instant() + mark);
  return progress;
}

}  // namespace

OnlineRounds::OnlineRounds(const RoundSettings& common, const OnlineChoice& choice)
    : common_(common),
      choice_(choice),
      machine_(machine_settings(common, choice), policy_of(common, choice)),
      patience_({common.delivery_patience_min, common.delivery_patience_factor}),
      meetings_(common.max_age) {}

Promises OnlineRounds::kept() const {
  Promises promises = promises_;
  promises.widest_gap = meetings_.widest_gap();
  promises.gaps_broken = meetings_.broken();
  return promises;
}

void OnlineRounds::set_multicast(plan::MulticastKind kind, std::vector<WorkerPair> unreached) {
  SELMCAST_CHECK(unreached.empty(), "without rounds in common a multicast reaches all or is none");
  SELMCAST_CHECK(kind != plan::MulticastKind::relay, "there is no relay without rounds in common");
  common_.multicast = kind;
  machine_.set_multicast(kind);
}

// ---- events ------------------------------------------------------------------------------------------------

OnlineRounds::Life& OnlineRounds::take_in(WorkerId worker, const Member& member, Instant now) {
  estimator_.join(worker, member.declared_uplink, member.declared_downlink);
  set_bandwidth(worker);
  meetings_.join(worker);
  Life& life = lives_[worker];
  life.member = member;
  life.computing_since = now;
  life.expected_computing = Duration::seconds(1);  // until one was measured
  return life;
}

void OnlineRounds::join(WorkerId worker, const Member& member, Instant now) {
  machine_.join(index(worker), machine_member(take_in(worker, member, now)), now);
}

Actions OnlineRounds::leave(WorkerId worker, const std::string& why, Instant now) {
  if (!lives_.contains(worker)) return {};
  network_.advance(now);
  Consequences c;
  const bool was_sending = machine_.workers()[worker.value()].sending;
  carry_out(machine_.leave(index(worker), now), to_string(worker) + " left: " + why, false, now, c);
  if (was_sending) multicast_over(worker, false, now, c);
  lives_.erase(worker);
  guests_.erase(worker);
  outages_.leave(worker);
  liars_.leave(worker);
  meetings_.leave(worker);
  estimator_.leave(worker);
  return finish(std::move(c), now);
}

Result<Actions> OnlineRounds::ready(WorkerId worker, Round round, Instant now) {
  SELMCAST_CHECK(lives_.contains(worker), "only members report ready");
  const OnlineWorker& state = machine_.workers()[worker.value()];
  if (!state.computing || round.value() != state.computed) {
    return failure(ErrorCode::protocol, "reported ready for round " + std::to_string(round.value()) +
                                            (state.computing ? " while it computes round "
                                                             : " before it was let go on to round ") +
                                            std::to_string(state.computed));
  }
  network_.advance(now);
  Life& life = lives_.at(worker);
  life.ready = now;
  ++life.computed;
  expect_computing(worker, now - life.computing_since);
  if (!state.sending) begin_multicast(worker, now);
  look_at_outages(worker, now);
  return finish(planned_for(worker, machine_.computed(index(worker), network_, now), now), now);
}

void OnlineRounds::begin_multicast(WorkerId worker, Instant now) {
  Life& life = lives_.at(worker);
  life.multicast = {.worker = worker,
                    .round = Round(life.completed),
                    .computing_since = life.computing_since,
                    .ready = life.ready,
                    .planned = now,
                    .predicted = {},
                    .transfers = {}};
  for (const Resting& rest : outages_.resting(now)) {
    if (rest.pair.sender != worker) continue;
    life.multicast.resting.push_back(rest);
    meetings_.excuse(rest.pair);
  }
  if (choice_.overlap) life.waiting_since = now;
}

OnlineRounds::Consequences OnlineRounds::planned_for(WorkerId worker, Machine machine, Instant now) {
  Consequences c;
  c.plan.round = Round(lives_.at(worker).computed - 1);
  const std::string why = "dropped: the links are needed for the multicast of " + to_string(worker);
  carry_out(machine, why, true, now, c);
  return c;
}

void OnlineRounds::expect_computing(WorkerId worker, Duration took) {
  Life& life = lives_.at(worker);
  life.expected_computing =
      life.timed ? life.expected_computing + (took - life.expected_computing) * kBlendOfComputing : took;
  life.timed = true;
  machine_.expect_computing(index(worker), life.expected_computing);
}

Result<std::optional<TransferId>> OnlineRounds::open(WorkerId worker, TransferId transfer) const {
  if (transfer.value() == 0 || transfer.value() > transfers_issued_)
    return failure(ErrorCode::protocol, "reported a transfer that was never planned");
  const auto found = running_.find(transfer);
  if (found == running_.end()) return std::nullopt;  // settled: a late report
  const Transfer& known = found->second.transfer;
  if (known.sender != worker && known.receiver != worker)
    return failure(ErrorCode::protocol, "reported a transfer between others");
  return transfer;
}

Result<Actions> OnlineRounds::delivered(WorkerId receiver, const Delivery& delivery, Instant now) {
  const auto is_open = open(receiver, delivery.transfer);
  if (!is_open) return std::unexpected(is_open.error());
  if (!*is_open) return Actions{};
  const Running running = running_.at(delivery.transfer);
  const Transfer& transfer = running.transfer;
  if (transfer.receiver != receiver)
    return failure(ErrorCode::protocol, "reported another worker's delivery");
  if (transfer.bytes != delivery.bytes)
    return failure(ErrorCode::protocol, "reported a delivery of another size");
  network_.advance(now);
  const auto [started, finished] =
      liars_.hear(receiver, {delivery.started, delivery.finished}, now - running.issued);
  if (liars_.is_disbelieved(receiver)) estimator_.disbelieve(receiver);
  learning_.delivered({.sender = transfer.sender,
                       .receiver = receiver,
                       .bytes = transfer.bytes,
                       .started = running.issued - Instant() + started,
                       .finished = running.issued - Instant() + finished,
                       .allocated = transfer.allocated,
                       .paced = Rate::unlimited(),
                       .progress = progress_since_zero(delivery, running.issued, finished),
                       .alone = running.slow_alone,
                       .ack_load = delivery.ack_load},
                      running.paces);
  Consequences c;
  c.first.push_back(TransferCommitted{transfer});
  settle(transfer.id,
         {.transfer = transfer, .committed = true, .why = {}, .started = started, .finished = finished}, now);
  if (const auto guest = guests_.find(receiver); guest != guests_.end())
    guest->second.from.insert(transfer.sender);
  outages_.delivered({transfer.sender, receiver});
  const plan::Pair pair{index(transfer.sender), index(receiver)};
  carry_out(machine_.delivered(std::span(&pair, 1), now), "", false, now, c);
  return finish(std::move(c), now);
}

Result<Actions> OnlineRounds::failed(WorkerId worker, const Failure& failure, Instant now) {
  const auto is_open = open(worker, failure.transfer);
  if (!is_open) return std::unexpected(is_open.error());
  if (!*is_open) return Actions{};
  network_.advance(now);
  Consequences c;
  const Transfer& transfer = running_.at(failure.transfer).transfer;
  outages_.failed({transfer.sender, transfer.receiver}, now);
  fail(failure.transfer, failure.why, now, c);
  return finish(std::move(c), now);
}

Result<Actions> OnlineRounds::slow(WorkerId sender, const SlowTransfer& slow, Instant /*now*/) {
  const auto is_open = open(sender, slow.transfer);
  if (!is_open) return std::unexpected(is_open.error());
  if (!*is_open) return Actions{};
  Running& running = running_.at(slow.transfer);
  if (running.transfer.sender != sender)
    return failure(ErrorCode::protocol, "reported a transfer that others send");
  running.slow_alone = running.slow_alone || slow.alone;
  return Actions{};
}

void OnlineRounds::fail(TransferId id, const std::string& why, Instant now, Consequences& c, bool late) {
  const Running& running = running_.at(id);
  const Transfer transfer = running.transfer;
  if (running.required) meetings_.excuse({transfer.sender, transfer.receiver});
  if (const auto guest = guests_.find(transfer.receiver); guest != guests_.end()) {
    ++guest->second.failures;
    guest->second.last_failure = why;
  }
  c.first.push_back(TransferCancelled{transfer, why});
  settle(id,
         {.transfer = transfer, .committed = false, .why = why, .started = {}, .finished = {}, .late = late},
         now);
  carry_out(machine_.failed({index(transfer.sender), index(transfer.receiver)}, now), "", false, now, c);
}

// ---- what the machine decided ------------------------------------------------------------------------------

void OnlineRounds::carry_out(Machine machine, const std::string& why, bool dropped, Instant now,
                             Consequences& c) {
  for (const OnlineAction& action : machine) {
    switch (action.kind) {
      case OnlineAction::Kind::drop: {
        const TransferId transfer = transfer_of_.at({action.worker, action.receiver});
        const Transfer known = running_.at(transfer).transfer;
        c.first.push_back(TransferCancelled{known, why});
        settle(transfer,
               {.transfer = known,
                .committed = false,
                .why = why,
                .started = {},
                .finished = {},
                .dropped = dropped},
               now);
        break;
      }
      case OnlineAction::Kind::start: start(action, now, c); break;
      case OnlineAction::Kind::claim:
        network_.set_claim(action.worker, action.claim);
        network_.set_limit(action.worker, action.limit);
        break;
      case OnlineAction::Kind::complete: multicast_over(id(action.worker), true, now, c); break;
      case OnlineAction::Kind::go_on: go_on(id(action.worker), now, c); break;
    }
  }
}

void OnlineRounds::start(const OnlineAction& action, Instant now, Consequences& c) {
  const WorkerIndex sender = action.worker;
  network_.set_limit(sender, action.limit);
  const Bytes volume = lives_.at(id(sender)).member.volume;
  c.plan.multicast = common_.multicast;
  std::vector<WorkerIndex> together;
  for (const plan::SspCandidate& candidate : machine_.receivers(sender)) {
    const plan::Pair pair{sender, candidate.receiver};
    Running running;
    running.transfer = {TransferId(++transfers_issued_),
                        id(sender),
                        id(pair.receiver),
                        volume,
                        Rate(),
                        Rate::unlimited(),
                        candidate.required ? plan::Reason::required : candidate.reason};
    running.required = candidate.required;
    running.issued = now;
    running.burst = common_.bursts && !one_copy() ? burst_of(running.transfer) : 1;
    one_copy() ? together.push_back(pair.receiver) : network_.start(pair, volume, action.claim);
    transfer_of_[pair] = running.transfer.id;
    c.fresh.push_back(running.transfer.id);
    running_.emplace(running.transfer.id, std::move(running));
  }
  if (!together.empty()) network_.start_together(sender, together, volume, action.claim);
}

void OnlineRounds::settle(TransferId transfer, Settled settled, Instant now) {
  const auto found = running_.find(transfer);
  SELMCAST_CHECK(found != running_.end(), "a transfer is settled once");
  const plan::Pair pair{index(settled.transfer.sender), index(settled.transfer.receiver)};
  network_.stop(pair);
  transfer_of_.erase(pair);
  running_.erase(found);
  settled.at = now;
  lives_.at(settled.transfer.sender).multicast.transfers.push_back(std::move(settled));
}

void OnlineRounds::multicast_over(WorkerId worker, bool complete, Instant now, Consequences& c) {
  Life& life = lives_.at(worker);
  MulticastEnded ended = std::exchange(life.multicast, {});
  ended.complete = complete;
  std::ranges::sort(ended.transfers, {}, [](const Settled& s) { return s.transfer.receiver; });
  for (const Settled& settled : ended.transfers) {
    if (settled.committed && lives_.contains(settled.transfer.receiver))
      meetings_.met({worker, settled.transfer.receiver});
  }
  if (complete) {
    observe_patience(ended);
    if (!choice_.overlap) life.waiting_since = now;
    ++life.completed;
    meetings_.multicast_completed(worker);
    if (learning_.multicast_completed(lives_.size())) learn(c);
  }
  ended.oldest_age = machine_.ages().oldest();
  ended.promises = kept();
  c.then.push_back(std::move(ended));
}

void OnlineRounds::learn(Consequences& c) {
  learning_.look(estimator_, one_copy());
  Learnt learnt;
  for (const auto& [worker, life] : lives_) {
    const Estimate estimate{worker, estimator_.uplink(worker), estimator_.downlink(worker)};
    set_bandwidth(worker);
    learnt.estimates.push_back(estimate);
    liars_.look({worker, life.member.declared_uplink, life.member.declared_downlink, estimate.uplink,
                 estimate.downlink});
  }
  c.then.push_back(std::move(learnt));
  for (Doubted& doubted : liars_.named()) c.then.push_back(std::move(doubted));
}

void OnlineRounds::go_on(WorkerId worker, Instant now, Consequences& c) {
  Life& life = lives_.at(worker);
  WentOn went{.worker = worker,
              .done = Round(life.computed - 1),
              .waited = now - life.waiting_since,
              .lead = life.computed - least_completed(),
              .members = machine_.present()};
  life.computing_since = now;
  promises_.widest_lead = std::max(promises_.widest_lead, went.lead);
  if (choice_.staleness && went.lead > *choice_.staleness) ++promises_.leads_broken;
  c.then.push_back(std::move(went));
}

std::uint64_t OnlineRounds::least_completed() const {
  std::uint64_t least = UINT64_MAX;
  for (const auto& [worker, life] : lives_) {
    const OnlineWorker& state = machine_.workers()[worker.value()];
    if (state.present && !state.guest) least = std::min(least, life.completed);
  }
  return least;
}

Actions OnlineRounds::finish(Consequences c, Instant now) {
  enter_if_caught_up(now, c);
  Actions actions;
  append(std::move(c), now, actions);
  turn_away_in_vain(now, actions);
  while (const auto held = machine_.unplanned()) {
    const WorkerId worker = id(*held);
    begin_multicast(worker, now);
    look_at_outages(worker, now);
    append(planned_for(worker, machine_.plan(*held, network_, now), now), now, actions);
  }
  return actions;
}

void OnlineRounds::append(Consequences c, Instant now, Actions& actions) {
  set_rates(now, c);
  std::ranges::move(c.first, std::back_inserter(actions));
  if (!c.plan.started.empty() || !c.plan.new_rates.empty()) {
    c.plan.number = ++plans_issued_;
    actions.push_back(std::move(c.plan));
  }
  std::ranges::move(c.then, std::back_inserter(actions));
}

}  // namespace selmcast::sync
