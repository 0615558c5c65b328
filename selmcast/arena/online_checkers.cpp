#include "selmcast/arena/online_checkers.h"

#include <algorithm>
#include <cmath>

#include "selmcast/arena/weighted_mix.h"
#include "selmcast/base/overloaded.h"

namespace selmcast::arena {
namespace {

std::string name_of(const sync::Transfer& t) {
  return "transfer " + std::to_string(t.id.value()) + " " + to_string(t.sender) + " -> " +
         to_string(t.receiver);
}

}  // namespace

// ---- the manager -------------------------------------------------------------------------------------------

void OnlineCheckers::started(const manager::Started& started) {
  for (const auto& [worker, name] : started.names) workers_[worker];
}

void OnlineCheckers::left(WorkerId worker) {
  workers_.erase(worker);
  std::erase_if(
      waits_, [&](const auto& entry) { return entry.first.first == worker || entry.first.second == worker; });
}

void OnlineCheckers::came(WorkerId worker) {
  workers_[worker] = {};
  workers_[worker].counts = false;
}

void OnlineCheckers::caught_up(const sync::CaughtUp& caught_up) {
  Worker& it = workers_[caught_up.worker];
  it.counts = true;
  it.completed = caught_up.round.value();
  // What runs may have been planned before it came.
  for (const auto& [id, other] : workers_) {
    if (!other.multicast.empty()) waits_[{id, caught_up.worker}].failed = 1;
  }
}

void OnlineCheckers::catch_up_called(WorkerId worker) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  found->second.fresh = true;
  found->second.called_with = std::make_shared<const std::vector<float>>();
}

void OnlineCheckers::caught_up_done(WorkerId worker, const worker::SyncReport& report) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  Worker& it = found->second;
  if (report.mixed_with != it.mixed_with || it.mixed_with.empty())
    violated(to_string(worker) + " caught up with others than were committed");
  it.round = report.next;
  it.fresh = false;
  it.called_with.reset();
}

void OnlineCheckers::replanned(const manager::Replanned& plan) {
  for (const sync::Transfer& t : plan.plan.started) {
    for (const auto& [id, other] : deliveries_) {
      if (other.state == State::open && other.transfer.sender == t.sender &&
          other.transfer.receiver == t.receiver) {
        violated(name_of(t) + " is planned while another one of the pair runs");
      }
    }
    if (deliveries_.contains(t.id)) violated(name_of(t) + " has a number that was used before");
    Worker& sender = workers_[t.sender];
    deliveries_[t.id] = {t, nullptr, State::open, false, {}, {t.paced}};
    sender.multicast.push_back(t.id);
  }
  for (const auto& change : plan.plan.new_rates) {
    const auto found = deliveries_.find(change.transfer.id);
    if (found == deliveries_.end() || found->second.state != State::open) {
      violated(name_of(change.transfer) + " is given a rate but does not run");
      continue;
    }
    found->second.rates.push_back(change.transfer.paced);
  }
}

void OnlineCheckers::settle(TransferId transfer, State state) {
  const auto found = deliveries_.find(transfer);
  if (found == deliveries_.end())
    return violated("transfer " + std::to_string(transfer.value()) + " is settled but was never planned");
  Delivery& delivery = found->second;
  if (delivery.state != State::open && delivery.state != state)
    violated(name_of(delivery.transfer) + " is settled in two ways");
  if (delivery.state == State::committed) violated(name_of(delivery.transfer) + " is committed twice");
  if (state == State::committed && !delivery.streamed)
    violated(name_of(delivery.transfer) + " is committed but was never sent");
  delivery.state = state;
}

void OnlineCheckers::told(WorkerId worker, const wire::ToWorker& message) {
  std::visit(Overloaded{
                 [&](const wire::Commit& commit) { settle(commit.transfer, State::committed); },
                 [&](const wire::Cancel& cancel) { settle(cancel.transfer, State::cancelled); },
                 [&](const wire::MulticastOver& over) { multicast_over(worker, over); },
                 [&](const wire::GoOn& order) { went_on(worker, order); },
                 [](const auto&) {},
             },
             message);
}

void OnlineCheckers::multicast_over(WorkerId worker, const wire::MulticastOver& over) {
  Worker& it = workers_[worker];
  if (it.completed != over.round.value())
    violated(to_string(worker) + " is told that another round than its next one is complete");
  std::vector<WorkerId> reached;
  it.last_multicast = it.multicast.size();
  for (const TransferId transfer : std::exchange(it.multicast, {})) {
    const Delivery& delivery = deliveries_.at(transfer);
    const bool committed = delivery.state == State::committed;
    if (delivery.state == State::open)
      violated(name_of(delivery.transfer) + " runs while its multicast is said to be over");
    if (committed != std::ranges::binary_search(over.committed, transfer))
      violated(name_of(delivery.transfer) + " is counted otherwise at its sender");
    if (committed) reached.push_back(delivery.transfer.receiver);
  }
  std::ranges::sort(reached);
  it.overs.push_back(std::move(reached));
}

