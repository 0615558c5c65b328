#include "selmcast/manager/journal_json.h"

#include <utility>

#include "selmcast/base/json_count.h"
#include "selmcast/sync/sharing.h"

namespace selmcast::manager {
namespace {

using nlohmann::json;

json rate_json(Rate rate) { return rate.is_unlimited() ? json(nullptr) : json(rate.bps()); }

json version_json(PlanVersion version) { return json::array({version.epoch, version.number}); }

// [seconds since it began, bit/s from then on], ...
json steps_json(const PaceSteps& steps) {
  json all = json::array();
  for (const PaceStep& step : steps) all.push_back(json::array({step.after.in_seconds(), step.rate.bps()}));
  return all;
}

json transfer_json(const sync::Transfer& t) {
  json line = {{"transfer", t.id.value()},          {"sender", to_string(t.sender)},
               {"receiver", to_string(t.receiver)}, {"reason", std::string(plan::to_string(t.reason))},
               {"bytes", t.bytes.count()},          {"rate_bps", rate_json(t.allocated)},
               {"paced_bps", rate_json(t.paced)}};
  if (t.via) line["via"] = to_string(*t.via);  // relay: who sends it
  if (t.own_copy) line["own_copy"] = true;     // network: beside the multicast
  if (!t.steps.empty()) line["paced_steps"] = steps_json(t.steps);
  return line;
}

json transfers_json(const std::vector<sync::Transfer>& transfers) {
  json all = json::array();
  for (const sync::Transfer& transfer : transfers) all.push_back(transfer_json(transfer));
  return all;
}

json estimates_json(const std::vector<sync::Estimate>& estimates) {
  json all = json::array();
  for (const sync::Estimate& estimate : estimates) {
    all.push_back({{"worker", to_string(estimate.worker)},
                   {"uplink_bps", estimate.uplink.bps()},
                   {"downlink_bps", estimate.downlink.bps()}});
  }
  return all;
}

json delivery_json(const sync::Settled& settled) {
  json delivery = transfer_json(settled.transfer);
  delivery["state"] = settled.committed ? "committed" : settled.dropped ? "dropped" : "cancelled";
  if (settled.committed) {
    delivery["started_seconds"] = settled.started.in_seconds();
    delivery["finished_seconds"] = settled.finished.in_seconds();
  } else {
    delivery["why"] = settled.why;
  }
  return delivery;
}

json plan_json(const Planned& planned) {
  json line = {{"event", "plan"},
               {"version", version_json(planned.version)},
               {"round", planned.plan.round.value()},
               {"predicted_seconds", planned.plan.predicted.in_seconds()},
               {"bound_seconds", planned.plan.bound.in_seconds()},
               {"transfers", transfers_json(planned.plan.transfers)}};
  if (!planned.plan.soundings.empty()) line["soundings"] = transfers_json(planned.plan.soundings);
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
               {"estimates", estimates_json(round.estimates)},
               {"oldest_pair_age", round.oldest_age},
               {"widest_meeting_gap", round.widest_gap}};
  std::size_t committed = 0;
  for (const sync::Settled& settled : round.transfers) {
    committed += settled.committed ? 1 : 0;
    line["deliveries"].push_back(delivery_json(settled));
  }
  for (const sync::Settled& sounding : round.soundings) line["soundings"].push_back(delivery_json(sounding));
  if (!round.members.empty()) {
    line["receivers_mean"] = static_cast<double>(committed) / static_cast<double>(round.members.size());
  }
  return line;
}

// ---- without rounds in common ------------------------------------------------------------------------------

void add_promises(json& line, const sync::Promises& promises) {
  line["widest_meeting_gap"] = promises.widest_gap;
  line["broken_meeting_gaps"] = promises.gaps_broken;
  line["widest_lead"] = promises.widest_lead;
  line["broken_leads"] = promises.leads_broken;
}

json replan_json(const Replanned& replanned) {
  const sync::PlanChanged& plan = replanned.plan;
  json line = {
      {"event", "replan"}, {"version", version_json(replanned.version)}, {"new_rates", json::array()}};
  if (!plan.started.empty()) {
    line["worker"] = to_string(plan.started.front().sender);
    line["round"] = plan.round.value();
    line["predicted_seconds"] = plan.predicted.in_seconds();
    line["transfers"] = transfers_json(plan.started);
  }
  for (const sync::PlanChanged::NewRate& change : plan.new_rates) {
    line["new_rates"].push_back({{"transfer", change.transfer.id.value()},
                                 {"rate_bps", rate_json(change.transfer.allocated)},
                                 {"paced_bps", rate_json(change.transfer.paced)}});
  }
  return line;
}

json multicast_json(const sync::MulticastEnded& ended, Instant now) {
  json line = {{"event", "multicast"},
               {"worker", to_string(ended.worker)},
               {"round", ended.round.value()},
               {"complete", ended.complete},
               {"issued_seconds", ended.planned.in_seconds()},
               {"computing_seconds", (ended.ready - ended.computing_since).in_seconds()},
               {"sending_seconds", (now - ended.planned).in_seconds()},
               {"predicted_seconds", ended.predicted.in_seconds()},
               {"deliveries", json::array()},
               {"oldest_pair_age", ended.oldest_age}};
  if (ended.planned > ended.ready) line["held_seconds"] = (ended.planned - ended.ready).in_seconds();
  for (const sync::Settled& settled : ended.transfers) {
    json delivery = delivery_json(settled);
    delivery["settled_seconds"] = settled.at.in_seconds();
    line["deliveries"].push_back(std::move(delivery));
  }
  add_promises(line, ended.promises);
  return line;
}

json go_on_json(const sync::WentOn& went) {
  return {{"event", "go_on"},           {"worker", to_string(went.worker)},
          {"round", went.done.value()}, {"waited_seconds", went.waited.in_seconds()},
          {"lead", went.lead},          {"workers", went.members}};
}

json caught_up_json(const sync::CaughtUp& caught_up) {
  json from = json::array();
  for (const WorkerId worker : caught_up.from) from.push_back(to_string(worker));
  return {{"event", "caught_up"},
          {"worker", to_string(caught_up.worker)},
          {"round", caught_up.round.value()},
          {"from", from},
          {"workers", caught_up.members}};
}

std::optional<json> online_json(const Output& output, Instant now) {
  if (const auto* replanned = std::get_if<Replanned>(&output)) return replan_json(*replanned);
  if (const auto* ended = std::get_if<sync::MulticastEnded>(&output)) return multicast_json(*ended, now);
  if (const auto* went = std::get_if<sync::WentOn>(&output)) return go_on_json(*went);
  if (const auto* learnt = std::get_if<sync::Learnt>(&output))
    return json{{"event", "estimates"}, {"estimates", estimates_json(learnt->estimates)}};
  if (const auto* kept = std::get_if<Kept>(&output)) {
    json line = {{"event", "kept"}};
    add_promises(line, kept->promises);
    return line;
  }
  return std::nullopt;
}

}  // namespace

