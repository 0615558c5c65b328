#include "selmcast/manager/manager_core.h"

#include <algorithm>
#include <utility>

#include "selmcast/base/overloaded.h"
#include "selmcast/manager/groups.h"
#include "selmcast/wire/loopback.h"

namespace selmcast::manager {
namespace {

// w2 before w10: shorter names first, then by letters.
bool natural_less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string describe(const wire::TensorInfo& tensor) {
  std::string text = "'" + tensor.name + "' [";
  for (std::size_t k = 0; k < tensor.shape.size(); ++k)
    text += (k ? ", " : "") + std::to_string(tensor.shape[k]);
  return text + "]" +
         (tensor.role == wire::TensorRole::parameter ? "" : " " + std::string(to_string(tensor.role)));
}

std::string first_difference(const wire::ModelManifest& mine, const wire::ModelManifest& theirs) {
  if (mine.mixing != theirs.mixing) {
    return "it mixes by " + std::string(to_string(theirs.mixing)) + " instead of " +
           std::string(to_string(mine.mixing)) + "; start all workers with the same mixing";
  }
  if (mine.payload != theirs.payload) {
    return "its payload is " + std::string(to_string(theirs.payload)) + " instead of " +
           std::string(to_string(mine.payload)) + "; start all workers with the same payload";
  }
  const auto [m, t] = std::ranges::mismatch(mine.tensors, theirs.tensors);
  if (m == mine.tensors.end()) return "its tensor " + describe(*t) + " is one too many";
  if (t == theirs.tensors.end()) return "it lacks tensor " + describe(*m);
  return "its tensor " + describe(*t) + " should be " + describe(*m);
}

std::unique_ptr<sync::TrainingMachine> machine_of(const ManagerSettings& settings) {
  if (settings.online) return std::make_unique<sync::OnlineRounds>(settings.rounds, *settings.online);
  return std::make_unique<sync::RoundMachine>(settings.rounds);
}

}  // namespace

Result<void> check_settings(const ManagerSettings& s) {
  const auto bad = [](const std::string& what) { return failure(ErrorCode::invalid_input, what); };
  if (!s.online && s.rounds.planner == nullptr) return bad("there is no such planner");
  if (s.online && s.rounds.multicast == plan::MulticastKind::relay)
    return bad("relay is for bsp; with ssp or asp give unicast");
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
  return {};
}

ManagerCore::ManagerCore(ManagerSettings settings, Instant now)
    : settings_(std::move(settings)), machine_(machine_of(settings_)), created_(now) {}

Outputs ManagerCore::opened(SessionId session, Instant /*now*/) {
  sessions_[session] = {};
  return {};
}

Outputs ManagerCore::message(SessionId id, const wire::FromWorker& message, Instant now) {
  Outputs outputs;
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
    drop(id, goodbye->reason.empty() ? "goodbye" : goodbye->reason, Departure::goodbye, now, outputs);
    return outputs;
  }
  if (!session.worker) {
    drop(id, "spoke before its welcome", Departure::expelled, now, outputs);
    return outputs;
  }
  auto actions = member_message(*session.worker, message, now);
  if (!actions) {
    drop(id, actions.error().message, Departure::expelled, now, outputs);
    return outputs;
  }
  carry_out(*actions, outputs);
  return outputs;
}

Result<sync::Actions> ManagerCore::member_message(WorkerId worker, const wire::FromWorker& message,
                                                  Instant now) {
  return std::visit(
      Overloaded{
          [&](const wire::Ready& ready) { return machine_->ready(worker, ready.round, now); },
          [&](const wire::Delivered& d) {
            return machine_->delivered(worker, {d.transfer, d.bytes, d.started, d.finished}, now);
          },
          [&](const wire::TransferFailed& failed) {
            return machine_->failed(worker, {failed.transfer, failed.reason, failed.peer}, now);
          },
          [&](const auto&) -> Result<sync::Actions> { return sync::Actions{}; },
      },
      message);
}

std::size_t ManagerCore::waiting() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const auto& s) { return s.second.hello.has_value(); }));
}

// ---- joining -----------------------------------------------------------------------------------------------