void OnlineCheckers::went_on(WorkerId worker, const wire::GoOn& order) {
  Worker& it = workers_[worker];
  const std::uint64_t computed = order.round.value() + 1;
  if (computed < it.completed || computed > it.completed + (rules_.overlap ? 1 : 0))
    violated(to_string(worker) + " goes on from another round than it completed");
  std::uint64_t least = UINT64_MAX;
  for (const auto& [id, other] : workers_) {
    if (other.counts) least = std::min(least, other.completed);
  }
  if (rules_.staleness && computed > least + *rules_.staleness) {
    violated(to_string(worker) + " goes on with " + std::to_string(computed) + " rounds, the slowest has " +
             std::to_string(least));
  }
  std::size_t open = 0;
  for (const auto& [id, delivery] : deliveries_) {
    if (delivery.state == State::open && delivery.transfer.receiver == worker) ++open;
  }
  it.open.push_back(open);
}

// Three attempts of three donors; as many may be on their way when it is turned away as there are others.
void OnlineCheckers::check_guest(const sync::Settled& settled) {
  const auto guest = workers_.find(settled.transfer.receiver);
  if (guest == workers_.end() || guest->second.counts || settled.dropped) return;
  Worker& it = guest->second;
  if (settled.committed || !workers_.contains(settled.transfer.sender)) {
    if (settled.committed) it.failed = 0;
  } else if (++it.failed > 9 + workers_.size()) {
    violated(to_string(guest->first) + " holds the others up though nothing reaches it");
  }
}

void OnlineCheckers::multicast_ended(const sync::MulticastEnded& ended, Instant now) {
  for (const sync::Resting& rest : ended.resting) {
    if (const auto wrong = outages_.objection(rest, now)) violated(*wrong);
  }
  outages_.settled(ended.transfers);
  for (const sync::Settled& settled : ended.transfers) check_guest(settled);
  const auto worker = workers_.find(ended.worker);
  if (ended.complete && worker->second.last_multicast != ended.transfers.size())
    violated(to_string(ended.worker) + " completed another multicast than was planned");
  for (const sync::Settled& settled : ended.transfers) {
    Delivery& delivery = deliveries_.at(settled.transfer.id);
    // Who left is told nothing.
    if (delivery.state == State::open) delivery.state = State::cancelled;
    if (settled.committed != (delivery.state == State::committed))
      violated(name_of(settled.transfer) + " is reported otherwise than it was settled");
  }
  if (ended.promises.gaps_broken > 0) violated("the manager says that a pair met too late");
  if (ended.promises.leads_broken > 0) violated("the manager says that a worker was too far ahead");
  if (!ended.complete) return;
  worker->second.completed = ended.round.value() + 1;
  check_meetings(ended);
}

void OnlineCheckers::check_meetings(const sync::MulticastEnded& ended) {
  std::map<WorkerId, const sync::Settled*> to;
  for (const sync::Settled& settled : ended.transfers) to[settled.transfer.receiver] = &settled;
  for (const auto& [other, state] : workers_) {
    if (other == ended.worker || !state.counts) continue;
    Wait& wait = waits_[{ended.worker, other}];
    ++wait.multicasts;
    const auto found = to.find(other);
    const bool met = found != to.end() && found->second->committed;
    if (found != to.end() && !met && !found->second->dropped) ++wait.failed;
    const sync::WorkerPair pair{ended.worker, other};
    if (std::ranges::any_of(ended.resting, [&](const auto& rest) { return rest.pair == pair; }))
      ++wait.failed;
    if (wait.multicasts > rules_.max_age + 1 + wait.failed) {
      violated(to_string(ended.worker) + " -> " + to_string(other) + " has not met for " +
               std::to_string(wait.multicasts) + " multicasts");
    }
    if (met) wait = {};
  }
}

// ---- the workers -------------------------------------------------------------------------------------------

void OnlineCheckers::synchronize_called(WorkerId worker, std::span<const float> parameters) {
  called(worker, parameters, false);
}

void OnlineCheckers::drain_called(WorkerId worker, std::span<const float> parameters) {
  called(worker, parameters, true);
}

void OnlineCheckers::called(WorkerId worker, std::span<const float> parameters, bool draining) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;  // thrown out, and does not know yet
  Worker& it = found->second;
  it.called_with = std::make_shared<const std::vector<float>>(parameters.begin(), parameters.end());
  it.draining = draining;
  it.mixed_with.clear();
  it.reached_last.clear();
  it.held = rules_.overlap && it.sending;
  it.mixes = rules_.overlap && !it.sending;
}

void OnlineCheckers::heard(WorkerId worker, const wire::ToWorker& message) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  Worker& it = found->second;
  if (const auto* commit = std::get_if<wire::Commit>(&message))
    it.folded.push_back({commit->transfer, it.round});
  if (std::holds_alternative<wire::MulticastOver>(message) && !it.overs.empty()) {
    it.reached = it.overs.front();
    it.overs.pop_front();
    it.sending = false;
    it.mixes = std::exchange(it.held, false);
  }
  if (std::holds_alternative<wire::GoOn>(message) && !rules_.overlap) it.mixes = true;
  if (std::holds_alternative<wire::CaughtUp>(message)) it.mixes = true;
}