// What the core decided, as it follows from its inputs alone. Nothing for messages to single workers: they follow from
// the rest.
std::optional<json> decision_json(const Output& output, Instant now) {
  json line;
  if (const auto* planned = std::get_if<Planned>(&output)) {
    line = plan_json(*planned);
  } else if (const auto* over = std::get_if<RoundOver>(&output)) {
    line = round_json(*over, now);
  } else if (const auto* started = std::get_if<Started>(&output)) {
    line = {{"event", "started"},
            {"payload", std::string(to_string(started->payload))},
            {"payload_bytes", started->payload_bytes.count()},
            {"workers", json::array()}};
    for (const auto& [worker, name] : started->names) {
      line["workers"].push_back({{"worker", to_string(worker)}, {"name", name}});
    }
  } else if (const auto* came = std::get_if<Came>(&output)) {
    line = {{"event", "came"}, {"worker", to_string(came->worker)}, {"name", came->name}};
  } else if (const auto* caught_up = std::get_if<sync::CaughtUp>(&output)) {
    line = caught_up_json(*caught_up);
  } else if (const auto* left = std::get_if<Left>(&output)) {
    line = {{"event", "left"},
            {"worker", to_string(left->worker)},
            {"reason", left->why},
            {"goodbye", left->goodbye}};
  } else if (const auto* doubted = std::get_if<sync::Doubted>(&output)) {
    line = {{"event", "doubted"}, {"worker", to_string(doubted->worker)}, {"reason", doubted->why}};
  } else if (const auto* early = std::get_if<LeftEarly>(&output)) {
    line = {{"event", "left_early"}, {"name", early->name}, {"reason", early->why}};
  } else if (const auto* away = std::get_if<TurnedAway>(&output)) {
    line = {{"event", "turned_away"}, {"name", away->name}, {"reason", away->why}};
  } else if (const auto* end = std::get_if<Finished>(&output)) {
    line = {{"event", "finished"}, {"error", end->error ? json(end->error->message) : json(nullptr)}};
  } else if (const auto* rerouted = std::get_if<sync::TransferRerouted>(&output)) {
    line = {{"event", "rerouted"},
            {"transfer", transfer_json(rerouted->transfer)},
            {"before", to_string(rerouted->before)},
            {"reason", rerouted->why}};
  } else if (const auto* chosen = std::get_if<MulticastChosen>(&output)) {
    line = {{"event", "multicast_chosen"},
            {"multicast", std::string(to_string(chosen->choice.kind))},
            {"why", chosen->choice.why},
            {"remedy", chosen->choice.remedy},
            {"groups", chosen->choice.groups}};
  } else if (auto online = online_json(output, now)) {
    line = *std::move(online);
  } else {
    return std::nullopt;
  }
  line["at_seconds"] = now.in_seconds();
  return line;
}

