#include "selmcast/manager/journal.h"

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "selmcast/base/json_count.h"
#include "selmcast/base/overloaded.h"
#include "selmcast/manager/journal_json.h"
#include "selmcast/wire/control_codec.h"

namespace selmcast::manager {
namespace {

using nlohmann::json;

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
  journal->planner_ = planner_of(settings);
  json line = settings_json(settings);
  line["at_seconds"] = now.in_seconds();
  journal->write(line.dump());
  return journal;
}

void Journal::write(const std::string& line) {
  if (file_.is_open()) file_ << line << '\n';
}

void Journal::input(const Input& input) {
  if (!file_.is_open()) return;
  const auto line = [&](const char* kind, const json& more) {
    json object = {{"event", "input"}, {"at_seconds", input.at.in_seconds()}, {"kind", kind}};
    object.update(more);
    write(object.dump(-1, ' ', false, json::error_handler_t::replace));
  };
  std::visit(Overloaded{
                 [&](const SessionOpened& it) {
                   line("opened", {{"session", it.session.value()}});
                 },
                 [&](const MessageCame& it) {
                   line("message", {{"session", it.session.value()},
                                    {"message", json::parse(wire::to_json(it.message), nullptr, false)}});
                 },
                 [&](const SessionLost& it) {
                   line("closed", {{"session", it.session.value()}, {"why", it.why}});
                 },
                 [&](const TimePassed&) { line("tick", json::object()); },
                 [&](const Stopped& it) {
                   line("stop", {{"why", it.why}});
                 },
                 [&](const ManagerRestarted& it) {
                   line("restarted", {{"epoch", it.epoch}, {"away_seconds", it.away.in_seconds()}});
                 },
             },
             input.what);
}

void Journal::output(const Output& output, Instant now, Duration deciding) {
  if (!file_.is_open()) return;
  auto line = decision_json(output, now);
  if (!line) return;
  const auto* replanned = std::get_if<Replanned>(&output);
  const bool plans =
      std::holds_alternative<Planned>(output) || (replanned != nullptr && !replanned->plan.started.empty());
  if (plans) {
    last_plan_took_ = deciding;
    (*line)["plan_seconds"] = deciding.in_seconds();
  }
  if (std::holds_alternative<RoundOver>(output)) {
    (*line)["planner"] = planner_;
    (*line)["plan_seconds"] = last_plan_took_.in_seconds();
  }
  write(line->dump(-1, ' ', false, json::error_handler_t::replace));
  // Whoever follows the journal sees plans and rounds at once, and a killed manager leaves them.
  if (plans || std::holds_alternative<RoundOver>(output) ||
      std::holds_alternative<sync::MulticastEnded>(output) || std::holds_alternative<Came>(output)) {
    file_.flush();
  }
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
    const auto input = input_from(line, now);
    if (!input) return std::unexpected(input.error());
    ++summary_.inputs;
    for (const Output& output : apply(*core_, *input)) {
      // Through text and back, as the recorded one went.
      if (const auto decided = decision_json(output, now)) {
        decided_.push_back(json::parse(decided->dump(-1, ' ', false, json::error_handler_t::replace)));
      }
    }
    return {};
  }

  Result<Input> input_from(const json& line, Instant now) {
    const std::string kind = line.at("kind").get<std::string>();
    const auto why = [&] { return line.at("why").get<std::string>(); };
    if (kind == "tick") return Input{now, TimePassed{}};
    if (kind == "stop") return Input{now, Stopped{why()}};
    if (kind == "restarted") {
      return Input{now, ManagerRestarted{count_at<std::uint64_t>(line, "epoch"),
                                         Duration::seconds(line.at("away_seconds").get<double>())}};
    }
    const SessionId session(count_at<std::uint64_t>(line, "session"));
    if (kind == "opened") {
      if (!opened_.insert(session).second)
        return failure(ErrorCode::invalid_input, "a session is opened twice");
      return Input{now, SessionOpened{session}};
    }
    if (kind == "closed") return Input{now, SessionLost{session, why()}};
    if (kind != "message") return failure(ErrorCode::invalid_input, "unknown input kind '" + kind + "'");
    auto message = wire::from_worker_json(line.at("message").dump());
    if (!message) return std::unexpected(message.error());
    return Input{now, MessageCame{session, *std::move(message), 0}};
  }

  Result<void> decision(const json& line) {
    if (decided_.empty() || decided_.front() != comparable(line)) {
      return failure(ErrorCode::corrupt, "the replay decided otherwise: " +
                                             (decided_.empty() ? "nothing" : decided_.front().dump()));
    }
    if (line.at("event") == "plan" || line.at("event") == "replan") ++summary_.plans;
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