void OnlineCheckers::acted(WorkerId worker, std::span<const float> parameters, double own_weight) {
  const auto found = workers_.find(worker);
  if (found == workers_.end() || !std::exchange(found->second.mixes, false)) return;
  Worker& it = found->second;
  if (it.called_with == nullptr) return violated(to_string(worker) + " mixes while it computes");
  if (it.fresh || !rules_.overlap || it.sent != nullptr) {
    if (it.fresh) it.mixed_with.clear();
    check_mixing(worker, it, parameters, own_weight);
    for (const Folded& folded : std::exchange(it.folded, {})) {
      it.mixed_with.push_back(deliveries_.at(folded.transfer).transfer.sender);
      deliveries_.at(folded.transfer).model.reset();  // mixed once, needed no more
    }
    std::ranges::sort(it.mixed_with);
    it.reached_last = std::exchange(it.reached, {});
  } else if (!std::ranges::equal(parameters, *it.called_with)) {
    violated(to_string(worker) + " mixed before it sent anything");
  }
  if (!rules_.overlap || it.fresh) return;
  it.sent.reset();
  if (it.draining) return;
  it.sent = std::make_shared<const std::vector<float>>(parameters.begin(), parameters.end());
  it.sending = true;
}

void OnlineCheckers::check_traffic(const std::string& what, WorkerId from, TransferId transfer, Rate rate) {
  const auto found = deliveries_.find(transfer);
  if (found == deliveries_.end()) return violated(what + " is not of the plan");
  if (found->second.transfer.sender != from) violated(what + " is another worker's");
  if (std::ranges::find(found->second.rates, rate) == found->second.rates.end())
    violated(what + " runs at a rate that nobody was told");
}

void OnlineCheckers::stream_started(WorkerId from, WorkerId to, TransferId transfer, Rate rate) {
  const std::string what = "stream " + to_string(from) + " -> " + to_string(to) + " of transfer " +
                           std::to_string(transfer.value());
  check_traffic(what, from, transfer, rate);
  const auto found = deliveries_.find(transfer);
  if (found == deliveries_.end()) return;
  if (found->second.transfer.receiver != to) violated(what + " joins other workers than planned");
  if (std::exchange(found->second.streamed, true)) violated(what + " started twice");
  if (found->second.state == State::committed) violated(what + " starts after it was committed");
  if (const auto sender = workers_.find(from); sender != workers_.end())
    found->second.model = rules_.overlap ? sender->second.sent : sender->second.called_with;
}

void OnlineCheckers::offered(TransferId transfer, const wire::MixHeader& header) {
  if (const auto found = deliveries_.find(transfer); found != deliveries_.end()) found->second.offer = header;
}

void OnlineCheckers::rate_set(WorkerId from, TransferId transfer, Rate rate) {
  check_traffic("the new rate of transfer " + std::to_string(transfer.value()), from, transfer, rate);
}

void OnlineCheckers::synchronized(WorkerId worker, const worker::SyncReport& report,
                                  std::size_t buffers_in_use) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  Worker& it = found->second;
  const std::string who = to_string(worker) + " in round " + std::to_string(report.round.value());
  if (it.round != report.round) violated(who + " reports another round");
  if (report.mixed_with != it.mixed_with) violated(who + " mixed with others than were committed");
  if (report.sent_to != it.reached_last) violated(who + " reports other receivers than were committed");
  it.called_with.reset();
  if (it.draining) return;
  it.round = next(it.round);
  if (it.open.empty()) return violated(who + " went on without being told to");
  if (buffers_in_use > it.open.front()) violated(who + " holds receive buffers of settled transfers");
  it.open.pop_front();
}

// What it sent, and with overlap what it has computed since, which is no part of the mixture.
void OnlineCheckers::check_mixing(WorkerId worker, const Worker& it, std::span<const float> parameters,
                                  double own_weight) {
  const std::vector<float>& now = *it.called_with;
  const std::vector<float>& sent = rules_.overlap && !it.fresh ? *it.sent : now;
  const auto held = static_cast<std::uint64_t>(own_weight * static_cast<double>(worker::kMassUnit));
  std::vector<Ingredient> models;
  if (!it.fresh) models.push_back({sent, {it.round, held}, it.round});
  std::vector<std::vector<float>> received;
  for (const Folded& folded : it.folded) {
    const Delivery& delivery = deliveries_.at(folded.transfer);
    if (delivery.model == nullptr)
      return violated(to_string(worker) + " mixed with a model that was never offered");
    received.push_back(as_received(rules_.payload, *delivery.model));
    models.push_back({received.back(), delivery.offer, folded.own});
  }
  std::vector<float> mixed(parameters.begin(), parameters.end());
  for (std::size_t k = 0; k < mixed.size() && !it.fresh; ++k) mixed[k] -= now[k] - sent[k];
  if (const auto wrong = wrong_parameter(rules_.mixing, models, mixed, it.fresh)) {
    violated(to_string(worker) + " has a wrong mix in round " + std::to_string(it.round.value()) +
             " at parameter " + std::to_string(*wrong));
  }
}

}  // namespace selmcast::arena