std::optional<std::string> ManagerCore::objection(const wire::Hello& hello) const {
  if (hello.protocol_version != wire::kControlProtocolVersion) {
    return "it speaks control protocol version " + std::to_string(hello.protocol_version) +
           ", this manager speaks " + std::to_string(wire::kControlProtocolVersion) +
           ": install the same release of selmcast everywhere";
  }
  if (started_) return "the training has started already; workers cannot join a running training yet";
  for (const auto& [id, other] : sessions_) {
    if (!other.hello) continue;
    if (other.hello->name == hello.name)
      return "another worker is called '" + hello.name + "' already: names must differ";
    if (other.hello->model != hello.model) {
      return "its model is not that of worker '" + other.hello->name +
             "': " + first_difference(other.hello->model, hello.model);
    }
    if (wire::is_loopback(other.hello->data_host) != wire::is_loopback(hello.data_host)) {
      const bool is_inside = wire::is_loopback(hello.data_host);
      const wire::Hello& inside = is_inside ? hello : *other.hello;
      const wire::Hello& outside = is_inside ? *other.hello : hello;
      return "peers would find '" + inside.name + "' at " + inside.data_host + ", which is loopback, and '" +
             outside.name + "' at " + outside.data_host +
             ": name the manager by an address that all machines reach, on its own machine too, or say which "
             "interface to use";
    }
  }
  return std::nullopt;
}

void ManagerCore::hello(SessionId id, Session& session, const wire::Hello& hello, Outputs& outputs) {
  if (const auto why = objection(hello)) {
    outputs.push_back(TurnedAway{hello.name, *why});
    turn_away(id, *why, outputs);
    return;
  }
  session.hello = hello;
}

void ManagerCore::start_training(Instant now, Outputs& outputs) {
  started_ = true;
  std::vector<SessionId> order;
  for (const auto& [id, session] : sessions_) {
    if (session.hello) order.push_back(id);
  }
  std::ranges::sort(order, [&](SessionId a, SessionId b) {
    return natural_less(sessions_.at(a).hello->name, sessions_.at(b).hello->name);
  });
  const wire::ModelManifest& model = sessions_.at(order.front()).hello->model;
  Started started{model.payload, wire::payload_bytes(model), {}};
  for (std::uint32_t k = 0; k < order.size(); ++k) {
    const WorkerId worker(k);
    Session& session = sessions_.at(order[k]);
    session.worker = worker;
    session_of_[worker] = order[k];
    const wire::Hello& hello = *session.hello;
    machine_->join(worker,
                   {hello.name, hello.declared_uplink, hello.declared_downlink,
                    wire::payload_bytes(hello.model), hello.receive_buffers},
                   now);
    started.names.emplace_back(worker, hello.name);
  }
  for (const auto& [worker, session] : session_of_) {
    send_to(
        worker,
        wire::Welcome{worker, settings_.epoch, settings_.run_token, settings_.workers,
                      settings_.heartbeat_interval, settings_.manager_timeout, settings_.online.has_value(),
                      settings_.online && settings_.online->overlap, settings_.manager_patience},
        outputs);
  }
  outputs.push_back(std::move(started));
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
  outputs.push_back(Left{evicted.worker, evicted.why, session_of_.size(), false});
  turn_away(id, evicted.why, outputs);
}

wire::Outgoing ManagerCore::outgoing(const sync::Transfer& transfer) const {
  const wire::Hello& receiver = *sessions_.at(session_of_.at(transfer.receiver)).hello;
  return {transfer.id, {transfer.receiver, receiver.data_host, receiver.data_port}, transfer.paced};
}

