#include "selmcast/arena/checkers.h"

#include <algorithm>
#include <cmath>

#include "selmcast/arena/weighted_mix.h"

namespace selmcast::arena {
namespace {

std::string pair_name(WorkerId from, WorkerId to) { return to_string(from) + " -> " + to_string(to); }

}  // namespace

void Checkers::planned(const manager::Planned& plan) {
  plan_.clear();
  streamed_.clear();
  offers_.clear();
  may_stream_.clear();
  left_.clear();
  for (const sync::Transfer& transfer : plan.plan.transfers) {
    plan_[transfer.id] = transfer;
    may_stream_[transfer.id] = {transfer.via.value_or(transfer.sender)};
  }
  soundings_.clear();
  for (const sync::Transfer& sounding : plan.plan.soundings) {
    soundings_[sounding.id] = sounding;
    may_stream_[sounding.id] = {sounding.sender};
  }
}

void Checkers::rerouted(const sync::TransferRerouted& rerouted) {
  const sync::Transfer& transfer = rerouted.transfer;
  if (!may_stream_[transfer.id].contains(rerouted.before))
    violated("rerouted a transfer from somebody who did not send it");
  may_stream_[transfer.id].insert(transfer.sender);
  outages_.rerouted(rerouted);
}

void Checkers::stream_started(WorkerId from, WorkerId to, TransferId transfer, Rate rate) {
  if (gone_.contains(from)) return;  // it does not know yet; whom it sends to refuses it
  const bool sounds = soundings_.contains(transfer);
  const auto& planned = sounds ? soundings_ : plan_;
  const auto found = planned.find(transfer);
  const std::string name =
      "stream " + pair_name(from, to) + " of transfer " + std::to_string(transfer.value());
  if (found == planned.end()) return violated(name + " is not of the plan in force");
  if (!may_stream_.at(transfer).contains(from) || found->second.receiver != to)
    violated(name + " joins other workers than planned");
  if (found->second.paced != rate) violated(name + " runs at another rate than planned");
  if (!streamed_.emplace(transfer, from).second) violated(name + " started twice");
}

void Checkers::round_over(const manager::RoundOver& over, Instant now) {
  for (const sync::Resting& rest : over.round.resting) {
    if (const auto wrong = outages_.objection(rest, now)) violated(*wrong);
  }
  outages_.settled(over.round.transfers);
  for (const sync::Settled& settled : over.round.transfers) {
    const sync::Transfer& t = settled.transfer;
    if (!settled.committed) continue;
    committed_[{t.receiver, over.round.round}].insert(t.sender);
    const bool sent = std::ranges::any_of(streamed_, [&](const auto& one) { return one.first == t.id; });
    if (!sent) violated("committed " + pair_name(t.sender, t.receiver) + " was never sent");
  }
  if (over.round.transfers.size() != plan_.size())
    violated("a round ended with other transfers than it was planned with");
  check_meetings(over.round);
  check_guests(over.round);
}

void Checkers::check_guests(const sync::RoundEnded& round) {
  for (const WorkerId guest : round.guests) {
    bool failed = false, reached = false;
    for (const sync::Settled& settled : round.transfers) {
      if (settled.transfer.receiver != guest) continue;
      reached = reached || settled.committed;
      failed = failed || !left_.contains(settled.transfer.sender);  // not because its sender left
    }
    if (reached) {
      attempts_.erase(guest);
    } else if (failed && ++attempts_[guest] > 3) {
      violated(to_string(guest) + " holds the others up though nothing reaches it");
    }
  }
}

void Checkers::check_meetings(const sync::RoundEnded& round) {
  std::map<std::pair<WorkerId, WorkerId>, bool> committed;
  for (const sync::Settled& settled : round.transfers) {
    committed[{settled.transfer.sender, settled.transfer.receiver}] = settled.committed;
  }
  for (WorkerId sender : round.members) {
    if (std::ranges::binary_search(round.guests, sender)) continue;  // sends nothing yet
    for (WorkerId receiver : round.members) {
      if (sender == receiver) continue;
      Wait& wait = waits_[{sender, receiver}];
      ++wait.rounds;
      const auto found = committed.find({sender, receiver});
      if (found != committed.end() && !found->second) ++wait.cancelled;
      const sync::WorkerPair pair{sender, receiver};
      const bool rests =
          std::ranges::any_of(round.resting, [&](const auto& rest) { return rest.pair == pair; });
      if (found == committed.end() && rests) ++wait.cancelled;
      if (wait.rounds > max_age_ + 1 + wait.cancelled) {
        violated(pair_name(sender, receiver) + " has not met for " + std::to_string(wait.rounds) + " rounds");
      }
      if (found != committed.end() && found->second) wait = {};
    }
  }
}

void Checkers::synchronize_called(WorkerId worker, Round round, std::span<const float> parameters) {
  models_[{worker, round}].assign(parameters.begin(), parameters.end());
  // Nobody needs a model of two rounds ago any more.
  if (round.value() >= 2) models_.erase({worker, Round(round.value() - 2)});
}

void Checkers::synchronized(WorkerId worker, const worker::SyncReport& report, std::span<const float> mixed,
                            std::size_t buffers_in_use) {
  if (gone_.contains(worker)) return;
  if (buffers_in_use != 0) violated(to_string(worker) + " holds receive buffers between rounds");
  const std::set<WorkerId> said(report.mixed_with.begin(), report.mixed_with.end());
  if (said != committed_[{worker, report.round}]) {
    violated(to_string(worker) + " mixed with others than were committed in round " +
             std::to_string(report.round.value()));
  }
  check_mixing(worker, report.round, report, mixed, false);
}

void Checkers::left(WorkerId worker) {
  gone_.insert(worker);
  left_.insert(worker);
  attempts_.erase(worker);
  std::erase_if(
      waits_, [&](const auto& entry) { return entry.first.first == worker || entry.first.second == worker; });
}

void Checkers::caught_up(WorkerId worker, const worker::SyncReport& report, std::span<const float> mixed,
                         std::size_t buffers_in_use) {
  if (gone_.contains(worker)) return;
  if (buffers_in_use != 0) violated(to_string(worker) + " holds receive buffers between rounds");
  if (report.next.value() == 0) return violated(to_string(worker) + " caught up before there was a round");
  const Round round(report.next.value() - 1);
  const std::set<WorkerId> said(report.mixed_with.begin(), report.mixed_with.end());
  if (said.empty() || said != committed_[{worker, round}])
    violated(to_string(worker) + " caught up with others than were committed");
  check_mixing(worker, round, report, mixed, true);
}

void Checkers::check_mixing(WorkerId worker, Round round, const worker::SyncReport& report,
                            std::span<const float> mixed, bool alone) {
  const auto held = static_cast<std::uint64_t>(report.own_weight * static_cast<double>(worker::kMassUnit));
  std::vector<Ingredient> models;
  if (!alone) models.push_back({models_.at({worker, round}), {round, held}, round});
  std::vector<std::vector<float>> received;
  for (WorkerId sender : report.mixed_with) {
    const auto found = models_.find({sender, round});
    if (found == models_.end())
      return violated(to_string(worker) + " mixed with a model that was never offered");
    const auto planned = std::ranges::find_if(plan_, [&](const auto& entry) {
      return entry.second.sender == sender && entry.second.receiver == worker;
    });
    const bool known = planned != plan_.end() && offers_.contains(planned->first);
    received.push_back(as_received(payload_, found->second));
    models.push_back({received.back(), known ? offers_.at(planned->first) : wire::MixHeader{}, round});
  }
  if (const auto wrong = wrong_parameter(mixing_, models, mixed, alone)) {
    violated(to_string(worker) + " has a wrong mix after round " + std::to_string(round.value()) +
             " at parameter " + std::to_string(*wrong));
  }
}

}  // namespace selmcast::arena
