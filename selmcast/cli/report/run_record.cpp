#include "selmcast/cli/report/run_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "selmcast/cli/report/json_fields.h"
#include "selmcast/cli/report/true_links.h"
#include "selmcast/cli/sync_mode.h"

namespace selmcast::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uintmax_t kLargestScenario = std::uintmax_t{64} << 20;
constexpr std::size_t kLongestRunName = 100;

using Names = std::map<std::string, WorkerIndex, std::less<>>;

Names index_names(const Scenario& scenario) {
  Names names;
  for (std::size_t i = 0; i < scenario.workers.size(); ++i)
    names.emplace(scenario.workers[i].name, WorkerIndex(static_cast<std::uint32_t>(i)));
  return names;
}

WorkerIndex worker(const JsonFields& fields, std::string_view key, const Names& names) {
  const std::string name = fields.text(key);
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  fields.fault(key, fmt::format("demo.json has no worker \"{}\"", name.substr(0, 40)));
  return WorkerIndex();
}

plan::Reason reason(const JsonFields& fields, std::string_view key) {
  const std::string word = fields.text(key);
  constexpr std::pair<std::string_view, plan::Reason> kReasons[] = {
      {"required", plan::Reason::required},   {"basic", plan::Reason::basic},
      {"spare", plan::Reason::spare},         {"random", plan::Reason::random},
      {"broadcast", plan::Reason::broadcast}, {"kept", plan::Reason::kept},
  };
  for (const auto& [name, value] : kReasons)
    if (word == name) return value;
  fields.fault(key, fmt::format("required, basic, spare, random, broadcast or kept is needed, not \"{}\"",
                                word.substr(0, 40)));
  return plan::Reason::basic;
}

// 0: others have the right of way (slack), and it stands still by the plan.
Rate allocated_rate(const JsonFields& fields) {
  const double bps = fields.number("rate_bps");
  if (bps < 0) fields.fault("rate_bps", "0 bit/s or more is needed");
  return Rate::bits_per_second(std::max(bps, 0.0));
}

Delivery read_delivery(const JsonFields& fields, const Names& names) {
  Delivery delivery{.sender = worker(fields, "sender", names),
                    .receiver = worker(fields, "receiver", names),
                    .reason = reason(fields, "reason"),
                    .bytes = fields.bytes("bytes"),
                    .allocated = allocated_rate(fields),
                    .paced = fields.maybe_rate("paced_bps"),
                    .committed = false,
                    .dropped = false,
                    .why_cancelled = {},
                    .finished = fields.maybe_seconds("finished_seconds"),
                    .settled = {}};
  if (fields.has("via")) delivery.via = worker(fields, "via", names);
  if (fields.has("own_copy")) delivery.own_copy = fields.flag("own_copy");
  const std::string state = fields.text("state");
  delivery.committed = state == "committed";
  delivery.dropped = state == "dropped";
  if (!delivery.committed && !delivery.dropped && state != "cancelled")
    fields.fault("state",
                 fmt::format("committed, cancelled or dropped is needed, not \"{}\"", state.substr(0, 40)));
  if (const auto settled = fields.maybe_seconds("settled_seconds")) delivery.settled = Instant() + *settled;
  if (!delivery.committed && fields.has("why")) delivery.why_cancelled = fields.text("why");
  if (delivery.sender == delivery.receiver) fields.fault("receiver", "is the sender itself");
  return delivery;
}

std::vector<Delivery> read_deliveries(const JsonFields& fields, const Names& names) {
  std::vector<Delivery> deliveries;
  fields.each("deliveries",
              [&](const JsonFields& item) { deliveries.push_back(read_delivery(item, names)); });
  return deliveries;
}

std::vector<Estimate> read_estimates(const JsonFields& fields, const Names& names) {
  std::vector<Estimate> estimates;
  fields.each("estimates", [&](const JsonFields& item) {
    estimates.push_back(
        Estimate{worker(item, "worker", names), item.rate("uplink_bps"), item.rate("downlink_bps")});
  });
  return estimates;
}

