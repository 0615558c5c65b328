#include "selmcast/manager/manager_core.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/overloaded.h"
#include "selmcast/manager/groups.h"

namespace selmcast::manager {
namespace {

std::unique_ptr<sync::TrainingMachine> machine_of(const ManagerSettings& settings) {
  if (settings.online) return std::make_unique<sync::OnlineRounds>(settings.rounds, *settings.online);
  return std::make_unique<sync::RoundMachine>(settings.rounds);
}

// Whether who leaves so has done its part: what our own programs say then, and worker.h's destructor without an
// exception under way. Whoever says anything else was interrupted.
bool is_done(const std::string& reason) {
  return reason.empty() || reason == "done" || reason == "the worker was closed";
}

sync::TrainingMachine::Delivery delivery_of(const wire::Delivered& d) {
  return {d.transfer, d.bytes, d.started, d.finished, d.progress, d.ack_load};
}

}  // namespace

Result<void> check_settings(const ManagerSettings& s) {
  const auto bad = [](const std::string& what) { return failure(ErrorCode::invalid_input, what); };
  if (!s.online && s.rounds.planner == nullptr) return bad("there is no such planner");
  if (s.online && s.rounds.multicast == plan::MulticastKind::relay)
    return bad("relay is for bsp; with ssp or asp give unicast, network or auto");
  if (s.online && sync::make_online_policy(s.online->policy, Rng(1)) == nullptr) {
    std::string names = "auto";
    for (const std::string_view name : sync::online_policy_names()) names += ", " + std::string(name);
    return bad("there is no planner '" + s.online->policy + "' for ssp and asp; there are " + names);
  }
  if (s.online && s.online->overlap && s.online->staleness == 0) {
    return bad(
        "overlap: give a staleness of at least 1; its own multicast alone puts a worker one round ahead");
  }
  if (s.online && !(s.online->keep_fraction >= 0 && s.online->keep_fraction <= 1)) {
    return bad("keep_fraction " + std::to_string(s.online->keep_fraction) + ": give a number from 0 to 1");
  }
  if (s.workers < 1 || s.workers > plan::kMaxWorkers) {
    return bad(std::to_string(s.workers) + " workers: give between 1 and " +
               std::to_string(plan::kMaxWorkers));
  }
  if (s.min_workers < 1 || s.min_workers > s.workers) {
    return bad("min_workers " + std::to_string(s.min_workers) +
               ": give between 1 and the number of workers, " + std::to_string(s.workers));
  }
  const double least = s.rounds.min_receivers.value();
  if (s.workers > 1 && least >= s.workers) {
    return bad("min_receivers " + std::to_string(static_cast<std::int64_t>(least)) + ": of " +
               std::to_string(s.workers) + " workers each has only " + std::to_string(s.workers - 1) +
               " others; give less, or a fraction");
  }
  if (s.heartbeat_interval < Duration::milliseconds(1) || s.heartbeat_timeout < s.heartbeat_interval ||
      s.manager_timeout < s.heartbeat_interval) {
    return bad("heartbeats must be at least 1 ms apart and more frequent than the timeouts");
  }
  for (const Duration wait : {s.hello_patience, s.join_patience, s.heartbeat_interval, s.heartbeat_timeout,
                              s.manager_timeout, s.stream_patience, s.manager_patience, s.return_patience}) {
    if (!(wait >= Duration()) || wait == Duration::infinite())
      return bad(
          "every wait (for workers to join, for heartbeats, for who has gone) is a finite number of seconds, "
          "not " +
          to_string(wait));
  }
  return {};
}

ManagerCore::ManagerCore(ManagerSettings settings, Instant now)
    : settings_(std::move(settings)),
      machine_(machine_of(settings_)),
      probing_(settings_.online ? plan::MulticastKind::unicast : plan::MulticastKind::relay),
      created_(now) {}

Outputs ManagerCore::opened(SessionId session, Instant /*now*/) {
  sessions_[session] = {};
  return {};
}

Outputs ManagerCore::message(SessionId id, const wire::FromWorker& message, Instant now) {
  Outputs outputs;
  now_ = now;
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || finished_) return outputs;
  Session& session = found->second;
  if (const auto* greeting = std::get_if<wire::Hello>(&message)) {
    if (session.hello) {
      drop(id, "said hello twice", Departure::expelled, now, outputs);
      return outputs;
    }
    hello(id, session, *greeting, outputs);
    if (!started_ && waiting() == settings_.workers) start_training(now, outputs);
    return outputs;
  }
  if (const auto* goodbye = std::get_if<wire::Goodbye>(&message)) {
    const Departure how = is_done(goodbye->reason) ? Departure::done : Departure::interrupted;
    drop(id, goodbye->reason.empty() ? "goodbye" : goodbye->reason, how, now, outputs);
    return outputs;
  }
  if (session.standing == Standing::visitor && std::holds_alternative<wire::CatchUp>(message)) {
    be_guest(session, now, outputs);
    return outputs;
  }
  if (session.standing == Standing::visitor && std::holds_alternative<wire::Heartbeat>(message))
    return outputs;
  if (!session.worker || session.standing == Standing::visitor) {
    drop(id, "spoke before its welcome", Departure::expelled, now, outputs);
    return outputs;
  }
  auto actions = member_message(*session.worker, message, now);
  if (!actions) {
    drop(id, actions.error().message, Departure::expelled, now, outputs);
    return outputs;
  }
  carry_out(*actions, outputs);
  choose_multicast(outputs);
  return outputs;
}

