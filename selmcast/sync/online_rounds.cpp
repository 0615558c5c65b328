#include "selmcast/sync/online_rounds.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::sync {
namespace {

constexpr double kMaterial = 0.05;
constexpr double kSearch = 1.5;
constexpr double kRoutine = 1.25;
constexpr std::uint64_t kRoutinePeriod = 4;  // looks
// A sender that is to stand still creeps on. At 1 % of the link, TCP took six to fifteen seconds to come up again
// when it was raised (likely: its round-trip time is measured on delayed acknowledgements, and pacing follows from
// that); at 5 % one or two, at 15 % none that could be measured (six workers, strict priorities, 10 Mbit/s).
constexpr double kLeastOfLink = 0.15;
constexpr double kLatestDeadline = 4;  // times the first one
constexpr double kBlendOfComputing = 0.3;

OnlineSettings machine_settings(const RoundSettings& common, const OnlineChoice& choice) {
  return {.multicast = plan::MulticastKind::unicast,
          .min_receivers = common.min_receivers,
          .max_age = common.max_age,
          .age_start = common.age_start,
          .staleness = choice.staleness,
          .staleness_rule = StalenessRule::completed,
          .keep_fraction = choice.keep_fraction,
          .sharing = choice.sharing};
}

std::unique_ptr<OnlinePolicy> policy_of(const RoundSettings& common, const OnlineChoice& choice) {
  auto policy = make_online_policy(choice.policy, Rng(common.seed), choice.width);
  SELMCAST_CHECK(policy != nullptr, "the name of a policy is checked where it comes in");
  return policy;
}

}  // namespace

OnlineRounds::OnlineRounds(const RoundSettings& common, const OnlineChoice& choice)
    : common_(common),
      choice_(choice),
      machine_(machine_settings(common, choice), policy_of(common, choice)),
      meetings_(common.max_age) {}

Promises OnlineRounds::kept() const {
  Promises promises = promises_;
  promises.widest_gap = meetings_.widest_gap();
  promises.gaps_broken = meetings_.broken();
  return promises;
}

// ---- events ------------------------------------------------------------------------------------------------

void OnlineRounds::join(WorkerId worker, const Member& member, Instant now) {
  estimator_.join(worker, member.declared_uplink, member.declared_downlink);
  network_.set_bandwidth(index(worker), member.declared_uplink, member.declared_downlink);
  meetings_.join(worker);
  Life& life = lives_[worker];
  life.member = member;
  life.computing_since = now;
  life.expected_computing = Duration::seconds(1);  // until one was measured
  machine_.join(index(worker),
                {.volume = member.volume,
                 .expected_computing = life.expected_computing,
                 .first_multicast = member.volume / member.declared_downlink},
                now);
}

Actions OnlineRounds::leave(WorkerId worker, const std::string& why, Instant now) {
  if (!lives_.contains(worker)) return {};
  network_.advance(now);
  Consequences c;
  const bool was_sending = machine_.workers()[worker.value()].sending;
  carry_out(machine_.leave(index(worker), now), to_string(worker) + " left: " + why, false, now, c);
  if (was_sending) multicast_over(worker, false, now, c);
  lives_.erase(worker);
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
  life.predicted = Duration();
  life.settled.clear();
  expect_computing(worker, now - life.computing_since);
  Consequences c;
  c.plan.round = round;
  carry_out(machine_.computed(index(worker), network_, now),
            "dropped: the links are needed for the multicast of " + to_string(worker), true, now, c);
  return finish(std::move(c), now);
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
  // Nothing took longer than the transfer is old, whatever the receiver says (round_machine.cpp).
  const Duration finished = std::min(delivery.finished, now - running.issued);
  const Duration started = std::min(delivery.started, finished);
  learning_.delivered({transfer.sender, receiver, transfer.bytes, running.issued - Instant() + started,
                       running.issued - Instant() + finished, transfer.allocated, Rate::unlimited()},
                      running.paces);
  Consequences c;
  c.first.push_back(TransferCommitted{transfer});
  settle(transfer.id,
         {.transfer = transfer, .committed = true, .why = {}, .started = started, .finished = finished}, now);
  const plan::Pair pair{index(transfer.sender), index(receiver)};
  carry_out(machine_.delivered(std::span(&pair, 1), now), "", false, now, c);
  return finish(std::move(c), now);
}

Result<Actions> OnlineRounds::failed(WorkerId worker, TransferId transfer, const std::string& why,
                                     Instant now) {
  const auto is_open = open(worker, transfer);
  if (!is_open) return std::unexpected(is_open.error());
  if (!*is_open) return Actions{};
  network_.advance(now);
  Consequences c;
  fail(transfer, why, now, c);
  return finish(std::move(c), now);
}