RoundRecord read_round(const JsonFields& fields, const Names& names) {
  RoundRecord record{.round = Round(fields.count("round")),
                     .ended = Instant() + fields.seconds("at_seconds"),
                     .sync = fields.seconds("sync_seconds"),
                     .delivery = fields.seconds("delivery_seconds"),
                     .predicted = fields.seconds("predicted_seconds"),
                     .bound = fields.seconds("bound_seconds"),
                     .receivers_mean = fields.number("receivers_mean"),
                     .widest_meeting_gap = fields.count("widest_meeting_gap"),
                     .deliveries = {},
                     .estimates = {}};
  record.deliveries = read_deliveries(fields, names);
  record.estimates = read_estimates(fields, names);
  return record;
}

MulticastRecord read_multicast(const JsonFields& fields, const Names& names) {
  return {.worker = worker(fields, "worker", names),
          .round = Round(fields.count("round")),
          .complete = fields.flag("complete"),
          .issued = Instant() + fields.seconds("issued_seconds"),
          .sending = fields.seconds("sending_seconds"),
          .predicted = fields.seconds("predicted_seconds"),
          .deliveries = read_deliveries(fields, names),
          .widest_meeting_gap = fields.count("widest_meeting_gap"),
          .widest_lead = fields.count("widest_lead")};
}

Evaluation read_evaluation(const JsonFields& fields) {
  Evaluation evaluation{.round = Round(fields.count("round")),
                        .at = Instant() + fields.seconds("at_seconds"),
                        .accuracy = fields.fraction("accuracy"),
                        .consensus_distance = fields.maybe_number("consensus_distance"),
                        .worker_accuracy = {}};
  if (fields.has("worker_accuracy"))
    fields.each_fraction("worker_accuracy",
                         [&](double value) { evaluation.worker_accuracy.push_back(value); });
  return evaluation;
}

WorkerRound read_worker_round(const JsonFields& fields) {
  return WorkerRound{.round = Round(fields.count("round")),
                     .ended = Instant() + fields.seconds("at_seconds"),
                     .loss = fields.maybe_number("loss"),
                     .compute = fields.seconds("compute_seconds"),
                     .blocked = fields.seconds("sync_seconds")};
}

template <class Item>
void append_ascending(std::vector<Item>& items, Item item, const JsonFields& fields) {
  if (!items.empty() && item.round <= items.back().round)
    fields.fault("round",
                 fmt::format("{} stands after round {}", item.round.value(), items.back().round.value()));
  items.push_back(std::move(item));
}

enum class LastLine { whole, cut };

// Calls `read` for each line of `file`; a missing file has no lines.
Result<LastLine> read_lines(const fs::path& file, const std::function<void(const JsonFields&)>& read) {
  const std::string shown = file.string();
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return LastLine::whole;
  std::ifstream in(file, std::ios::binary);
  if (!in || fs::is_directory(file, ignored))
    return failure(ErrorCode::io, shown + ": cannot be opened; check its permissions");
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const bool ends = !in.eof();  // getline meets the end of file only where no newline closes the line
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    FirstFault fault(fmt::format("{}:{}", shown, number));
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded()) {
      if (!ends) return LastLine::cut;
      fault.note("", "is not JSON; only a last line may be cut short");
    } else {
      const JsonFields fields(json, "", fault);
      if (!fault.any()) read(fields);
    }
    if (fault.any()) return std::unexpected(fault.take());
  }
  if (in.bad()) return failure(ErrorCode::io, shown + ": reading failed");
  return LastLine::whole;
}

bool safe_name(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kLongestRunName && name[0] != '.' &&
         std::ranges::all_of(name, plain);
}

RunPlan read_run_plan(const JsonFields& fields) {
  RunPlan run{fields.text("name"), fields.text("planner"), fields.flag("paced"), fields.count("seed")};
  if (fields.has("sync")) run.sync = fields.text("sync");
  if (std::ranges::find(cli::kSyncModes, run.sync) == cli::kSyncModes.end())
    fields.fault("sync", "bsp, ssp, asp, ssp-overlap or asp-overlap is needed");
  if (!safe_name(run.name))
    fields.fault(
        "name",
        "a run is named with letters, digits, '-', '_' and '.', at most 100, because it names its folder");
  if (run.planner.empty()) fields.fault("planner", "is empty");
  return run;
}

