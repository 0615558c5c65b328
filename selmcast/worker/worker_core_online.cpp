// The part of WorkerCore (worker_core.h) for trainings without rounds in common: plans in pieces, and going on.
#include <algorithm>
#include <set>
#include <utility>

#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

// From now on what is folded is for the next synchronize() to return.
void WorkerCore::fresh_report() {
  report_ = {};
  report_.round = round_;
  multicast_planned_ = false;
}

Result<void> WorkerCore::check_update(const wire::PlanUpdate& update) const {
  const auto wrong = [&](const std::string& what) {
    return failure(ErrorCode::protocol, "plan " + std::to_string(update.version.epoch) + "." +
                                            std::to_string(update.version.number) + " " + what);
  };
  if (!is_online()) return wrong("is of a training without rounds in common, which this one has");
  if (update.version.epoch != welcome_->epoch) return wrong("is of another epoch");
  if (update.version <= last_version_) return wrong("is not newer than the last one");
  std::set<WorkerId> senders;
  std::set<TransferId> transfers;
  if (!update.outgoing.empty()) {
    if (parameters_.empty()) return wrong("came while this worker was not ready");
    if (multicast_planned_) return wrong("is a second one for the same round");
    if (update.round != round_) {
      return wrong("is for round " + std::to_string(update.round.value()) + ", this worker is in round " +
                   std::to_string(round_.value()));
    }
  }
  if (const auto fault = outgoing_fault(update.outgoing, transfers)) return wrong(*fault);
  for (const wire::Incoming& in : update.incoming) {
    if (in.sender == welcome_->id) return wrong("makes this worker its own sender");
    if (!senders.insert(in.sender).second || inbox_.expects_from(in.sender))
      return wrong("names a sender whose last transfer is not settled");
    if (!transfers.insert(in.transfer).second) return wrong("names a transfer twice");
    if (in.bytes != model_bytes_) return wrong("announces a model of another size");
  }
  for (const wire::NewRate& change : update.rates) {
    if (!outgoing_.contains(change.transfer)) return wrong("gives a rate to a transfer that does not run");
    if (!(change.rate > Rate())) return wrong("has a rate that is not positive");
  }
  return {};
}

Result<WorkerActions> WorkerCore::obey(const wire::PlanUpdate& update, Instant now) {
  if (auto good = check_update(update); !good) return std::unexpected(good.error());
  last_version_ = update.version;
  WorkerActions actions;
  answer_offers(inbox_.add(update.version, update.incoming, now), actions);
  if (!update.outgoing.empty()) {
    multicast_planned_ = true;
    start_mass(update.outgoing);
    report_.predicted = update.predicted;
  }
  for (const wire::Outgoing& planned : update.outgoing) send_to(planned, update.version, actions);
  for (const wire::NewRate& change : update.rates) {
    Outgoing& outgoing = outgoing_.at(change.transfer);
    outgoing.planned.rate = change.rate;
    const std::optional<LinkId> link = link_to(outgoing.planned.receiver.id);
    if (link && outgoing.state == Sending::streaming)
      actions.push_back(SetRate{*link, change.transfer, change.rate});
  }
  return actions;
}

// Every transfer of this worker's multicast is committed or was cancelled, and nothing else is said to be committed.
Result<void> WorkerCore::check_settled(const wire::GoOn& order) const {
  const std::set<TransferId> committed(order.committed.begin(), order.committed.end());
  std::size_t found = 0;
  for (const auto& [transfer, outgoing] : outgoing_) {
    const bool is_committed = committed.contains(transfer);
    found += is_committed ? 1 : 0;
    if (is_committed == outgoing.cancelled) {
      return failure(ErrorCode::protocol, "it let this worker go on while transfer " +
                                              std::to_string(transfer.value()) +
                                              (is_committed ? " is cancelled" : " is not settled"));
    }
  }
  if (found == committed.size() && found == order.committed.size()) return {};
  return failure(ErrorCode::protocol, "it counts deliveries that this worker did not send");
}

Result<WorkerActions> WorkerCore::go_on(const wire::GoOn& order, Instant now) {
  if (!is_online() || parameters_.empty() || order.round != round_)
    return failure(ErrorCode::protocol, "it let this worker go on from a round that it is not in");
  if (auto settled = check_settled(order); !settled) return std::unexpected(settled.error());
  WorkerActions actions;
  for (auto& [transfer, outgoing] : outgoing_) {
    if (outgoing.cancelled) continue;
    report_.sent_to.push_back(outgoing.planned.receiver.id);
    // A stream that still runs, or may still start, would read parameters while finish() writes them.
    if (outgoing.state != Sending::sent && outgoing.state != Sending::acknowledged)
      stop_sending(transfer, actions);
  }
  mixer_->finish(parameters_);
  std::ranges::sort(report_.mixed_with);
  std::ranges::sort(report_.sent_to);
  report_.workers = order.workers;
  report_.elapsed = now - synchronize_since_;
  report_.own_weight = mixer_->own_weight();
  outgoing_.clear();
  folded_.clear();
  parameters_ = {};
  round_ = next(round_);
  actions.push_back(Synchronized{std::exchange(report_, {})});
  fresh_report();
  return actions;
}

}  // namespace selmcast::worker