void OnlineRounds::fail(TransferId id, const std::string& why, Instant now, Consequences& c) {
  const Running& running = running_.at(id);
  const Transfer transfer = running.transfer;
  if (running.required) meetings_.excuse({transfer.sender, transfer.receiver});
  c.first.push_back(TransferCancelled{transfer, why});
  settle(id, {.transfer = transfer, .committed = false, .why = why, .started = {}, .finished = {}}, now);
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
    running.burst = common_.bursts ? burst_of(running.transfer) : 1;
    network_.start(pair, volume, action.claim);
    transfer_of_[pair] = running.transfer.id;
    c.fresh.push_back(running.transfer.id);
    running_.emplace(running.transfer.id, std::move(running));
  }
}

void OnlineRounds::settle(TransferId transfer, Settled settled, Instant now) {
  const auto found = running_.find(transfer);
  SELMCAST_CHECK(found != running_.end(), "a transfer is settled once");
  const plan::Pair pair{index(settled.transfer.sender), index(settled.transfer.receiver)};
  network_.stop(pair);
  transfer_of_.erase(pair);
  running_.erase(found);
  settled.at = now;
  lives_.at(settled.transfer.sender).settled.push_back(std::move(settled));
}

void OnlineRounds::multicast_over(WorkerId worker, bool complete, Instant now, Consequences& c) {
  Life& life = lives_.at(worker);
  MulticastEnded ended{.worker = worker,
                       .round = Round(life.completed),
                       .complete = complete,
                       .computing_since = life.computing_since,
                       .ready = life.ready,
                       .predicted = life.predicted,
                       .transfers = std::exchange(life.settled, {})};
  std::ranges::sort(ended.transfers, {}, [](const Settled& s) { return s.transfer.receiver; });
  for (const Settled& settled : ended.transfers) {
    if (settled.committed && lives_.contains(settled.transfer.receiver))
      meetings_.met({worker, settled.transfer.receiver});
  }
  if (complete) {
    life.settled = ended.transfers;  // until it goes on
    life.completed_at = now;
    ++life.completed;
    meetings_.multicast_completed(worker);
    if (learning_.multicast_completed(lives_.size())) learn(c);
  }
  ended.oldest_age = machine_.ages().oldest();
  ended.promises = kept();
  c.then.push_back(std::move(ended));
}

void OnlineRounds::learn(Consequences& c) {
  learning_.look(estimator_);
  Learnt learnt;
  for (const auto& [worker, life] : lives_) {
    const Estimate estimate{worker, estimator_.uplink(worker), estimator_.downlink(worker)};
    network_.set_bandwidth(index(worker), estimate.uplink, estimate.downlink);
    learnt.estimates.push_back(estimate);
  }
  c.then.push_back(std::move(learnt));
}

void OnlineRounds::go_on(WorkerId worker, Instant now, Consequences& c) {
  Life& life = lives_.at(worker);
  WentOn went{.worker = worker,
              .done = Round(life.completed - 1),
              .committed = {},
              .waited = now - life.completed_at,
              .lead = life.completed - least_completed(),
              .members = machine_.present()};
  for (const Settled& settled : life.settled) {
    if (settled.committed) went.committed.push_back(settled.transfer.id);
  }
  std::ranges::sort(went.committed);
  life.settled.clear();
  life.computing_since = now;
  promises_.widest_lead = std::max(promises_.widest_lead, went.lead);
  if (choice_.staleness && went.lead > *choice_.staleness) ++promises_.leads_broken;
  c.then.push_back(std::move(went));
}

std::uint64_t OnlineRounds::least_completed() const {
  std::uint64_t least = UINT64_MAX;
  for (const auto& [worker, life] : lives_) {
    if (machine_.workers()[worker.value()].present) least = std::min(least, life.completed);
  }
  return least;
}

Actions OnlineRounds::finish(Consequences c, Instant now) {
  set_rates(now, c);
  Actions actions = std::move(c.first);
  if (!c.plan.started.empty() || !c.plan.new_rates.empty()) {
    c.plan.number = ++plans_issued_;
    actions.push_back(std::move(c.plan));
  }
  std::ranges::move(c.then, std::back_inserter(actions));
  return actions;
}

// ---- rates and deadlines -----------------------------------------------------------------------------------

double OnlineRounds::burst_of(const Transfer& transfer) const {
  const bool searching = estimator_.searching({transfer.sender, Direction::up}) ||
                         estimator_.searching({transfer.receiver, Direction::down});
  if (searching) return kSearch;
  const auto is_due = [&](WorkerId side) { return (learning_.looks() + side.value()) % kRoutinePeriod == 0; };
  return is_due(transfer.sender) || is_due(transfer.receiver) ? kRoutine : 1;
}

