#include "selmcast/sync/round_machine.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/reach.h"
#include "selmcast/sync/bursts.h"
#include "selmcast/sync/donors.h"
#include "selmcast/sync/pulses.h"
#include "selmcast/sync/rate_allocator.h"

namespace selmcast::sync {
namespace {

// A problem's workers are the members in ascending order: both directions of that mapping.
std::vector<WorkerId> ids_of(const auto& map) {
  std::vector<WorkerId> ids;
  ids.reserve(map.size());
  for (const auto& [id, rest] : map) ids.push_back(id);
  return ids;
}

WorkerIndex index_of(const std::vector<WorkerId>& ids, WorkerId id) {
  return WorkerIndex(static_cast<std::uint32_t>(std::ranges::lower_bound(ids, id) - ids.begin()));
}

// The receivers that send on, and by which transfer they get what they send.
void route(const plan::Plan& plan, const std::vector<WorkerId>& ids, std::vector<Transfer>& planned,
           std::vector<Settled>& in_flight) {
  std::size_t first = 0;  // of a multicast's transfers
  for (std::size_t i = 0; i < plan.selections.size(); ++i) {
    const auto& receivers = plan.selections[i];
    for (std::size_t k = 0; k < receivers.size(); ++k) {
      const WorkerIndex parent = plan.parents[i][k];
      if (position(parent) == i) continue;
      const auto at = std::ranges::lower_bound(receivers, parent, {}, &plan::Selection::receiver);
      Transfer& transfer = planned[first + k];
      transfer.via = ids[position(parent)];
      transfer.source = planned[first + static_cast<std::size_t>(at - receivers.begin())].id;
      in_flight[first + k].transfer = transfer;
    }
    first += receivers.size();
  }
}

// They have no model yet. What is left keeps its order, and is no slower.
plan::Plan without_what_guests_send(plan::Plan plan, const std::map<WorkerId, Member>& members,
                                    const std::map<WorkerId, std::uint32_t>& guests) {
  std::size_t i = 0;
  for (const auto& [id, member] : members) {
    if (guests.contains(id)) {
      plan.selections[i].clear();
      if (!plan.parents.empty()) plan.parents[i].clear();
    }
    ++i;
  }
  return plan;
}

}  // namespace

RoundMachine::RoundMachine(RoundSettings settings)
    : settings_(settings),
      next_multicast_(settings_.multicast),
      rng_(settings_.seed),
      ages_(settings_.max_age, settings_.age_start),
      patience_({settings_.delivery_patience_min, settings_.delivery_patience_factor}) {
  SELMCAST_CHECK(settings_.planner != nullptr, "a round machine needs a planner");
}

void RoundMachine::join(WorkerId worker, const Member& member, Instant /*now*/) {
  SELMCAST_CHECK(gathering(), "workers join between rounds");
  members_[worker] = member;
  ready_[worker] = false;
  ages_.join(worker);
  meetings_.join(worker);
  estimator_.join(worker, member.declared_uplink, member.declared_downlink);
}

Actions RoundMachine::leave(WorkerId worker, const std::string& why, Instant now) {
  Actions actions;
  comers_.erase(worker);
  if (members_.erase(worker) == 0) return actions;
  ready_.erase(worker);
  guests_.erase(worker);
  if (in_flight_) {
    for (std::size_t k = 0; k < in_flight_->transfers.size(); ++k) {
      const Transfer& transfer = in_flight_->transfers[k].transfer;
      if (transfer.sender != worker && transfer.receiver != worker) continue;
      if (!in_flight_->settled[k]) cancel(k, to_string(worker) + " left: " + why, actions);
    }
    reroute_what_goes_via(worker, std::nullopt, to_string(worker) + " left: " + why, actions);
    cancel_soundings(worker, to_string(worker) + " left: " + why, actions);
    end_round_if_settled(now, actions);  // its ages still count this round's deliveries
  }
  ages_.leave(worker);
  outages_.leave(worker);
  liars_.leave(worker);
  crossings_.leave(worker);
  meetings_.leave(worker);
  estimator_.leave(worker);
  plan_if_all_ready(now, actions);
  return actions;
}

Result<Actions> RoundMachine::ready(WorkerId worker, Round round, Instant now) {
  if (!members_.contains(worker) || guests_.contains(worker))
    return failure(ErrorCode::protocol, "reported ready before it had caught up");
  if (round != round_ || !gathering() || ready_.at(worker)) {
    return failure(ErrorCode::protocol, "reported ready for round " + std::to_string(round.value()) +
                                            " while round " + std::to_string(round_.value()) +
                                            (gathering() ? " gathers" : " is being delivered"));
  }
  if (gathering_deadline_ == Instant::never()) gathering_deadline_ = now + settings_.compute_patience;
  ready_.at(worker) = true;
  Actions actions;
  plan_if_all_ready(now, actions);
  return actions;
}

void RoundMachine::plan_if_all_ready(Instant now, Actions& actions) {
  const bool all_ready =
      !ready_.empty() && std::ranges::all_of(ready_, [](const auto& entry) { return entry.second; });
  if (!gathering() || !all_ready || guests_.size() == members_.size()) return;
  settings_.multicast = next_multicast_;
  const plan::Problem problem = make_problem(now);
  Rng rng = rng_.fork(round_.value());
  const plan::Outcome outcome = settings_.planner->plan(problem, rng);
  const auto* planned = std::get_if<plan::Planned>(&outcome);
  SELMCAST_CHECK(planned != nullptr,
                 "all links are up and min_receivers is below the number of workers, so a plan exists");
  const plan::Plan plan = without_outages(problem, without_what_guests_send(planned->plan, members_, guests_),
                                          out_of_plans(ids_of(members_), now));
  issue(relaxed_to(problem, plan), plan, now, actions);
  end_round_if_settled(now, actions);  // a lone worker has nobody to send to
}

plan::Problem RoundMachine::make_problem(Instant now) const {
  plan::Problem problem;
  problem.multicast = settings_.multicast;
  const std::vector<WorkerId> ids = ids_of(members_);
  const Rate least = slowest_link() * (1 / kSlowerMax);
  for (const auto& [id, member] : members_) {
    const bool guest = guests_.contains(id);
    const Rate uplink = estimator_.lower_end({id, Direction::up});
    const Rate downlink = estimator_.lower_end({id, Direction::down});
    problem.workers.push_back({to_string(id), guest ? std::max(uplink, least) : uplink,
                               guest ? std::max(downlink, least) : downlink,
                               guest ? 0 : settings_.min_receivers.of(members_.size()), member.volume});
  }
  for (const WorkerPair& pair : required_pairs(now)) {
    problem.required.push_back({index_of(ids, pair.sender), index_of(ids, pair.receiver)});
  }
  for (WorkerId sender : ids) {
    for (WorkerId receiver : ids) {
      const std::uint32_t age = sender == receiver ? 0 : ages_.age({sender, receiver});
      if (age > 0) problem.ages.push_back({{index_of(ids, sender), index_of(ids, receiver)}, age});
    }
  }
  if (problem.multicast == plan::MulticastKind::network) {
    for (const WorkerPair& pair : unreached_) {
      if (members_.contains(pair.sender) && members_.contains(pair.receiver))
        problem.unreached.push_back({index_of(ids, pair.sender), index_of(ids, pair.receiver)});
    }
  }
  const auto valid = plan::validate(problem);
  SELMCAST_CHECK(valid.has_value(), "members and estimates make a valid problem");
  return problem;
}

std::optional<Outlook> RoundMachine::outlook(Instant now) const {
  if (members_.empty()) return std::nullopt;
  Outlook ahead{make_problem(now), ids_of(members_)};
  ahead.problem.required.clear();
  ahead.problem.ages.clear();
  ahead.problem.unreached.clear();
  return ahead;
}

void RoundMachine::issue(const plan::Problem& problem, const plan::Plan& plan, Instant now,
                         Actions& actions) {
  const Duration completion = plan::completion_time(problem, plan);
  const auto violations = plan::check_plan(problem, plan, completion);
  SELMCAST_CHECK(violations.empty(), "the checker refuses the plan");
  const std::vector<WorkerId> ids = ids_of(members_);
  const std::vector<PairRate> rates = allocate_rates(problem, plan);
  const bool relay = problem.multicast == plan::MulticastKind::relay;
  const std::vector<PairRate> bursts =
      settings_.bursts && !relay ? plan_bursts(problem, rates, estimator_, {ids, round_}) : rates;
  std::vector<PaceSteps> pulses(rates.size());
  if (settings_.bursts && settings_.pulses && settings_.paced &&
      problem.multicast == plan::MulticastKind::unicast)
    pulses = plan_pulses(problem, rates, estimator_, {ids, round_});

  const Duration predicted = completion + pipeline_latency(problem, plan, rates);
  const std::map<WorkerId, double> speed_up = turns(plan, ids);

  InFlight flight;
  flight.number = ++plans_issued_;
  flight.issued = flight.last_commit = now;
  flight.predicted = predicted;
  flight.bound = plan::lower_bound(problem).time;
  flight.queues = queues(plan, ids);
  int turns_most = 1;
  for (const auto& [id, turns] : flight.queues) turns_most = std::max(turns_most, turns);
  flight.deadline = now + patience_.of(predicted) * turns_most;
  flight.first_id = TransferId(transfers_issued_ + 1);
  flight.resting = outages_.resting(now);
  RoundPlanned planned{flight.number,      round_, {}, predicted, flight.bound, ids, flight.resting,
                       settings_.multicast};
  const plan::Reach reach(problem);
  std::size_t k = 0;
  for (std::size_t i = 0; i < plan.selections.size(); ++i) {
    for (const plan::Selection& selection : plan.selections[i]) {
      SELMCAST_CHECK(
          rates[k].pair == (plan::Pair{WorkerIndex(static_cast<std::uint32_t>(i)), selection.receiver}),
          "rates are in the plan's order");
      const double turn = speed_up.at(ids[position(selection.receiver)]);
      const Rate paced = settings_.paced ? bursts[k].rate * turn : Rate::unlimited();
      planned.transfers.push_back({TransferId(++transfers_issued_), ids[i], ids[position(selection.receiver)],
                                   problem.workers[i].volume, rates[k].rate, paced, selection.reason});
      planned.transfers.back().own_copy =
          plan::is_mixed(problem) && !reach.shares(i, position(selection.receiver));
      if (!pulses[k].empty() && turn <= 1) {
        planned.transfers.back().paced = mean_rate(pulses[k], problem.workers[i].volume);
        planned.transfers.back().steps = pulses[k];
      }
      flight.transfers.push_back({planned.transfers.back(), false, "", {}, {}});
      ++k;
    }
  }
  if (relay) route(plan, ids, planned.transfers, flight.transfers);
  note_crossings(planned.transfers);
  planned.soundings = sound(problem, rates, ids, now);
  for (const Transfer& sounding : planned.soundings)
    flight.soundings.push_back({sounding, false, "", {}, {}});
  flight.sounded.assign(flight.soundings.size(), false);
  flight.open = flight.transfers.size();
  flight.settled.assign(flight.transfers.size(), false);
  in_flight_ = std::move(flight);
  gathering_deadline_ = Instant::never();
  actions.push_back(std::move(planned));
}

// A receiver with fewer buffers than senders takes them in turns, each at a share of the time: at that share's inverse
// of the rate the link is as full, and the plan ends when it was meant to.
std::map<WorkerId, double> RoundMachine::turns(const plan::Plan& plan,
                                               const std::vector<WorkerId>& ids) const {
  std::map<WorkerId, double> senders;
  for (WorkerId id : ids) senders[id] = 0;
  // A network multicast has one rate for all of its receivers, and is not sent in turns.
  if (settings_.multicast == plan::MulticastKind::network) {
    for (WorkerId id : ids) senders[id] = 1;
    return senders;
  }
  for (const auto& selections : plan.selections) {
    for (const plan::Selection& selection : selections) ++senders.at(ids[position(selection.receiver)]);
  }
  for (auto& [id, count] : senders) {
    count = std::max(1.0, count / static_cast<double>(members_.at(id).receive_buffers));
  }
  return senders;
}

// Network multicasts are not sent faster for a receiver with fewer buffers than senders: they come one after the other,
// and what it misses meanwhile is sent again for it.
std::map<WorkerId, int> RoundMachine::queues(const plan::Plan& plan, const std::vector<WorkerId>& ids) const {
  std::map<WorkerId, int> senders;
  if (settings_.multicast != plan::MulticastKind::network) return senders;
  for (const auto& selections : plan.selections) {
    for (const plan::Selection& selection : selections) ++senders[ids[position(selection.receiver)]];
  }
  for (auto& [id, count] : senders) {
    const int buffers = static_cast<int>(std::max(members_.at(id).receive_buffers, 1U));
    count = (count + buffers - 1) / buffers;
  }
  std::erase_if(senders, [](const auto& entry) { return entry.second < 2; });
  return senders;
}

std::optional<std::size_t> RoundMachine::find_open(TransferId transfer) const {
  if (!in_flight_ || transfer < in_flight_->first_id) return std::nullopt;
  const std::size_t k = transfer.value() - in_flight_->first_id.value();
  if (k >= in_flight_->transfers.size() || in_flight_->settled[k]) return std::nullopt;
  return k;
}

Result<Actions> RoundMachine::delivered(WorkerId receiver, const Delivery& delivery, Instant now) {
  Actions actions;
  if (delivery.transfer.value() > transfers_issued_) {
    return failure(ErrorCode::protocol, "reported a transfer that was never planned");
  }
  if (const auto sounding = find_sounding(delivery.transfer))
    return sounding_delivered(*sounding, receiver, delivery, now);
  const auto k = find_open(delivery.transfer);
  if (!k) return actions;
  const Transfer& transfer = in_flight_->transfers[*k].transfer;
  if (transfer.receiver != receiver)
    return failure(ErrorCode::protocol, "reported another worker's delivery");
  if (transfer.bytes != delivery.bytes)
    return failure(ErrorCode::protocol, "reported a delivery of another size");
  commit(*k, delivery, now, actions);
  end_round_if_settled(now, actions);
  return actions;
}

void RoundMachine::commit(std::size_t index, const Delivery& delivery, Instant now, Actions& actions) {
  Settled& settled = in_flight_->transfers[index];
  settled.committed = true;
  fill_in_times(settled, delivery, now);
  in_flight_->settled[index] = true;
  in_flight_->last_commit = now;
  --in_flight_->open;
  outages_.delivered({settled.transfer.via.value_or(settled.transfer.sender), settled.transfer.receiver});
  actions.push_back(TransferCommitted{settled.transfer});
}

void RoundMachine::fill_in_times(Settled& settled, const Delivery& delivery, Instant now) {
  const WorkerId receiver = settled.transfer.receiver;
  const Liars::Times times =
      liars_.hear(receiver, {delivery.started, delivery.finished}, now - in_flight_->issued);
  if (liars_.is_disbelieved(receiver)) estimator_.disbelieve(receiver);
  settled.started = times.started;
  settled.finished = times.finished;
  settled.ack_load = delivery.ack_load;
  if (times.started == delivery.started && times.finished == delivery.finished)
    settled.progress = delivery.progress;
}

void RoundMachine::cancel(std::size_t index, const std::string& why, Actions& actions) {
  Settled& settled = in_flight_->transfers[index];
  settled.why = why;
  in_flight_->settled[index] = true;
  --in_flight_->open;
  actions.push_back(TransferCancelled{settled.transfer, why});
}

void RoundMachine::end_round_if_settled(Instant now, Actions& actions) {
  if (!in_flight_ || in_flight_->open > 0) return;
  cancel_soundings(std::nullopt, "the round is over", actions);
  InFlight flight = std::move(*in_flight_);
  in_flight_.reset();
  learn(flight);
  observe_patience(flight);

  std::map<WorkerId, std::vector<WorkerId>> reached;
  for (const auto& [id, member] : members_) {
    if (!guests_.contains(id)) reached[id];
  }
  for (const Settled& settled : flight.transfers) {
    const auto& [sender, receiver] = std::pair(settled.transfer.sender, settled.transfer.receiver);
    if (!settled.committed || !members_.contains(sender) || !members_.contains(receiver)) continue;
    reached[sender].push_back(receiver);
    meetings_.met({sender, receiver});
  }
  for (const auto& [sender, receivers] : reached) {
    ages_.complete(sender, receivers);
    meetings_.multicast_completed(sender);
  }

  RoundEnded ended{flight.number,
                   round_,
                   flight.issued,
                   flight.last_commit,
                   flight.predicted,
                   flight.bound,
                   std::move(flight.transfers),
                   ids_of(members_),
                   {},
                   ages_.oldest(),
                   meetings_.widest_gap(),
                   ids_of(guests_),
                   std::move(flight.resting)};
  ended.soundings = std::move(flight.soundings);
  for (const auto& [id, member] : members_) {
    ended.estimates.push_back({id, estimator_.uplink(id), estimator_.downlink(id)});
    const Estimate& learnt = ended.estimates.back();
    liars_.look({id, member.declared_uplink, member.declared_downlink, learnt.uplink, learnt.downlink});
  }
  round_ = next(round_);
  for (auto& [id, ready] : ready_) ready = guests_.contains(id);
  actions.push_back(ended);
  for (Doubted& doubted : liars_.named()) actions.push_back(std::move(doubted));
  greet_comers(ended, now, actions);
}

Actions RoundMachine::tick(Instant now) {
  Actions actions;
  if (in_flight_ && now >= in_flight_->deadline) {
    const std::string why = "not delivered within " + to_string(in_flight_->deadline - in_flight_->issued) +
                            " (predicted " + to_string(in_flight_->predicted) + ")";
    for (std::size_t k = 0; k < in_flight_->transfers.size(); ++k) {
      if (in_flight_->settled[k]) continue;
      in_flight_->transfers[k].late = true;
      in_flight_->transfers[k].finished = in_flight_->deadline - in_flight_->issued;
      cancel(k, why, actions);
    }
    end_round_if_settled(now, actions);
  } else if (gathering() && now >= gathering_deadline_) {
    gathering_deadline_ = Instant::never();
    std::vector<WorkerId> late;
    for (const auto& [id, ready] : ready_) {
      if (!ready) late.push_back(id);
    }
    for (WorkerId worker : late) {
      const std::string why = "did not finish computing round " + std::to_string(round_.value()) +
                              " within " + to_string(settings_.compute_patience) + " of the first";
      actions.push_back(Evicted{worker, why});
      Actions more = leave(worker, why, now);
      actions.insert(actions.end(), std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
    }
  }
  return actions;
}

void RoundMachine::postpone(Duration away, Instant /*now*/) {
  if (in_flight_) in_flight_->deadline = in_flight_->deadline + away;
  gathering_deadline_ = gathering_deadline_ + away;
}

Instant RoundMachine::deadline() const { return in_flight_ ? in_flight_->deadline : gathering_deadline_; }

}  // namespace selmcast::sync