void ManagerCore::send_plans(const sync::RoundPlanned& plan, Outputs& outputs) {
  const PlanVersion version = round_version_ = {settings_.epoch, plan.number};
  std::map<WorkerId, wire::RoundPlan> parts;
  for (const auto& [worker, session] : session_of_) {
    parts[worker] = {version, plan.round, {}, {}, plan.predicted, relays()};
  }
  for (const sync::Transfer& transfer : plan.transfers) {
    wire::Outgoing own = outgoing(transfer);
    if (transfer.via) {
      wire::Outgoing forwarded = own;
      forwarded.source = transfer.source;
      parts.at(*transfer.via).outgoing.push_back(std::move(forwarded));
      own.elsewhere = true;
    }
    wire::RoundPlan& sending = parts.at(transfer.sender);
    sending.outgoing.push_back(std::move(own));
    if (settings_.rounds.multicast == plan::MulticastKind::network)
      sending.group = group_of(transfer.sender, plan.number, settings_.run_token, settings_.segment_bytes);
    parts.at(transfer.receiver)
        .incoming.push_back({transfer.id, transfer.sender, transfer.bytes, transfer.via, sending.group});
  }
  outputs.push_back(Planned{version, plan});
  for (auto& [worker, part] : parts) send_to(worker, std::move(part), outputs);
}

// Whom a change does not concern hears nothing of it.
void ManagerCore::send_updates(const sync::PlanChanged& plan, Outputs& outputs) {
  const PlanVersion version{settings_.epoch, plan.number};
  std::map<WorkerId, wire::PlanUpdate> parts;
  const auto part = [&](WorkerId worker) -> wire::PlanUpdate& {
    return parts.try_emplace(worker, wire::PlanUpdate{version, plan.round, {}, {}, {}, plan.predicted})
        .first->second;
  };
  for (const sync::Transfer& transfer : plan.started) {
    part(transfer.sender).outgoing.push_back(outgoing(transfer));
    part(transfer.receiver).incoming.push_back({transfer.id, transfer.sender, transfer.bytes});
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
  if (departure == Departure::expelled) outputs.push_back(Send{id, wire::Reject{why}});
  outputs.push_back(Close{id});
  sessions_.erase(found);
  if (worker) {
    session_of_.erase(*worker);
    if (departure == Departure::goodbye) ++goodbyes_;
    outputs.push_back(Left{*worker, why, session_of_.size(), departure == Departure::goodbye});
    carry_out(machine_->leave(*worker, why, now), outputs);
  }
  if (started_ && session_of_.empty()) finish(std::nullopt, outputs);
  end_if_too_few(outputs);
}

void ManagerCore::end_if_too_few(Outputs& outputs) {
  if (!started_ || finished_ || session_of_.size() + goodbyes_ >= settings_.min_workers) return;
  const std::string why = "only " + std::to_string(session_of_.size()) + " workers are left of the " +
                          std::to_string(settings_.min_workers) + " that the training needs to go on";
  while (!sessions_.empty()) turn_away(sessions_.begin()->first, why, outputs);
  session_of_.clear();
  finish(Error{ErrorCode::unavailable, why}, outputs);
}

Outputs ManagerCore::closed(SessionId id, const std::string& why, Instant now) {
  Outputs outputs;
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
  if (finished_) return outputs;
  if (!started_ && now >= created_ + settings_.join_patience) {
    const std::string why = "only " + std::to_string(waiting()) + " of " + std::to_string(settings_.workers) +
                            " workers came within " + std::to_string(settings_.join_patience.in_seconds()) +
                            " s";
    while (!sessions_.empty()) turn_away(sessions_.begin()->first, why, outputs);
    finish(Error{ErrorCode::timeout, why}, outputs);
    return outputs;
  }
  carry_out(machine_->tick(now), outputs);
  if (started_ && session_of_.empty()) finish(std::nullopt, outputs);
  end_if_too_few(outputs);  // evictions
  return outputs;
}

Instant ManagerCore::deadline() const {
  if (finished_) return Instant::never();
  return started_ ? machine_->deadline() : created_ + settings_.join_patience;
}

Outputs ManagerCore::restarted(std::uint64_t epoch, Duration away, Instant now) {
  Outputs outputs;
  settings_.epoch = epoch;
  if (finished_) return outputs;
  if (started_) {
    machine_->postpone(away, now);
    return outputs;
  }
  created_ = now;
  for (const auto& [id, session] : sessions_) outputs.push_back(Close{id});
  sessions_.clear();
  return outputs;
}

}  // namespace selmcast::manager