// A receiver with fewer buffers than senders takes them in turns, each at a share of the time (round_machine.cpp). Who
// has a buffer gets its share of the downlink however little its claim: those with a greater one wait for the buffer.
Rate OnlineRounds::pace_of(const Running& running) const {
  if (!common_.paced) return Rate::unlimited();
  const Transfer& t = running.transfer;
  const Rate uplink = network_.uplink()[t.sender.value()], downlink = network_.downlink()[t.receiver.value()];
  const std::size_t senders = network_.incoming(index(t.receiver));
  const std::uint32_t buffers = lives_.at(t.receiver).member.receive_buffers;
  const std::size_t receivers = network_.outgoing(index(t.sender));
  if (senders <= buffers) {
    const double fair = 1 / static_cast<double>(std::max(senders, receivers));
    return std::max(t.allocated * running.burst, std::min(uplink, downlink) * std::min(fair, kLeastOfLink));
  }
  const double turn = static_cast<double>(senders) / buffers;
  const Rate in_turn = std::min(uplink * (1 / static_cast<double>(receivers)), downlink * (1.0 / buffers));
  return std::max(t.allocated * turn, in_turn) * running.burst;
}

void OnlineRounds::set_rates(Instant now, Consequences& c) {
  network_.settle();
  for (auto& [id, running] : running_) {
    Transfer& t = running.transfer;
    t.allocated = network_.rate({index(t.sender), index(t.receiver)});
    const Rate pace = pace_of(running);
    const bool is_new = std::ranges::binary_search(c.fresh, id);
    if (!is_new && (!common_.paced || std::abs(pace / t.paced - 1) <= kMaterial)) continue;
    t.paced = pace;
    running.paces.told(now, pace);
    if (is_new) {
      c.plan.started.push_back(t);
    } else {
      c.plan.new_rates.push_back({t});
    }
  }
  if (!c.fresh.empty()) extend_deadlines(now);
  for (const Transfer& t : c.plan.started) {
    Running& running = running_.at(t.id);
    const Duration expected = network_.load_time({index(t.sender), index(t.receiver)});
    const Duration patience =
        std::max(common_.delivery_patience_min, expected * common_.delivery_patience_factor);
    running.deadline = now + patience;
    running.latest = now + patience * kLatestDeadline;
    c.plan.predicted = std::max(c.plan.predicted, expected);
    lives_.at(t.sender).predicted = c.plan.predicted;
  }
}

// A new multicast takes bandwidth from those that run.
void OnlineRounds::extend_deadlines(Instant now) {
  for (auto& [id, running] : running_) {
    const Transfer& t = running.transfer;
    const Duration expected = network_.load_time({index(t.sender), index(t.receiver)});
    const Instant wanted = now + expected * common_.delivery_patience_factor;
    running.deadline = std::max(running.deadline, std::min(wanted, running.latest));
  }
}

OnlineRounds::Late OnlineRounds::next_late() const {
  Instant waiting_since = Instant::never();
  for (const OnlineWorker& worker : machine_.workers()) {
    if (machine_.is_waiting(worker)) waiting_since = std::min(waiting_since, worker.since);
  }
  Late late;
  if (waiting_since == Instant::never()) return late;
  for (const auto& [worker, life] : lives_) {
    const OnlineWorker& state = machine_.workers()[worker.value()];
    if (!state.computing || state.sending || state.completed != machine_.least_rounds()) continue;
    const Instant due = std::max(state.since, waiting_since) + common_.compute_patience;
    if (due < late.due) late = {due, {}};
    if (due == late.due) late.workers.push_back(worker);
  }
  return late;
}

Instant OnlineRounds::deadline() const {
  Instant earliest = next_late().due;
  for (const auto& [id, running] : running_) earliest = std::min(earliest, running.deadline);
  return earliest;
}

Actions OnlineRounds::tick(Instant now) {
  network_.advance(now);
  Consequences c;
  std::vector<TransferId> overdue;
  for (const auto& [id, running] : running_) {
    if (now >= running.deadline) overdue.push_back(id);
  }
  for (const TransferId transfer : overdue) {
    const Running& running = running_.at(transfer);
    fail(transfer,
         "not delivered within " + std::to_string((running.deadline - running.issued).in_seconds()) + " s",
         now, c);
  }
  Actions actions = finish(std::move(c), now);
  if (const Late late = next_late(); now >= late.due) {
    for (const WorkerId worker : late.workers) {
      const std::string why =
          "did not finish computing round " + std::to_string(machine_.workers()[worker.value()].computed) +
          " while others waited for it for " + std::to_string(common_.compute_patience.in_seconds()) + " s";
      actions.push_back(Evicted{worker, why});
      std::ranges::move(leave(worker, why, now), std::back_inserter(actions));
    }
  }
  return actions;
}

}  // namespace selmcast::sync