Result<sync::Actions> ManagerCore::member_message(WorkerId worker, const wire::FromWorker& message,
                                                  Instant now) {
  return std::visit(
      Overloaded{
          [&](const wire::Ready& ready) { return machine_->ready(worker, ready.round, now); },
          [&](const wire::Delivered& d) { return machine_->delivered(worker, delivery_of(d), now); },
          [&](const wire::TransferFailed& failed) {
            return machine_->failed(worker, {failed.transfer, failed.reason, failed.peer}, now);
          },
          [&](const wire::Slow& slow) {
            return machine_->slow(worker, {slow.transfer, slow.goodput, slow.alone}, now);
          },
          [&](const wire::Probed& seen) -> Result<sync::Actions> {
            probing_.seen(worker, seen);
            return sync::Actions{};
          },
          [&](const wire::CatchUp&) -> Result<sync::Actions> {
            return failure(ErrorCode::protocol, "wants to catch up, but is not behind");
          },
          [&](const auto&) -> Result<sync::Actions> { return sync::Actions{}; },
      },
      message);
}

std::size_t ManagerCore::members() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const auto& s) { return s.second.standing == Standing::member; }));
}

std::size_t ManagerCore::waiting() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const auto& s) { return s.second.hello.has_value(); }));
}

// ---- rounds ------------------------------------------------------------------------------------------------

void ManagerCore::carry_out(const sync::Actions& actions, Outputs& outputs) {
  for (const sync::Action& action : actions) {
    std::visit(
        Overloaded{
            [&](const sync::RoundPlanned& plan) { send_plans(plan, outputs); },
            [&](const sync::TransferCommitted& committed) {
              send_to(committed.transfer.receiver, wire::Commit{committed.transfer.id}, outputs);
            },
            [&](const sync::TransferCancelled& cancelled) {
              const wire::Cancel cancel{cancelled.transfer.id, cancelled.why};
              send_to(cancelled.transfer.sender, cancel, outputs);
              if (cancelled.transfer.via) send_to(*cancelled.transfer.via, cancel, outputs);
              send_to(cancelled.transfer.receiver, cancel, outputs);
            },
            [&](const sync::TransferRerouted& rerouted) {
              const wire::Reroute reroute{rerouted.transfer.id, rerouted.why};
              send_to(rerouted.transfer.sender, reroute, outputs);
              send_to(rerouted.before, reroute, outputs);
              send_to(rerouted.transfer.receiver, reroute, outputs);
              outputs.push_back(rerouted);
            },
            [&](const sync::RoundEnded& ended) { send_round_end(ended, outputs); },
            [&](const sync::Evicted& evicted) { evict(evicted, outputs); },
            [&](const sync::PlanChanged& plan) { send_updates(plan, outputs); },
            [&](const sync::MulticastEnded& ended) {
              if (ended.complete) send_multicast_over(ended, outputs);
              outputs.push_back(ended);
            },
            [&](const sync::WentOn& went) {
              send_to(went.worker, wire::GoOn{went.done, static_cast<std::uint32_t>(went.members)}, outputs);
              outputs.push_back(went);
            },
            [&](const sync::CaughtUp& it) { caught_up(it, outputs); },
            [&](const auto& told) { outputs.push_back(told); },
        },
        action);
  }
}

void ManagerCore::evict(const sync::Evicted& evicted, Outputs& outputs) {
  const auto session = session_of_.find(evicted.worker);
  if (session == session_of_.end()) return;
  const SessionId id = session->second;
  session_of_.erase(session);
  Session& it = sessions_.at(id);
  std::string why = evicted.why;
  if (it.standing == Standing::guest) why = turned_away_guest(*it.hello, why);
  it.standing = Standing::stranger;
  outputs.push_back(Left{evicted.worker, why, members(), false});
  probing_.left(evicted.worker);
  turn_away(id, why, outputs);
}

