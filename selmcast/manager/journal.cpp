#include "selmcast/manager/journal.h"

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
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

// What the core decided, as it follows from its inputs alone. Nothing for messages to single workers: they follow from
// the rest.
std::optional<json> decision_json(const Output& output, Instant now) {
  json line;
  if (const auto* planned = std::get_if<Planned>(&output)) {
    line = plan_json(*planned);
  } else if (const auto* over = std::get_if<RoundOver>(&output)) {
    line = round_json(*over, now);
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
    return std::nullopt;
  }
  line["at_seconds"] = now.in_seconds();
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

Result<ManagerSettings> settings_from(const json& line) {
  const auto seconds = [&](const char* key) { return Duration::seconds(line.at(key).get<double>()); };
  ManagerSettings s;
  sync::RoundSettings& r = s.rounds;
  r.planner = plan::find_planner(line.at("planner").get<std::string>());
  const auto min_receivers = sync::MinReceivers::from(line.at("min_receivers").get<double>());
  if (!min_receivers) return std::unexpected(min_receivers.error());
  r.min_receivers = *min_receivers;
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
  if (auto usable = check_settings(s); !usable) return std::unexpected(usable.error());
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
  journal->path_ = path.string();
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

void Journal::stopped(const std::string& why, Instant now) {
  json line = input_json("stop", now);
  line["why"] = why;
  write(line.dump(-1, ' ', false, json::error_handler_t::replace));
}

void Journal::tick(Instant now) { write(input_json("tick", now).dump()); }

void Journal::output(const Output& output, Instant now, Duration deciding) {
  if (!file_.is_open()) return;
  auto line = decision_json(output, now);
  if (!line) return;
  if (std::holds_alternative<Planned>(output)) {
    last_plan_took_ = deciding;
    (*line)["plan_seconds"] = deciding.in_seconds();
  }
  if (std::holds_alternative<RoundOver>(output)) {
    (*line)["planner"] = planner_;
    (*line)["plan_seconds"] = last_plan_took_.in_seconds();
  }
  write(line->dump(-1, ' ', false, json::error_handler_t::replace));
  // Whoever follows the journal sees plans and rounds at once, and a killed manager leaves them.
  if (std::holds_alternative<Planned>(output) || std::holds_alternative<RoundOver>(output)) file_.flush();
}

Result<void> Journal::finish() {
  if (!file_.is_open()) return {};
  file_.flush();
  if (file_) return {};
  return failure(ErrorCode::io, "the journal " + path_ + " is incomplete: is the disk full?");
}

// ---- replaying ---------------------------------------------------------------------------------------------

namespace {

// A recorded decision without what depends on the clock of the day.
json comparable(json line) {
  line.erase("plan_seconds");
  line.erase("planner");
  return line;
}

// Feeds what was recorded to a new core, line by line, and compares what it decides.
class Replay {
 public:
  Result<void> line(const json& line) {
    const std::string event = line.at("event").get<std::string>();
    if (event == "settings") return begin(line);
    if (!core_) return failure(ErrorCode::invalid_input, "it does not begin with the settings");
    return event == "input" ? input(line) : decision(line);
  }
  // Error (corrupt) if something was decided that was not recorded.
  Result<void> settled() const {
    if (decided_.empty()) return {};
    return failure(ErrorCode::corrupt,
                   "the replay decided what was not recorded: " + decided_.front().dump());
  }
  const ReplaySummary& summary() const { return summary_; }

 private:
  Result<void> begin(const json& line) {
    if (core_) return failure(ErrorCode::invalid_input, "the settings stand twice");
    auto settings = settings_from(line);
    if (!settings) return std::unexpected(settings.error());
    core_ = std::make_unique<ManagerCore>(*std::move(settings),
                                          Instant::at_seconds(line.at("at_seconds").get<double>()));
    return {};
  }

  Result<void> input(const json& line) {
    if (auto shown = settled(); !shown) return shown;
    const Instant now = Instant::at_seconds(line.at("at_seconds").get<double>());
    const auto outputs = feed(line, now);
    if (!outputs) return std::unexpected(outputs.error());
    ++summary_.inputs;
    for (const Output& output : *outputs) {
      // Through text and back, as the recorded one went.
      if (const auto decided = decision_json(output, now)) {
        decided_.push_back(json::parse(decided->dump(-1, ' ', false, json::error_handler_t::replace)));
      }
    }
    return {};
  }

  Result<Outputs> feed(const json& line, Instant now) {
    const std::string kind = line.at("kind").get<std::string>();
    if (kind == "tick") return core_->tick(now);
    if (kind == "stop") return core_->stop(line.at("why").get<std::string>(), now);
    const SessionId session(line.at("session").get<std::uint64_t>());
    if (kind == "opened") {
      if (!opened_.insert(session).second)
        return failure(ErrorCode::invalid_input, "a session is opened twice");
      return core_->opened(session, now);
    }
    if (kind == "closed") return core_->closed(session, line.at("why").get<std::string>(), now);
    if (kind != "message") return failure(ErrorCode::invalid_input, "unknown input kind '" + kind + "'");
    const auto message = wire::from_worker_json(line.at("message").dump());
    if (!message) return std::unexpected(message.error());
    return core_->message(session, *message, now);
  }

  Result<void> decision(const json& line) {
    if (decided_.empty() || decided_.front() != comparable(line)) {
      return failure(ErrorCode::corrupt, "the replay decided otherwise: " +
                                             (decided_.empty() ? "nothing" : decided_.front().dump()));
    }
    if (line.at("event") == "plan") ++summary_.plans;
    decided_.pop_front();
    return {};
  }

  std::unique_ptr<ManagerCore> core_;
  std::set<SessionId> opened_;
  std::deque<json> decided_;  // and not shown by the journal yet
  ReplaySummary summary_;
};

}  // namespace

Result<ReplaySummary> replay(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return failure(ErrorCode::io, "cannot read the journal " + path.string());
  Replay replay;
  std::string text;
  bool cut_off = false;
  for (std::uint64_t number = 1; std::getline(file, text); ++number) {
    const std::string here = path.string() + ":" + std::to_string(number);
    try {
      cut_off = file.eof();  // no newline: a manager was killed while it wrote this
      const json line = json::parse(text, nullptr, !cut_off);
      if (line.is_discarded()) break;
      if (auto good = replay.line(line); !good) return std::unexpected(with_context(here, good.error()));
    } catch (const json::exception& error) {
      return failure(ErrorCode::invalid_input, here + ": " + error.what());
    }
  }
  if (replay.summary().inputs == 0) {
    return failure(ErrorCode::invalid_input, path.string() + ": there is nothing in it to replay");
  }
  if (auto shown = replay.settled(); !shown && !cut_off) {
    return std::unexpected(with_context(path.string(), shown.error()));
  }
  return replay.summary();
}

}  // namespace selmcast::manager
