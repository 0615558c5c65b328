// The half of RoundMachine (round_machine.h) that is about deliveries that do not go as planned, what is learnt, and
// workers that come.
#include <algorithm>
#include <iterator>
#include <utility>

#include "selmcast/base/check.h"
#include "selmcast/sync/donors.h"
#include "selmcast/sync/round_machine.h"

namespace selmcast::sync {

namespace {

constexpr double kLateShare = 1.2;
constexpr Duration kReliefPause = Duration::seconds(0.25);
constexpr Duration kBurstsOver = Duration::seconds(0.5);  // senders above plan have given way by then

std::string megabits(Rate rate) {
  const auto tenths = static_cast<std::int64_t>(rate.bps() / 1e5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

// When what was told held, for a stream that began then.
std::vector<PacePiece> pieces_of(const PaceSteps& steps, Duration began) {
  std::vector<PacePiece> pieces;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const Duration to = k + 1 < steps.size() ? began + steps[k + 1].after : Duration::infinite();
    pieces.push_back({began + steps[k].after, to, steps[k].rate});
  }
  return pieces;
}

}  // namespace

Result<Actions> RoundMachine::failed(WorkerId worker, const Failure& failed, Instant now) {
  Actions actions;
  if (failed.transfer.value() > transfers_issued_) {
    return failure(ErrorCode::protocol, "reported a transfer that was never planned");
  }
  if (const auto sounding = find_sounding(failed.transfer))
    return sounding_failed(*sounding, worker, failed.why);
  const auto k = find_open(failed.transfer);
  if (!k) return actions;
  const Transfer known = in_flight_->transfers[*k].transfer;
  if (is_stale(worker, failed, known)) return actions;
  if (known.via && (worker == known.via || worker == known.receiver)) {
    note_outage(known, now);
    reroute(*k, failed.why, actions);
    return actions;
  }
  if (known.sender != worker && known.receiver != worker) {
    return failure(ErrorCode::protocol, "reported the failure of a transfer between others");
  }
  if (!known.via) note_outage(known, now);  // else it is not the sender's link
  cancel(*k, failed.why, actions);
  // Who does not get it cannot send it on.
  reroute_what_goes_via(known.receiver, known.sender, failed.why, actions);
  end_round_if_settled(now, actions);
  return actions;
}

Result<Actions> RoundMachine::slow(WorkerId sender, const SlowTransfer& slow, Instant now) {
  Actions actions;
  if (slow.transfer.value() > transfers_issued_ || !(slow.goodput > Rate()))
    return failure(ErrorCode::protocol, "reported a transfer that was never planned");
  const auto k = find_open(slow.transfer);
  if (!k) return actions;
  Settled& settled = in_flight_->transfers[*k];
  if (settled.transfer.sender != sender)
    return failure(ErrorCode::protocol, "reported a transfer that others send");
  if (settings_.multicast != plan::MulticastKind::network) return actions;
  settled.slow = slow.goodput;
  settled.slow_alone = settled.slow_alone || slow.alone;
  const WorkerId receiver = settled.transfer.receiver;
  const bool late = now >= in_flight_->issued + kBurstsOver &&
                    settled.transfer.bytes / slow.goodput > in_flight_->predicted * kLateShare;
  const auto relieved = in_flight_->relieved.find(receiver);
  // What the others get once one is dropped shows in their next reports.
  const bool again = relieved != in_flight_->relieved.end() && now < relieved->second + kReliefPause;
  if (!late || again || !is_spare(*k)) return actions;
  in_flight_->relieved[receiver] = now;
  drop(*k, now,
       to_string(receiver) + " gets " + megabits(slow.goodput) + " of " +
           megabits(settled.transfer.allocated) + " Mbit/s, and nobody needs this delivery",
       actions);
  end_round_if_settled(now, actions);
  return actions;
}

// Its sender has enough receivers without it, and the pair need not meet yet.
bool RoundMachine::is_spare(std::size_t index) const {
  const Transfer& transfer = in_flight_->transfers[index].transfer;
  const bool chosen = transfer.reason == plan::Reason::spare || transfer.reason == plan::Reason::basic;
  if (!chosen || guests_.contains(transfer.receiver)) return false;
  std::uint32_t others = 0;
  for (std::size_t k = 0; k < in_flight_->transfers.size(); ++k) {
    const Settled& settled = in_flight_->transfers[k];
    if (k == index || settled.transfer.sender != transfer.sender) continue;
    if (settled.committed || !in_flight_->settled[k]) ++others;
  }
  return others >= static_cast<std::uint32_t>(settings_.min_receivers.of(members_.size()));
}

// It carried what was seen of it, just now.
void RoundMachine::drop(std::size_t index, Instant now, const std::string& why, Actions& actions) {
  Settled& settled = in_flight_->transfers[index];
  settled.dropped = true;
  settled.finished = now - in_flight_->issued;
  settled.started = settled.finished - std::min(settled.finished, kReliefPause);
  cancel(index, why, actions);
}

// Of a way that the transfer does not go any more: it has been rerouted meanwhile.
bool RoundMachine::is_stale(WorkerId worker, const Failure& failed, const Transfer& transfer) const {
  if (!transfer.source || transfer.via) return false;  // has its first way
  return worker == transfer.receiver ? failed.peer != transfer.sender : worker != transfer.sender;
}

void RoundMachine::note_outage(const Transfer& transfer, Instant now) {
  outages_.failed({transfer.via.value_or(transfer.sender), transfer.receiver}, now);
}

// Positions in a problem of those; ascending. With relays the model may take another way, so pairs stay required.
std::vector<plan::Pair> RoundMachine::out_of_plans(const std::vector<WorkerId>& ids, Instant now) const {
  std::vector<plan::Pair> out;
  const auto index = [&](WorkerId id) {
    return WorkerIndex(static_cast<std::uint32_t>(std::ranges::lower_bound(ids, id) - ids.begin()));
  };
  for (const Resting& rest : outages_.resting(now))
    out.push_back({index(rest.pair.sender), index(rest.pair.receiver)});
  return out;
}

// To its sender. `source` stays, as the mark of what has been rerouted.
void RoundMachine::reroute(std::size_t index, const std::string& why, Actions& actions) {
  Transfer& transfer = in_flight_->transfers[index].transfer;
  const WorkerId before = *std::exchange(transfer.via, std::nullopt);
  actions.push_back(TransferRerouted{transfer, before, why});
}

// Of one sender, or of all that are still here.
void RoundMachine::reroute_what_goes_via(WorkerId via, std::optional<WorkerId> sender, const std::string& why,
                                         Actions& actions) {
  for (std::size_t k = 0; k < in_flight_->transfers.size(); ++k) {
    const Transfer& transfer = in_flight_->transfers[k].transfer;
    if (in_flight_->settled[k] || transfer.via != via || !members_.contains(transfer.sender)) continue;
    if (!sender || transfer.sender == *sender) reroute(k, why, actions);
  }
}

void RoundMachine::learn(const InFlight& flight) {
  const std::vector<Settled>& transfers = flight.transfers;
  std::vector<DeliveryObservation> observed;
  for (const Settled& settled : transfers) {
    const Transfer& t = settled.transfer;
    // One that was late has carried less than all in its time, so it shows a link that carries that much at most. Else
    // a link far below what it was declared as would be planned as declared, and be too slow, for ever.
    // With relays it may have waited for others: for who sends it on, or for the buffer of one before it; so it may
    // where network multicasts queue.
    const bool has_waited =
        settings_.multicast == plan::MulticastKind::relay || flight.queues.contains(t.receiver);
    const bool teaches_late = settled.late && !has_waited;
    const bool teaches_dropped = settled.dropped && settled.slow;
    if (!settled.committed && !teaches_late && !teaches_dropped) continue;
    // What is sent on cannot come faster than it came before: its links are to blame only if that was in time.
    // And what was rerouted has waited in between.
    if (t.source && (!t.via || !kept_pace(*t.source, transfers))) continue;
    observed.push_back({t.via.value_or(t.sender), t.receiver, t.bytes, settled.started, settled.finished,
                        t.allocated, t.paced, settled.progress});
    observed.back().late = settled.late;
    observed.back().ack_load = settled.ack_load;
    observed.back().paces = pieces_of(t.steps, settled.started);
    observed.back().pulsed = !t.steps.empty();
    observed.back().own_copy = t.own_copy;
    // Parts of what is sent on wait for others; the whole says more.
    if (settings_.multicast == plan::MulticastKind::relay) observed.back().progress.clear();
    if (teaches_dropped) observed.back().bytes = *settled.slow * (settled.finished - settled.started);
    if (settings_.multicast == plan::MulticastKind::network && !settled.late && !t.own_copy)
      observed.back().lossy = settled.slow.has_value(), observed.back().alone = settled.slow_alone;
  }
  for (const Settled& settled : flight.soundings) {
    const Transfer& t = settled.transfer;
    if (!settled.committed) continue;
    observed.push_back({t.sender, t.receiver, t.bytes, settled.started, settled.finished, t.allocated,
                        t.paced, settled.progress});
    observed.back().ack_load = settled.ack_load;
  }
  estimator_.observe(observed, settings_.multicast == plan::MulticastKind::network);
}

// What broke, or whose side left, says nothing of how long deliveries take; what was late does.
void RoundMachine::observe_patience(const InFlight& flight) {
  std::optional<Duration> longest;
  for (const Settled& settled : flight.transfers) {
    if (settled.committed || settled.late) longest = std::max(longest.value_or(Duration()), settled.finished);
  }
  if (longest) patience_.took(flight.predicted, *longest);
}

// It was committed, at the rate that it was given.
bool RoundMachine::kept_pace(TransferId transfer, const std::vector<Settled>& transfers) const {
  constexpr double kTolerance = 1.1;
  const auto found =
      std::ranges::find(transfers, transfer, [](const Settled& settled) { return settled.transfer.id; });
  if (found == transfers.end() || !found->committed) return false;
  return found->finished <= found->transfer.bytes / found->transfer.allocated * kTolerance;
}

// ---- workers that come -------------------------------------------------------------------------------------

Actions RoundMachine::catch_up(WorkerId worker, const Member& member, Instant /*now*/) {
  SELMCAST_CHECK(!members_.contains(worker) && !comers_.contains(worker), "a worker comes once");
  gathering() ? let_in(worker, member) : void(comers_[worker] = member);
  return {};  // those who are here already are not all ready, or there would be a plan
}

void RoundMachine::let_in(WorkerId worker, const Member& member) {
  members_[worker] = member;
  ready_[worker] = true;
  guests_[worker] = 0;
  ages_.join(worker);
  meetings_.join(worker);
  estimator_.join(worker, member.declared_uplink, member.declared_downlink);
}

// A round has ended, and no other has begun.
void RoundMachine::greet_comers(const RoundEnded& ended, Instant now, Actions& actions) {
  for (const WorkerId guest : ended.guests) {
    CaughtUp caught_up{guest, round_, {}, members_.size()};
    for (const Settled& settled : ended.transfers) {
      if (settled.committed && settled.transfer.receiver == guest)
        caught_up.from.push_back(settled.transfer.sender);
    }
    if (caught_up.from.empty()) {  // turned away, or a guest for another round
      turn_away_in_vain(guest, ended, now, actions);
      continue;
    }
    guests_.erase(guest);
    ready_.at(guest) = false;
    actions.push_back(std::move(caught_up));
  }
  for (const auto& [worker, member] : std::exchange(comers_, {})) let_in(worker, member);
}

// After an attempt in which nothing came to it, if that was one too many.
void RoundMachine::turn_away_in_vain(WorkerId guest, const RoundEnded& ended, Instant now, Actions& actions) {
  std::string last;
  for (const Settled& settled : ended.transfers) {
    const Transfer& transfer = settled.transfer;
    // Who has left is not to be blamed on the guest.
    if (transfer.receiver == guest && members_.contains(transfer.sender)) last = settled.why;
  }
  if (last.empty() || ++guests_.at(guest) < kAttempts) return;
  const std::string why = why_turned_away(last);
  actions.push_back(Evicted{guest, why});
  Actions more = leave(guest, why, now);
  actions.insert(actions.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// Of those that are no guests.
Rate RoundMachine::slowest_link() const {
  Rate slowest = Rate::unlimited();
  for (const auto& [id, member] : members_) {
    if (!guests_.contains(id)) slowest = std::min({slowest, estimator_.uplink(id), estimator_.downlink(id)});
  }
  return slowest;
}

// Ascending. Over what rests only a relay plan may find a way.
std::vector<WorkerPair> RoundMachine::required_pairs(Instant now) const {
  std::vector<WorkerPair> pairs = ages_.required();
  if (settings_.multicast != plan::MulticastKind::relay)
    std::erase_if(pairs, [&](const WorkerPair& pair) { return outages_.rests(pair, now); });
  if (guests_.empty()) return pairs;
  std::erase_if(pairs, [&](const WorkerPair& pair) { return guests_.contains(pair.sender); });
  std::vector<WorkerId> others;
  for (const auto& [id, member] : members_) {
    if (!guests_.contains(id)) others.push_back(id);
  }
  std::vector<WorkerId> guests;
  for (const auto& [id, attempts] : guests_) guests.push_back(id);
  const auto given = choose_donors(others, guests,
                                   {[&](WorkerId id) { return estimator_.uplink(id); },
                                    [&](WorkerPair pair) { return !outages_.rests(pair, now); },
                                    [&](WorkerId id) { return guests_.at(id); }});
  pairs.insert(pairs.end(), given.begin(), given.end());
  std::ranges::sort(pairs);
  pairs.erase(std::ranges::unique(pairs).begin(), pairs.end());
  return pairs;
}

}  // namespace selmcast::sync
