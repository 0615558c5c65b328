#include "selmcast/arena/online_checkers.h"

#include <algorithm>
#include <cmath>

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
    deliveries_[t.id] = {t, sender.ready, State::open, false, {t.paced}};
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
                 [&](const wire::Commit& commit) {
                   settle(commit.transfer, State::committed);
                   if (const auto found = workers_.find(worker); found != workers_.end())
                     found->second.committed_to.push_back(commit.transfer);
                 },
                 [&](const wire::Cancel& cancel) { settle(cancel.transfer, State::cancelled); },
                 [&](const wire::GoOn& order) { went_on(worker, order); },
                 [](const auto&) {},
             },
             message);
}

void OnlineCheckers::went_on(WorkerId worker, const wire::GoOn& order) {
  Worker& it = workers_[worker];
  if (it.completed != order.round.value() + 1)
    violated(to_string(worker) + " goes on from another round than it completed");
  std::uint64_t least = UINT64_MAX;
  for (const auto& [id, other] : workers_) least = std::min(least, other.completed);
  if (staleness_ && it.completed > least + *staleness_) {
    violated(to_string(worker) + " goes on with " + std::to_string(it.completed) +
             " rounds, the slowest has " + std::to_string(least));
  }
  Expected expected{order.round, it.ready, std::exchange(it.committed_to, {}), {}, 0};
  for (const TransferId transfer : std::exchange(it.multicast, {})) {
    const Delivery& delivery = deliveries_.at(transfer);
    const bool committed = delivery.state == State::committed;
    if (delivery.state == State::open)
      violated(name_of(delivery.transfer) + " runs while its sender goes on");
    if (committed != std::ranges::binary_search(order.committed, transfer))
      violated(name_of(delivery.transfer) + " is counted otherwise at its sender");
    if (committed) expected.reached.push_back(delivery.transfer.receiver);
  }
  for (const auto& [id, delivery] : deliveries_) {
    if (delivery.state == State::open && delivery.transfer.receiver == worker) ++expected.open;
  }
  it.expected.push_back(std::move(expected));
}

void OnlineCheckers::multicast_ended(const sync::MulticastEnded& ended) {
  std::size_t planned = 0;
  const auto worker = workers_.find(ended.worker);
  if (worker != workers_.end()) planned = worker->second.multicast.size();
  if (ended.complete && planned != ended.transfers.size())
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
    if (other == ended.worker) continue;
    Wait& wait = waits_[{ended.worker, other}];
    ++wait.multicasts;
    const auto found = to.find(other);
    const bool met = found != to.end() && found->second->committed;
    if (found != to.end() && !met && !found->second->dropped) ++wait.failed;
    if (wait.multicasts > max_age_ + 1 + wait.failed) {
      violated(to_string(ended.worker) + " -> " + to_string(other) + " has not met for " +
               std::to_string(wait.multicasts) + " multicasts");
    }
    if (met) wait = {};
  }
}

// ---- the workers -------------------------------------------------------------------------------------------

void OnlineCheckers::synchronize_called(WorkerId worker, Round /*round*/, std::span<const float> parameters) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;  // thrown out, and does not know yet
  found->second.ready = std::make_shared<const std::vector<float>>(parameters.begin(), parameters.end());
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
}

void OnlineCheckers::rate_set(WorkerId from, TransferId transfer, Rate rate) {
  check_traffic("the new rate of transfer " + std::to_string(transfer.value()), from, transfer, rate);
}

void OnlineCheckers::synchronized(WorkerId worker, const worker::SyncReport& report,
                                  std::span<const float> mixed, std::size_t buffers_in_use) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  const std::string who = to_string(worker) + " in round " + std::to_string(report.round.value());
  if (found->second.expected.empty()) return violated(who + " went on without being told to");
  const Expected expected = std::move(found->second.expected.front());
  found->second.expected.pop_front();
  if (expected.round != report.round) violated(who + " reports another round");
  std::vector<WorkerId> senders;
  for (const TransferId t : expected.folded) senders.push_back(deliveries_.at(t).transfer.sender);
  std::ranges::sort(senders);
  if (senders != report.mixed_with) violated(who + " mixed with others than were committed");
  std::vector<WorkerId> reached = expected.reached;
  std::ranges::sort(reached);
  if (reached != report.sent_to) violated(who + " reports other receivers than were committed");
  if (buffers_in_use > expected.open) violated(who + " holds receive buffers of settled transfers");
  check_mixing(worker, expected, mixed);
  for (const TransferId t : expected.folded) deliveries_.at(t).model.reset();  // mixed once, needed no more
}

void OnlineCheckers::check_mixing(WorkerId worker, const Expected& expected, std::span<const float> mixed) {
  std::vector<Model> models{expected.own};
  for (const TransferId t : expected.folded) models.push_back(deliveries_.at(t).model);
  if (std::ranges::find(models, nullptr) != models.end())
    return violated(to_string(worker) + " mixed with a model that was never offered");
  for (std::size_t k = 0; k < mixed.size(); ++k) {
    double sum = 0;
    for (const Model& model : models) sum += static_cast<double>((*model)[k]);
    const double right = sum / static_cast<double>(models.size());
    if (std::abs(static_cast<double>(mixed[k]) - right) > 1e-5 * (1 + std::abs(right))) {
      return violated(to_string(worker) + " has a wrong mix after round " +
                      std::to_string(expected.round.value()) + " at parameter " + std::to_string(k));
    }
  }
}

}  // namespace selmcast::arena
