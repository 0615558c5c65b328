#include "selmcast/manager/journal.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "selmcast/wire/control_codec.h"

namespace selmcast::manager {
namespace {

using nlohmann::json;

json rate_json(Rate rate) { return rate.is_unlimited() ? json(nullptr) : json(rate.bps()); }

json version_json(PlanVersion version) { return json::array({version.epoch, version.number}); }

json transfer_json(const sync::Transfer& t) {
  return {{"transfer", t.id.value()},          {"sender", to_string(t.sender)},
          {"receiver", to_string(t.receiver)}, {"reason", std::string(plan::to_string(t.reason))},
          {"bytes", t.bytes.count()},          {"rate_bps", rate_json(t.allocated)},
          {"paced_bps", rate_json(t.paced)}};
}

json plan_json(const Planned& planned) {
  json line = {{"event", "plan"},
               {"version", version_json(planned.version)},
               {"round", planned.plan.round.value()},
               {"predicted_seconds", planned.plan.predicted.in_seconds()},
               {"bound_seconds", planned.plan.bound.in_seconds()},
               {"transfers", json::array()}};
  for (const sync::Transfer& transfer : planned.plan.transfers)
    line["transfers"].push_back(transfer_json(transfer));
  return line;
}

json round_json(const RoundOver& over, Instant now) {
  const sync::RoundEnded& round = over.round;
  json line = {{"event", "round"},
               {"round", round.round.value()},
               {"version", version_json(over.version)},
               {"issued_seconds", round.issued.in_seconds()},
               {"sync_seconds", (now - round.issued).in_seconds()},
               {"delivery_seconds", (round.last_commit - round.issued).in_seconds()},
               {"predicted_seconds", round.predicted.in_seconds()},
               {"bound_seconds", round.bound.in_seconds()},
               {"receivers_mean", 0.0},
               {"deliveries", json::array()},
               {"estimates", json::array()},
               {"oldest_pair_age", round.oldest_age},
               {"widest_meeting_gap", round.widest_gap}};
  std::size_t committed = 0;
  for (const sync::Settled& settled : round.transfers) {
    json delivery = transfer_json(settled.transfer);
    delivery["state"] = settled.committed ? "committed" : "cancelled";
    if (settled.committed) {
      ++committed;
      delivery["started_seconds"] = settled.started.in_seconds();
      delivery["finished_seconds"] = settled.finished.in_seconds();
    } else {
      delivery["why"] = settled.why;
    }
    line["deliveries"].push_back(std::move(delivery));
  }
  if (!round.members.empty()) {
    line["receivers_mean"] = static_cast<double>(committed) / static_cast<double>(round.members.size());
  }
  for (const sync::Estimate& estimate : round.estimates) {
    line["estimates"].push_back({{"worker", to_string(estimate.worker)},
                                 {"uplink_bps", estimate.uplink.bps()},
                                 {"downlink_bps", estimate.downlink.bps()}});
  }
  return line;
}

json settings_json(const ManagerSettings& s) {
  const sync::RoundSettings& r = s.rounds;
  return {{"event", "settings"},
          {"schema", "selmcast.journal/1"},
          {"planner", std::string(r.planner->name)},
          {"min_receivers", r.min_receivers.value()},
          {"max_age", r.max_age},
          {"ages_from_zero", r.age_start == sync::AgeStart::zero},
          {"seed", r.seed},
          {"paced", r.paced},
          {"bursts", r.bursts},
          {"compute_patience_seconds", r.compute_patience.in_seconds()},
          {"delivery_patience_min_seconds", r.delivery_patience_min.in_seconds()},
          {"delivery_patience_factor", r.delivery_patience_factor},
          {"workers", s.workers},
          {"epoch", s.epoch},
          {"hello_patience_seconds", s.hello_patience.in_seconds()},
          {"join_patience_seconds", s.join_patience.in_seconds()},
          {"heartbeat_interval_seconds", s.heartbeat_interval.in_seconds()},
          {"heartbeat_timeout_seconds", s.heartbeat_timeout.in_seconds()},
          {"manager_timeout_seconds", s.manager_timeout.in_seconds()}};
}

ManagerSettings settings_from(const json& line) {
  const auto seconds = [&](const char* key) { return Duration::seconds(line.at(key).get<double>()); };
  ManagerSettings s;
  sync::RoundSettings& r = s.rounds;
  r.planner = plan::find_planner(line.at("planner").get<std::string>());
  if (const auto p = sync::MinReceivers::from(line.at("min_receivers").get<double>())) r.min_receivers = *p;
  r.max_age = line.at("max_age").get<std::uint32_t>();
  r.age_start = line.at("ages_from_zero").get<bool>() ? sync::AgeStart::zero : sync::AgeStart::staggered;
  r.seed = line.at("seed").get<std::uint64_t>();
  r.paced = line.at("paced").get<bool>();
  r.bursts = line.at("bursts").get<bool>();
  r.compute_patience = seconds("compute_patience_seconds");
  r.delivery_patience_min = seconds("delivery_patience_min_seconds");
  r.delivery_patience_factor = line.at("delivery_patience_factor").get<double>();
  s.workers = line.at("workers").get<std::uint32_t>();
  s.epoch = line.at("epoch").get<std::uint64_t>();
  s.hello_patience = seconds("hello_patience_seconds");
  s.join_patience = seconds("join_patience_seconds");
  s.heartbeat_interval = seconds("heartbeat_interval_seconds");
  s.heartbeat_timeout = seconds("heartbeat_timeout_seconds");
  s.manager_timeout = seconds("manager_timeout_seconds");
  return s;
}

json input_json(const char* kind, Instant now) {
  return {{"event", "input"}, {"at_seconds", now.in_seconds()}, {"kind", kind}};
}

}  // namespace

// ---- writing -----------------------------------------------------------------------------------------------

Result<std::unique_ptr<Journal>> Journal::create(const std::filesystem::path& path,
                                                 const ManagerSettings& settings, Instant now) {
  std::unique_ptr<Journal> journal(new Journal);
  if (path.empty()) return journal;
  journal->file_.open(path, std::ios::trunc);
  if (!journal->file_) {
    return failure(ErrorCode::io,
                   "cannot write the journal " + path.string() + ": does its folder exist, writable?");
  }
  journal->planner_ = settings.rounds.planner->name;
  json line = settings_json(settings);
  line["at_seconds"] = now.in_seconds();
  journal->write(line.dump());
  return journal;
}

void Journal::write(const std::string& line) {
  if (file_.is_open()) file_ << line << '\n';
}

void Journal::opened(SessionId session, Instant now) {
  json line = input_json("opened", now);
  line["session"] = session.value();
  write(line.dump());
}

void Journal::message(SessionId session, const wire::FromWorker& message, Instant now) {
  if (!file_.is_open()) return;
  json line = input_json("message", now);
  line["session"] = session.value();
  line["message"] = json::parse(wire::to_json(message), nullptr, false);
  write(line.dump());
}

void Journal::closed(SessionId session, const std::string& why, Instant now) {
  json line = input_json("closed", now);
  line["session"] = session.value();
  line["why"] = why;
  write(line.dump(-1, ' ', false, json::error_handler_t::replace));
}

void Journal::tick(Instant now) { write(input_json("tick", now).dump()); }

void Journal::output(const Output& output, Instant now, Duration deciding) {
  json line;
  if (const auto* planned = std::get_if<Planned>(&output)) {
    last_plan_took_ = deciding;
    line = plan_json(*planned);
    line["plan_seconds"] = deciding.in_seconds();
  } else if (const auto* over = std::get_if<RoundOver>(&output)) {
    line = round_json(*over, now);
    line["planner"] = planner_;
    line["plan_seconds"] = last_plan_took_.in_seconds();
  } else if (const auto* started = std::get_if<Started>(&output)) {
    line = {{"event", "started"}, {"workers", json::array()}};
    for (const auto& [worker, name] : started->names) {
      line["workers"].push_back({{"worker", to_string(worker)}, {"name", name}});
    }
  } else if (const auto* left = std::get_if<Left>(&output)) {
    line = {{"event", "left"},
            {"worker", to_string(left->worker)},
            {"reason", left->why},
            {"goodbye", left->goodbye}};
  } else if (const auto* away = std::get_if<TurnedAway>(&output)) {
    line = {{"event", "turned_away"}, {"name", away->name}, {"reason", away->why}};
  } else if (const auto* end = std::get_if<Finished>(&output)) {
    line = {{"event", "finished"}, {"error", end->error ? json(end->error->message) : json(nullptr)}};
  } else {
    return;  // messages to single workers follow from the rest
  }
  line["at_seconds"] = now.in_seconds();
  write(line.dump(-1, ' ', false, json::error_handler_t::replace));
}

// ---- replaying ---------------------------------------------------------------------------------------------

namespace {

// What the core answers to one recorded input.
Result<Outputs> feed(ManagerCore& core, const json& line) {
  const Instant now = Instant::at_seconds(line.at("at_seconds").get<double>());
  const std::string kind = line.at("kind").get<std::string>();
  if (kind == "tick") return core.tick(now);
  const SessionId session(line.at("session").get<std::uint64_t>());
  if (kind == "opened") return core.opened(session, now);
  if (kind == "closed") return core.closed(session, line.at("why").get<std::string>(), now);
  if (kind != "message") return failure(ErrorCode::invalid_input, "unknown input kind '" + kind + "'");
  const auto message = wire::from_worker_json(line.at("message").dump());
  if (!message) return std::unexpected(message.error());
  return core.message(session, *message, now);
}

// A recorded plan without what depends on the clock of the day.
json comparable(json plan) {
  plan.erase("at_seconds");
  plan.erase("plan_seconds");
  return plan;
}

}  // namespace

Result<ReplaySummary> replay(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return failure(ErrorCode::io, "cannot read the journal " + path.string());
  std::unique_ptr<ManagerCore> core;
  std::vector<json> expected;  // plans that the core made and the journal has yet to show
  std::size_t shown = 0;
  ReplaySummary summary;
  std::string text;
  for (std::uint64_t number = 1; std::getline(file, text); ++number) {
    const auto at_line = [&](ErrorCode code, const std::string& what) {
      return failure(code, path.string() + ":" + std::to_string(number) + ": " + what);
    };
    try {
      const json line = json::parse(text);
      const std::string event = line.at("event").get<std::string>();
      if (event == "settings") {
        const ManagerSettings settings = settings_from(line);
        if (settings.rounds.planner == nullptr) return at_line(ErrorCode::invalid_input, "unknown planner");
        core =
            std::make_unique<ManagerCore>(settings, Instant::at_seconds(line.at("at_seconds").get<double>()));
      } else if (event == "input") {
        if (!core) return at_line(ErrorCode::invalid_input, "an input before the settings");
        const auto outputs = feed(*core, line);
        if (!outputs) return at_line(outputs.error().code, outputs.error().message);
        ++summary.inputs;
        for (const Output& output : *outputs) {
          if (const auto* planned = std::get_if<Planned>(&output)) expected.push_back(plan_json(*planned));
        }
      } else if (event == "plan") {
        if (shown == expected.size() || expected[shown] != comparable(line)) {
          return at_line(ErrorCode::corrupt, "the replayed plan differs from the recorded one");
        }
        ++shown;
      }
    } catch (const json::exception& error) {
      return at_line(ErrorCode::invalid_input, error.what());
    }
  }
  if (shown != expected.size()) {
    return failure(ErrorCode::corrupt, path.string() + ": the replay made plans that were not recorded");
  }
  summary.plans = shown;
  return summary;
}

}  // namespace selmcast::manager