WorkerLinks read_worker_links(const JsonFields& fields) {
  WorkerLinks links{fields.text("id"), fields.rate("uplink_bps"), fields.rate("downlink_bps"),
                    fields.rate("declared_uplink_bps"), fields.rate("declared_downlink_bps")};
  if (links.name.empty()) fields.fault("id", "is empty");
  links.slow_factor = fields.maybe_number("slow_factor").value_or(1);
  return links;
}

Scenario read_scenario_fields(const JsonFields& fields) {
  Scenario scenario;
  constexpr std::string_view kSchema = "selmcast.demo_scenario/1";
  if (fields.text("schema") != kSchema) fields.fault("schema", fmt::format("{} is needed", kSchema));
  scenario.seed = fields.count("seed");
  scenario.rounds = fields.count("rounds");
  scenario.min_receivers = fields.count("min_receivers");
  scenario.max_age = fields.count("max_age");
  if (fields.has("ages_from_zero")) scenario.ages_from_zero = fields.flag("ages_from_zero");
  if (fields.has("staleness")) scenario.staleness = fields.count("staleness");
  if (fields.has("keep_fraction")) scenario.keep_fraction = fields.fraction("keep_fraction");
  if (fields.has("mixing")) scenario.mixing = fields.text("mixing");
  if (fields.has("payload")) scenario.payload = fields.text("payload");
  scenario.model = fields.text("model");
  scenario.model_bytes = fields.bytes("model_bytes");
  const std::string multicast = fields.text("multicast");
  using Kind = plan::MulticastKind;
  for (const Kind kind : {Kind::network, Kind::unicast, Kind::relay}) {
    if (multicast == to_string(kind)) scenario.multicast = kind;
  }
  scenario.chooses_multicast = multicast == "auto";
  if (!scenario.chooses_multicast && multicast != to_string(scenario.multicast))
    fields.fault("multicast", "network, unicast, relay or auto is needed");
  scenario.target_accuracy = fields.fraction("target_accuracy");
  std::set<std::string> seen;
  fields.each("workers", [&](const JsonFields& item) {
    scenario.workers.push_back(read_worker_links(item));
    if (!seen.insert(scenario.workers.back().name).second) item.fault("id", "stands twice");
  });
  seen.clear();
  fields.each("runs", [&](const JsonFields& item) {
    scenario.runs.push_back(read_run_plan(item));
    if (!seen.insert(scenario.runs.back().name).second) item.fault("name", "stands twice");
  });
  return scenario;
}

Result<Scenario> read_scenario(const fs::path& folder) {
  const fs::path file = folder / "demo.json";
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored))
    return failure(ErrorCode::invalid_input,
                   fmt::format("{}: not found; name a folder that `selmcast demo` wrote", file.string()));
  if (fs::file_size(file, ignored) > kLargestScenario)
    return failure(ErrorCode::invalid_input, fmt::format("{}: too large for a scenario", file.string()));
  std::ifstream in(file, std::ios::binary);
  if (!in)
    return failure(ErrorCode::io, fmt::format("{}: cannot be opened; check its permissions", file.string()));
  const std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const Json json = Json::parse(content, nullptr, false);
  FirstFault fault(file.string());
  if (json.is_discarded()) {
    fault.note("", "is not JSON");
    return std::unexpected(fault.take());
  }
  Scenario scenario = read_scenario_fields(JsonFields(json, "", fault));
  if (fault.any()) return std::unexpected(fault.take());
  return scenario;
}

ChosenMulticast read_chosen(const JsonFields& fields) {
  using Kind = plan::MulticastKind;
  ChosenMulticast chosen{.at = Instant() + fields.seconds("at_seconds"), .why = fields.text("why")};
  const std::string name = fields.text("multicast");
  for (const Kind kind : {Kind::network, Kind::unicast, Kind::relay}) {
    if (name == to_string(kind)) chosen.kind = kind;
  }
  if (name != to_string(chosen.kind)) fields.fault("multicast", "network, unicast or relay is needed");
  if (fields.has("groups"))
    fields.each_text("groups", [&](const std::string& line) { chosen.groups.push_back(line); });
  return chosen;
}

