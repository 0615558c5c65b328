#include "selmcast/cli/arena_command.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "selmcast/arena/arena.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/payload_option.h"
#include "selmcast/cli/planner_names.h"
#include "selmcast/sync/online_policy.h"

namespace selmcast::cli {
namespace {

// Beside 0, 2 (usage) and what a signal leaves (a crash: an assertion of ours).
constexpr int kExitWrong = 1;  // a promise was broken

struct ArenaFlags {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint32_t workers = 0;
  std::uint64_t rounds = 12;
  std::string sync = "bsp";
  std::string multicast = "unicast";
  std::string planner;
  std::string mixing;
  std::string payload = "float32";
  std::string format = "table";
  bool seldom = false;
  bool calm = false;
  bool story = false;
};

nlohmann::json to_json(std::uint64_t seed, const arena::ArenaResult& result) {
  return {{"seed", seed},
          {"workers", result.workers},
          {"survivors", result.survivors},
          {"rounds_done", result.rounds_done},
          {"deliveries", result.deliveries},
          {"cancelled", result.cancelled},
          {"soundings", result.soundings},
          {"grouped", result.grouped},
          {"handed_over", result.handed_over},
          {"unheard", result.unheard},
          {"told_slow", result.told_slow},
          {"rerouted", result.rerouted},
          {"resumed", result.resumed},
          {"dropped", result.dropped},
          {"new_rates", result.new_rates},
          {"widest_lead", result.widest_lead},
          {"widest_meeting_gap", result.widest_gap},
          {"virtual_seconds", result.virtual_time.in_seconds()},
          {"managers", result.managers},
          {"came_late", result.late},
          {"returns", result.returns},
          {"caught_up", result.caught_up},
          {"broken_streams", result.broken_streams},
          {"standstills", result.standstills},
          {"most_transfers_held", result.most_held.transfers},
          {"most_links_held", result.most_held.links},
          {"most_messages_held", result.most_held.messages},
          {"longest_pause_seconds", result.longest_pause.in_seconds()},
          {"violations", result.violations},
          {"stuck", result.stuck}};
}

// The shortest story that we find in which a seed fails.
void tell_smallest(const arena::ArenaSettings& settings) {
  const arena::ArenaSettings smallest = arena::smallest_that_fails(settings);
  const arena::Faults& f = smallest.faults;
  std::string kinds;
  for (const auto& [on, name] : {std::pair{f.broken_links, "broken links"},
                                 {f.corruption, "corruption"},
                                 {f.crashes, "crashes"},
                                 {f.silences, "silences"},
                                 {f.cuts, "cuts"},
                                 {f.bandwidth_changes, "changes of bandwidth"},
                                 {f.manager_crashes, "crashes of the manager"},
                                 {f.joins, "joins"},
                                 {f.broken_streams, "broken streams to the manager"},
                                 {f.slow_disks, "slow disks"},
                                 {f.unreachable, "comers that nobody reaches"},
                                 {f.clocks, "standstills and clocks"},
                                 {f.leaves, "leaves"}}) {
    if (on) kinds += (kinds.empty() ? "" : ", ") + std::string(name);
  }
  const arena::ArenaResult result = arena::run_arena(smallest);
  for (const std::string& line : result.story) fmt::print(stderr, "{}\n", line);
  for (const std::string& violation : result.violations) fmt::print(stderr, "  {}\n", violation);
  for (const std::string& what : result.stuck) fmt::print(stderr, "  {}\n", what);
  fmt::print(stderr,
             "This is the smallest story that fails, with {} rounds; faults: {}. All of it: --story\n",
             smallest.rounds, kinds.empty() ? "none" : kinds);
}

int run_arena_command(const ArenaFlags& flags) {
  arena::ArenaSettings settings;
  settings.workers = flags.workers;
  settings.rounds = flags.rounds;
  if (!flags.mixing.empty())
    settings.mixing = wire::parse_mixing(flags.mixing).value_or(wire::MixingKind::average);
  settings.payload = payload::parse_format(flags.payload).value_or(payload::Format::float32);
  settings.relay = flags.multicast == "relay";
  settings.network = flags.multicast == "network";
  settings.seldom = flags.seldom;
  if (settings.relay && flags.sync != "bsp") {
    fmt::print(stderr, "selmcast arena: --multicast: relay is for bsp; with {} give unicast or network\n",
               flags.sync);
    return kExitUsage;
  }
  if (flags.calm) settings.faults = arena::kNoFaults;
  if (flags.sync != "bsp") {
    settings.sync = flags.sync == "ssp" ? arena::Sync::ssp : arena::Sync::asp;
    settings.policy = flags.planner;
    if (!flags.planner.empty() && sync::make_online_policy(flags.planner, Rng(1)) == nullptr) {
      fmt::print(stderr, "selmcast arena: --planner: there is no planner \"{}\" for {}; there are {}\n",
                 flags.planner, flags.sync, fmt::join(sync::online_policy_names(), ", "));
      return kExitUsage;
    }
  } else if (!flags.planner.empty()) {
    settings.planner = plan::find_planner(flags.planner);
    if (settings.planner == nullptr) {
      fmt::print(stderr, "selmcast arena: --planner: {}\n", unknown_planner(flags.planner));
      return kExitUsage;
    }
  }
  std::uint64_t failed = 0, wrong = 0;
  nlohmann::json all = nlohmann::json::array();
  for (std::uint64_t seed = flags.seed; seed < flags.seed + flags.seeds; ++seed) {
    settings.seed = seed;
    const arena::ArenaResult result = arena::run_arena(settings);
    const bool bad = !result.content();
    failed += bad ? 1 : 0;
    wrong += result.violations.empty() ? 0 : 1;
    if (flags.story) {
      for (const std::string& line : result.story) fmt::print(stderr, "{}\n", line);
    } else if (bad && flags.seeds == 1) {
      tell_smallest(settings);
    }
    if (flags.format == "json") {
      all.push_back(to_json(seed, result));
      continue;
    }
    fmt::print(
        "seed {:<6} {:>2} workers, {:>2} at the end  {:>5} deliveries {:>4} cancelled {:>4} dropped  widest "
        "gap "
        "{:>2}  {}\n",
        seed, result.workers, result.survivors, result.deliveries, result.cancelled, result.dropped,
        result.widest_gap,
        !bad                        ? "ok"
        : result.violations.empty() ? "STUCK"
                                    : "VIOLATED");
    for (const std::string& violation : result.violations) fmt::print("  {}\n", violation);
    for (const std::string& what : result.stuck) fmt::print("  {}\n", what);
  }
  if (flags.format == "json") fmt::print("{}\n", all.dump(2));
  if (failed > 0) fmt::print(stderr, "selmcast arena: {} of {} seeds broke a promise\n", failed, flags.seeds);
  return wrong > 0 ? kExitWrong : failed > 0 ? kExitStuck : kExitDone;
}

}  // namespace

void add_arena_command(CLI::App& app, int& exit_status) {
  auto flags = std::make_shared<ArenaFlags>();
  CLI::App* command =
      app.add_subcommand("arena", "Run the real cores on a simulated, faulty network, under checkers");
  command->footer(
      "Exit status 1: a checker found a promise broken; 4: none, but somebody did not get on; a signal: a "
      "core "
      "crashed.\n"
      "Examples:\n"
      "  selmcast arena --seed 42 --story        one training, event by event\n"
      "  selmcast arena --seed 1 --seeds 1000    a thousand different ones\n"
      "  selmcast arena --sync ssp --seeds 300   without rounds in common\n"
      "  selmcast arena --multicast relay        receivers send on what they get\n"
      "  selmcast arena --multicast network      IP multicast: late, lost and handed over receivers");
  command->add_option("--seed", flags->seed, "The first seed")->capture_default_str();
  command->add_option("--seeds", flags->seeds, "How many seeds")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--workers", flags->workers, "0: drawn from 3 to 16")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  command->add_option("--rounds", flags->rounds, "Of each training")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--sync", flags->sync, "bsp, ssp or asp")
      ->check(CLI::IsMember({"bsp", "ssp", "asp"}))
      ->capture_default_str();
  command->add_option("--multicast", flags->multicast, "unicast, network, or relay (bsp)")
      ->check(CLI::IsMember({"unicast", "network", "relay"}))
      ->capture_default_str();
  command->add_option("--planner", flags->planner, "Default: drawn");
  command->add_option("--mixing", flags->mixing, "average, push_sum or staleness (default: drawn)")
      ->check(CLI::IsMember({"average", "push_sum", "staleness"}));
  add_payload_option(*command, flags->payload)->capture_default_str();
  command->add_option("--format", flags->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->add_flag(
      "--seldom", flags->seldom,
      "Larger models, pairs that seldom must meet: links fall silent and are sounded (bsp, unicast)");
  command->add_flag("--calm", flags->calm, "No faults, only delays");
  command->add_flag("--story", flags->story, "Print what happened to standard error");
  command->callback([flags, &exit_status] { exit_status = run_arena_command(*flags); });
}

}  // namespace selmcast::cli