std::string planner_of(const ManagerSettings& settings) {
  return settings.online ? settings.online->policy : std::string(settings.rounds.planner->name);
}

json settings_json(const ManagerSettings& s) {
  const sync::RoundSettings& r = s.rounds;
  json line = {{"event", "settings"},
               {"schema", "selmcast.journal/1"},
               {"sync", s.online ? (s.online->staleness ? "ssp" : "asp") : "bsp"},
               {"multicast", s.choose_multicast ? "auto" : std::string(to_string(r.multicast))},
               {"planner", planner_of(s)},
               {"min_receivers", r.min_receivers.value()},
               {"max_age", r.max_age},
               {"ages_from_zero", r.age_start == sync::AgeStart::zero},
               {"seed", r.seed},
               {"paced", r.paced},
               {"bursts", r.bursts},
               {"pulses", r.pulses},
               {"soundings", r.soundings},
               {"compute_patience_seconds", r.compute_patience.in_seconds()},
               {"delivery_patience_min_seconds", r.delivery_patience_min.in_seconds()},
               {"delivery_patience_factor", r.delivery_patience_factor},
               {"workers", s.workers},
               {"min_workers", s.min_workers},
               {"epoch", s.epoch},
               {"hello_patience_seconds", s.hello_patience.in_seconds()},
               {"join_patience_seconds", s.join_patience.in_seconds()},
               {"heartbeat_interval_seconds", s.heartbeat_interval.in_seconds()},
               {"heartbeat_timeout_seconds", s.heartbeat_timeout.in_seconds()},
               {"manager_timeout_seconds", s.manager_timeout.in_seconds()},
               {"elastic", s.elastic},
               {"stream_patience_seconds", s.stream_patience.in_seconds()},
               {"manager_patience_seconds", s.manager_patience.in_seconds()},
               {"return_patience_seconds", s.return_patience.in_seconds()}};
  if (!s.online) return line;
  line["staleness"] = s.online->staleness ? json(*s.online->staleness) : json(nullptr);
  line["keep_fraction"] = s.online->keep_fraction;
  line["sharing"] = std::string(sync::to_string(s.online->sharing));
  line["width"] = s.online->width.value();
  line["overlap"] = s.online->overlap;
  return line;
}

