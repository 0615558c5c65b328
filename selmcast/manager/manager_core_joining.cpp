// The half of ManagerCore (manager_core.h) that is about who may join, before the training starts and while it runs.
#include <algorithm>
#include <utility>

#include "selmcast/manager/manager_core.h"
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

sync::Member member_of(const wire::Hello& hello) {
  return {hello.name, hello.declared_uplink, hello.declared_downlink, wire::payload_bytes(hello.model),
          hello.receive_buffers};
}

}  // namespace

std::optional<std::string> ManagerCore::objection(const wire::Hello& hello) const {
  if (hello.protocol_version != wire::kControlProtocolVersion) {
    return "it speaks control protocol version " + std::to_string(hello.protocol_version) +
           ", this manager speaks " + std::to_string(wire::kControlProtocolVersion) +
           ": install the same release of selmcast everywhere";
  }
  if (started_) {
    if (auto why = objection_to_comer(hello)) return why;
  }
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
  if (started_) visit(id, session, outputs);
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
    session.standing = Standing::member;
    session_of_[worker] = order[k];
    ids_[session.hello->name] = worker;
    machine_->join(worker, member_of(*session.hello), now);
    started.names.emplace_back(worker, session.hello->name);
  }
  for (const auto& [worker, session] : session_of_) welcome(worker, sessions_.at(session), outputs);
  outputs.push_back(std::move(started));
  probe_network(outputs);
}

// Members only: whoever comes is asked when it has caught up.
void ManagerCore::probe_network(Outputs& outputs) {
  if (!settings_.choose_multicast) return;
  std::map<WorkerId, std::string> hosts;
  for (const auto& [id, session] : sessions_) {
    if (session.standing == Standing::member) hosts[*session.worker] = session.hello->data_host;
  }
  for (const auto& [worker, probe] : probing_.begin(hosts, settings_.run_token, now_))
    send_to(worker, probe, outputs);
}

void ManagerCore::choose_multicast(Outputs& outputs) {
  if (!settings_.choose_multicast || finished_) return;
  if (probing_.again(now_)) probe_network(outputs);
  const auto choice = probing_.news(*machine_, now_);
  if (!choice) return;
  machine_->set_multicast(choice->kind, choice->unreached);
  outputs.push_back(MulticastChosen{*choice});
}

void ManagerCore::welcome(WorkerId worker, Session& session, Outputs& outputs) {
  const bool is_visitor = session.standing == Standing::visitor;
  wire::Welcome welcome{worker,
                        settings_.epoch,
                        settings_.run_token,
                        is_visitor ? static_cast<std::uint32_t>(members() + 1) : settings_.workers,
                        settings_.heartbeat_interval,
                        settings_.manager_timeout,
                        settings_.online.has_value(),
                        settings_.online && settings_.online->overlap};
  welcome.manager_patience = std::max(settings_.manager_patience, settings_.stream_patience);
  welcome.catch_up = is_visitor;
  send_to(worker, std::move(welcome), outputs);
}

// ---- while the training runs -------------------------------------------------------------------------------

std::optional<std::string> ManagerCore::objection_to_comer(const wire::Hello& hello) const {
  if (!settings_.elastic)
    return "the training has started already: start the manager with --elastic to let workers come while it "
           "runs";
  if (session_of_.size() >= plan::kMaxWorkers)
    return "there are " + std::to_string(plan::kMaxWorkers) + " workers already, and more cannot be planned";
  if (const auto found = unreached_.find(hello.name); found != unreached_.end()) {
    const Unreached& it = found->second;
    if (it.host == hello.data_host && now_ < it.until)
      return "nothing reached '" + hello.name + "' at " + it.host + ": come again in " +
             to_string(it.until - now_) + ", or from another address";
  }
  const std::size_t names_max = std::max(kNamesMin, kNamesPerWorker * settings_.workers);
  if (!ids_.contains(hello.name) && ids_.size() >= names_max) {
    return "workers of " + std::to_string(names_max) +
           " names have come already: give it the name of one that has left";
  }
  return std::nullopt;
}

void ManagerCore::visit(SessionId id, Session& session, Outputs& outputs) {
  const auto next_id = WorkerId(static_cast<std::uint32_t>(ids_.size()));
  const WorkerId worker = ids_.try_emplace(session.hello->name, next_id).first->second;
  session.worker = worker;
  session.standing = Standing::visitor;
  session_of_[worker] = id;
  welcome(worker, session, outputs);
  outputs.push_back(Came{worker, session.hello->name});
}

void ManagerCore::be_guest(Session& session, Instant now, Outputs& outputs) {
  session.standing = Standing::guest;
  carry_out(machine_->catch_up(*session.worker, member_of(*session.hello), now), outputs);
}

// What it is told, and all others in the log.
std::string ManagerCore::turned_away_guest(const wire::Hello& hello, const std::string& why) {
  Unreached& it = unreached_.try_emplace(hello.name, Unreached{"", {}, kComeAgainFirst * 0.5}).first->second;
  it.host = hello.data_host;
  it.wait = std::min(it.wait * 2, kComeAgainLast);
  it.until = now_ + it.wait;
  return why + "; it says that it is found at " + hello.data_host + ":" + std::to_string(hello.data_port) +
         ": is that an address of its own that all other workers reach, and no firewall between? It may come "
         "again in " +
         to_string(it.wait);
}

void ManagerCore::caught_up(const sync::CaughtUp& it, Outputs& outputs) {
  Session& session = sessions_.at(session_of_.at(it.worker));
  session.standing = Standing::member;
  unreached_.erase(session.hello->name);
  send_to(it.worker, wire::CaughtUp{it.round, static_cast<std::uint32_t>(it.members)}, outputs);
  outputs.push_back(it);
  probe_network(outputs);
}

}  // namespace selmcast::manager