void read_event(const JsonFields& fields, const Names& names, RunRecord& run) {
  const std::string event = fields.text("event");
  if (event == "round") {
    append_ascending(run.rounds, read_round(fields, names), fields);
    if (!run.rounds.empty()) run.rounds.back().multicast = run.planned_multicast;
  } else if (event == "multicast_chosen") {
    run.chosen.push_back(read_chosen(fields));
  } else if (event == "plan") {
    if (!run.chosen.empty()) run.planned_multicast = run.chosen.back().kind;
  } else if (event == "multicast") {
    run.multicasts.push_back(read_multicast(fields, names));
  } else if (event == "estimates") {
    run.learnt.push_back({Instant() + fields.seconds("at_seconds"), read_estimates(fields, names)});
  } else if (event == "left") {
    run.departures.push_back(Departure{Instant() + fields.seconds("at_seconds"), fields.text("worker"),
                                       fields.text("reason"),
                                       fields.has("goodbye") && fields.flag("goodbye")});
  }
}

Result<RunRecord> read_run(const fs::path& folder, const RunPlan& plan, const Scenario& scenario,
                           const Names& names) {
  const std::size_t worker_count = scenario.workers.size();
  RunRecord run;
  run.plan = plan;
  run.workers.resize(worker_count);
  std::optional<Error> error;
  const auto read = [&](const std::string& name, const std::function<void(const JsonFields&)>& line) {
    if (error) return;
    const auto last = read_lines(folder / name, line);
    if (!last) {
      error = last.error();
    } else if (*last == LastLine::cut) {
      run.cut_short.push_back(name);
    }
  };
  read("journal.jsonl", [&](const JsonFields& fields) { read_event(fields, names, run); });
  read("evaluation.jsonl",
       [&](const JsonFields& fields) { append_ascending(run.evaluations, read_evaluation(fields), fields); });
  for (std::size_t i = 0; i < worker_count; ++i)
    read(fmt::format("worker-{}.jsonl", i), [&](const JsonFields& fields) {
      append_ascending(run.workers[i], read_worker_round(fields), fields);
    });
  TrueLinksReader true_links(scenario);
  read("links.jsonl", [&](const JsonFields& fields) { true_links.line(fields); });
  if (error) return std::unexpected(*error);
  run.true_links = true_links.take();
  return run;
}

}  // namespace

Result<RunFolder> read_run_folder(const fs::path& folder) {
  auto scenario = read_scenario(folder);
  if (!scenario) return std::unexpected(scenario.error());
  RunFolder result{std::move(*scenario), {}};
  const Names names = index_names(result.scenario);
  for (const RunPlan& plan : result.scenario.runs) {
    auto run = read_run(folder / plan.name, plan, result.scenario, names);
    if (!run) return std::unexpected(run.error());
    result.runs.push_back(std::move(*run));
  }
  return result;
}

std::vector<Estimate> estimates_before(const Scenario& scenario, const RunRecord& run, std::size_t at) {
  std::vector<Estimate> estimates;
  for (std::size_t i = 0; i < scenario.workers.size(); ++i) {
    const WorkerLinks& links = scenario.workers[i];
    estimates.push_back(
        Estimate{WorkerIndex(static_cast<std::uint32_t>(i)), links.declared_uplink, links.declared_downlink});
  }
  for (std::size_t round = 0; round < at; ++round)
    for (const Estimate& learnt : run.rounds[round].estimates) estimates[position(learnt.worker)] = learnt;
  return estimates;
}

std::vector<Estimate> final_estimates(const Scenario& scenario, const RunRecord& run) {
  std::vector<Estimate> estimates = estimates_before(scenario, run, run.rounds.size());
  for (const Learnt& look : run.learnt)
    for (const Estimate& learnt : look.estimates) estimates[position(learnt.worker)] = learnt;
  return estimates;
}

}  // namespace selmcast::report