namespace {

Result<sync::OnlineChoice> online_choice_from(const json& line) {
  sync::OnlineChoice choice;
  choice.policy = line.at("planner").get<std::string>();
  choice.staleness.reset();
  if (line.at("sync") == "ssp") choice.staleness = count_at<std::uint32_t>(line, "staleness");
  choice.keep_fraction = line.at("keep_fraction").get<double>();
  const auto sharing = sync::sharing_from(line.at("sharing").get<std::string>());
  if (!sharing) return failure(ErrorCode::invalid_input, "there is no sharing " + line.at("sharing").dump());
  choice.sharing = *sharing;
  const auto width = sync::Width::from(line.at("width").get<double>());
  if (!width) return std::unexpected(width.error());
  choice.width = *width;
  choice.overlap = line.value("overlap", false);
  return choice;
}

}  // namespace

Result<ManagerSettings> settings_from(const json& line) {
  const auto seconds = [&](const char* key) { return Duration::seconds(line.at(key).get<double>()); };
  ManagerSettings s;
  sync::RoundSettings& r = s.rounds;
  if (line.value("sync", "bsp") == "bsp") {
    r.planner = plan::find_planner(line.at("planner").get<std::string>());
  } else {
    auto choice = online_choice_from(line);
    if (!choice) return std::unexpected(choice.error());
    s.online = *std::move(choice);
  }
  if (line.value("multicast", "unicast") == "relay") r.multicast = plan::MulticastKind::relay;
  const auto min_receivers = sync::MinReceivers::from(line.at("min_receivers").get<double>());
  if (!min_receivers) return std::unexpected(min_receivers.error());
  r.min_receivers = *min_receivers;
  r.max_age = count_at<std::uint32_t>(line, "max_age");
  r.age_start = line.at("ages_from_zero").get<bool>() ? sync::AgeStart::zero : sync::AgeStart::staggered;
  r.seed = count_at<std::uint64_t>(line, "seed");
  r.paced = line.at("paced").get<bool>();
  r.bursts = line.at("bursts").get<bool>();
  r.pulses = line.value("pulses", false);
  r.soundings = line.value("soundings", false);
  if (line.value("multicast", "unicast") == "network") r.multicast = plan::MulticastKind::network;
  s.choose_multicast = line.value("multicast", "unicast") == "auto";
  r.compute_patience = seconds("compute_patience_seconds");
  r.delivery_patience_min = seconds("delivery_patience_min_seconds");
  r.delivery_patience_factor = line.at("delivery_patience_factor").get<double>();
  s.workers = count_at<std::uint32_t>(line, "workers");
  s.min_workers = line.contains("min_workers") ? count_at<std::uint32_t>(line, "min_workers") : 1;
  s.epoch = count_at<std::uint64_t>(line, "epoch");
  s.hello_patience = seconds("hello_patience_seconds");
  s.join_patience = seconds("join_patience_seconds");
  s.heartbeat_interval = seconds("heartbeat_interval_seconds");
  s.heartbeat_timeout = seconds("heartbeat_timeout_seconds");
  s.manager_timeout = seconds("manager_timeout_seconds");
  s.elastic = line.value("elastic", false);
  s.stream_patience = Duration::seconds(line.value("stream_patience_seconds", 0.0));
  s.manager_patience = Duration::seconds(line.value("manager_patience_seconds", 0.0));
  s.return_patience =
      Duration::seconds(line.value("return_patience_seconds", s.return_patience.in_seconds()));
  if (auto usable = check_settings(s); !usable) return std::unexpected(usable.error());
  return s;
}

}  // namespace selmcast::manager