wire::Outgoing ManagerCore::outgoing(const sync::Transfer& transfer) const {
  const wire::Hello& receiver = *sessions_.at(session_of_.at(transfer.receiver)).hello;
  return {transfer.id, {transfer.receiver, receiver.data_host, receiver.data_port}, transfer.paced};
}

void ManagerCore::send_plans(const sync::RoundPlanned& plan, Outputs& outputs) {
  const PlanVersion version = round_version_ = {settings_.epoch, plan.number};
  std::map<WorkerId, wire::RoundPlan> parts;
  for (const WorkerId worker : plan.members) {
    parts[worker] = {version, plan.round,     {},
                     {},      plan.predicted, plan.multicast == plan::MulticastKind::relay};
  }
  for (const sync::Transfer& transfer : plan.transfers) {
    wire::Outgoing own = outgoing(transfer);
    own.apart = transfer.own_copy;
    own.steps = transfer.steps;
    const bool in_group = plan.multicast == plan::MulticastKind::network && !transfer.own_copy;
    if (in_group && transfer.paced > transfer.allocated) own.planned = transfer.allocated;
    if (transfer.via) {
      wire::Outgoing forwarded = own;
      forwarded.source = transfer.source;
      parts.at(*transfer.via).outgoing.push_back(std::move(forwarded));
      own.elsewhere = true;
    }
    wire::RoundPlan& sending = parts.at(transfer.sender);
    sending.outgoing.push_back(std::move(own));
    if (in_group)
      sending.group = group_of(transfer.sender, plan.number, settings_.run_token, settings_.segment_bytes);
    parts.at(transfer.receiver)
        .incoming.push_back({transfer.id, transfer.sender, transfer.bytes, transfer.via,
                             in_group ? sending.group : std::nullopt});
  }
  for (const sync::Transfer& sounding : plan.soundings) {
    parts.at(sounding.sender).outgoing.push_back(outgoing(sounding));
    parts.at(sounding.sender).outgoing.back().sounding = sounding.bytes;
    parts.at(sounding.receiver).incoming.push_back({sounding.id, sounding.sender, sounding.bytes});
    parts.at(sounding.receiver).incoming.back().sounding = true;
  }
  outputs.push_back(Planned{version, plan});
  for (auto& [worker, part] : parts) send_to(worker, std::move(part), outputs);
}

// Whom a change does not concern hears nothing of it. There are no bursts here: rates change while multicasts run.
void ManagerCore::send_updates(const sync::PlanChanged& plan, Outputs& outputs) {
  const PlanVersion version{settings_.epoch, plan.number};
  std::map<WorkerId, wire::PlanUpdate> parts;
  const auto part = [&](WorkerId worker) -> wire::PlanUpdate& {
    return parts.try_emplace(worker, wire::PlanUpdate{version, plan.round, {}, {}, {}, plan.predicted})
        .first->second;
  };
  for (const sync::Transfer& transfer : plan.started) {
    wire::PlanUpdate& sending = part(transfer.sender);
    sending.outgoing.push_back(outgoing(transfer));
    if (plan.multicast == plan::MulticastKind::network)
      sending.group = group_of(transfer.sender, plan.number, settings_.run_token, settings_.segment_bytes);
    const auto group = sending.group;
    part(transfer.receiver).incoming.push_back({transfer.id, transfer.sender, transfer.bytes, {}, group});
  }
  for (const sync::PlanChanged::NewRate& change : plan.new_rates)
    part(change.transfer.sender).rates.push_back({change.transfer.id, change.transfer.paced});
  outputs.push_back(Replanned{version, plan});
  for (auto& [worker, update] : parts) send_to(worker, std::move(update), outputs);
}

void ManagerCore::send_round_end(const sync::RoundEnded& ended, Outputs& outputs) {
  const PlanVersion version = round_version_;  // it may be of the manager before
  const auto workers = static_cast<std::uint32_t>(ended.members.size());
  for (WorkerId worker : ended.members) {
    wire::RoundEnd end{version, ended.round, {}, workers};
    for (const sync::Settled& settled : ended.transfers) {
      if (settled.committed && settled.transfer.receiver == worker)
        end.committed.push_back(settled.transfer.id);
    }
    send_to(worker, std::move(end), outputs);
  }
  outputs.push_back(RoundOver{version, ended});
}

void ManagerCore::send_multicast_over(const sync::MulticastEnded& ended, Outputs& outputs) {
  wire::MulticastOver over{ended.round, {}};
  for (const sync::Settled& settled : ended.transfers) {
    if (settled.committed) over.committed.push_back(settled.transfer.id);
  }
  std::ranges::sort(over.committed);
  send_to(ended.worker, std::move(over), outputs);
}

