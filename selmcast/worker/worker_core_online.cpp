// The part of WorkerCore (worker_core.h) for trainings without rounds in common: plans in pieces, and going on.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "selmcast/worker/worker_core.h"

namespace selmcast::worker {

// ---- mixing and sending ------------------------------------------------------------------------------------

// Of the round that is being synchronised.
void WorkerCore::begin_multicast() {
  if (overlaps()) {
    if (!snapshot_.empty()) mix(snapshot_);
    snapshot_.assign(parameters_.begin(), parameters_.end());
  }
  sending_ = round_;
  multicast_open_ = true;
  multicast_planned_ = false;
  predicted_ = {};
}

Result<WorkerActions> WorkerCore::drain(std::span<float> parameters, Instant now) {
  if (over_) return WorkerActions{Over{*over_}};
  if (auto good = check_call("drain()", parameters); !good) return std::unexpected(good.error());
  parameters_ = parameters;
  synchronize_since_ = now;
  draining_ = overlaps() && multicast_open_;
  if (draining_) return WorkerActions{};
  return drained(now);
}

WorkerActions WorkerCore::drained(Instant now) {
  draining_ = false;
  if (!snapshot_.empty()) mix(snapshot_);
  snapshot_.clear();  // what comes from now on was not mixed with it
  answer_.workers = workers_;
  return answer(round_, now);
}

// ---- the manager's orders ----------------------------------------------------------------------------------

Result<void> WorkerCore::check_update(const wire::PlanUpdate& update) const {
  const auto wrong = [&](const std::string& what) {
    return failure(ErrorCode::protocol, "plan " + std::to_string(update.version.epoch) + "." +
                                            std::to_string(update.version.number) + " " + what);
  };
  if (!is_online()) return wrong("is of a training without rounds in common, which this one has");
  if (update.version.epoch > epoch_) return wrong("is of another epoch");
  if (update.version <= last_version_) return wrong("is not newer than the last one");
  std::set<WorkerId> senders;
  std::set<TransferId> transfers;
  if (!update.outgoing.empty()) {
    if (parameters_.empty() || sending_ != round_) return wrong("came while this worker was not ready");
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
    if (in.bytes != model_bytes_ || in.sounding) return wrong("announces a model of another size");
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
    start_multicast(update.outgoing);
    predicted_ = update.predicted;
    start_group(update.group, update.outgoing, actions);
  }
  for (const wire::Outgoing& planned : update.outgoing) send_to(planned, update.version, actions);
  for (const wire::NewRate& change : update.rates) {
    Outgoing& outgoing = outgoing_.at(change.transfer);
    outgoing.planned.rate = change.rate;
    const std::optional<LinkId> link = link_of(change.transfer);
    if (link && outgoing.state == Sending::streaming)
      actions.push_back(SetRate{*link, change.transfer, change.rate});
  }
  if (!update.rates.empty()) set_group_rate(actions);
  return actions;
}

// Every transfer of this worker's multicast is committed or was cancelled, and nothing else is said to be committed.
Result<void> WorkerCore::check_settled(const wire::MulticastOver& over) const {
  const std::set<TransferId> committed(over.committed.begin(), over.committed.end());
  std::size_t found = 0;
  for (const auto& [transfer, outgoing] : outgoing_) {
    const bool is_committed = committed.contains(transfer);
    found += is_committed ? 1 : 0;
    if (is_committed == outgoing.cancelled) {
      return failure(ErrorCode::protocol, "it called a multicast over while transfer " +
                                              std::to_string(transfer.value()) +
                                              (is_committed ? " is cancelled" : " is not settled"));
    }
  }
  if (found == committed.size() && found == over.committed.size()) return {};
  return failure(ErrorCode::protocol, "it counts deliveries that this worker did not send");
}

Result<WorkerActions> WorkerCore::multicast_over(const wire::MulticastOver& over, Instant now) {
  if (!is_online() || !multicast_open_ || over.round != sending_)
    return failure(ErrorCode::protocol, "it called a multicast over that this worker does not send");
  if (auto settled = check_settled(over); !settled) return std::unexpected(settled.error());
  WorkerActions actions;
  for (auto& [transfer, outgoing] : outgoing_) {
    if (outgoing.cancelled) continue;
    report_.sent_to.push_back(outgoing.planned.receiver.id);
    // A stream that still runs, or may still start, would read parameters while they are written.
    if (outgoing.state != Sending::sent && outgoing.state != Sending::acknowledged)
      stop_sending(transfer, actions);
  }
  outgoing_.clear();
  if (std::exchange(is_grouped_, false)) actions.push_back(GroupOrder(StopGroup{}));
  multicast_open_ = false;
  if (draining_) {
    std::ranges::move(drained(now), std::back_inserter(actions));
  } else if (!parameters_.empty() && sending_ != round_) {
    begin_multicast();  // it was held
  }
  return actions;
}

Result<WorkerActions> WorkerCore::go_on(const wire::GoOn& order, Instant now) {
  const bool is_due = is_online() && !parameters_.empty() && sending_ == round_;
  if (!is_due || order.round != round_ || (multicast_open_ && !overlaps()))
    return failure(ErrorCode::protocol, "it let this worker go on from a round that it is not in");
  if (!overlaps()) mix(parameters_);
  answer_.workers = workers_ = order.workers;
  WorkerActions actions = answer(next(round_), now);
  round_ = next(round_);
  return actions;
}

}  // namespace selmcast::worker