void ManagerCore::send_to(WorkerId worker, wire::ToWorker message, Outputs& outputs) {
  const auto session = session_of_.find(worker);  // gone: nobody to tell
  if (session != session_of_.end()) outputs.push_back(Send{session->second, std::move(message)});
}

// ---- leaving -----------------------------------------------------------------------------------------------

void ManagerCore::turn_away(SessionId id, const std::string& why, Outputs& outputs) {
  outputs.push_back(Send{id, wire::Reject{why}});
  outputs.push_back(Close{id});
  sessions_.erase(id);
}

void ManagerCore::drop(SessionId id, const std::string& why, Departure departure, Instant now,
                       Outputs& outputs) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const std::optional<WorkerId> worker = found->second.worker;
  const bool was_member = found->second.standing == Standing::member;
  const auto waited = started_ ? std::nullopt : found->second.hello;
  if (departure == Departure::expelled) outputs.push_back(Send{id, wire::Reject{why}});
  outputs.push_back(Close{id});
  sessions_.erase(found);
  if (waited) outputs.push_back(LeftEarly{waited->name, why, waiting(), settings_.workers});
  if (worker) {
    session_of_.erase(*worker);
    if (departure == Departure::done && was_member) ++done_;
    const bool said_so = departure == Departure::done || departure == Departure::interrupted;
    outputs.push_back(Left{*worker, why, members(), said_so});
    carry_out(machine_->leave(*worker, why, now), outputs);
    probing_.left(*worker);
    choose_multicast(outputs);
  }
  end_if_over(outputs);
}

// When no member is left there is nobody to get parameters from.
void ManagerCore::end_if_over(Outputs& outputs) {
  end_if_too_few(outputs);
  if (!started_ || finished_ || members() > 0) return;
  while (!sessions_.empty())
    turn_away(sessions_.begin()->first, "the training is over: its workers have left", outputs);
  session_of_.clear();
  finish(std::nullopt, outputs);
}

void ManagerCore::end_if_too_few(Outputs& outputs) {
  if (!started_ || finished_ || members() + done_ >= settings_.min_workers) return;
  const std::string why = "only " + std::to_string(members()) + " workers are left of the " +
                          std::to_string(settings_.min_workers) + " that the training needs to go on";
  while (!sessions_.empty()) turn_away(sessions_.begin()->first, why, outputs);
  session_of_.clear();
  finish(Error{ErrorCode::unavailable, why}, outputs);
}

Outputs ManagerCore::closed(SessionId id, const std::string& why, Instant now) {
  Outputs outputs;
  now_ = now;
  if (!finished_) drop(id, why, Departure::lost, now, outputs);
  return outputs;
}

Outputs ManagerCore::stop(const std::string& why, Instant /*now*/) {
  Outputs outputs;
  if (finished_) return outputs;
  while (!sessions_.empty()) turn_away(sessions_.begin()->first, why, outputs);
  session_of_.clear();
  finish(Error{ErrorCode::cancelled, why}, outputs);
  return outputs;
}

void ManagerCore::finish(std::optional<Error> error, Outputs& outputs) {
  if (std::exchange(finished_, true)) return;
  if (const auto promises = machine_->promises(); promises && started_) outputs.push_back(Kept{*promises});
  outputs.push_back(Finished{std::move(error)});
}

Outputs ManagerCore::tick(Instant now) {
  Outputs outputs;
  now_ = now;
  if (finished_) return outputs;
  if (!started_ && now >= created_ + settings_.join_patience) {
    const std::string why = "only " + std::to_string(waiting()) + " of " + std::to_string(settings_.workers) +
                            " workers came within " + to_string(settings_.join_patience);
    while (!sessions_.empty()) turn_away(sessions_.begin()->first, why, outputs);
    finish(Error{ErrorCode::timeout, why}, outputs);
    return outputs;
  }
  carry_out(machine_->tick(now), outputs);
  choose_multicast(outputs);
  end_if_over(outputs);  // evictions
  return outputs;
}

Instant ManagerCore::deadline() const {
  if (finished_) return Instant::never();
  return started_ ? std::min(machine_->deadline(), probing_.deadline()) : created_ + settings_.join_patience;
}

Outputs ManagerCore::restarted(std::uint64_t epoch, Duration away, Instant now) {
  Outputs outputs;
  settings_.epoch = epoch;
  if (finished_) return outputs;
  if (started_) {
    machine_->postpone(away, now);
    probing_.postpone(away);
    return outputs;
  }
  created_ = now;
  for (const auto& [id, session] : sessions_) outputs.push_back(Close{id});
  sessions_.clear();
  return outputs;
}

}  // namespace selmcast::manager
