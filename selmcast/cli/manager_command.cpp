#include "selmcast/cli/manager_command.h"

#include <fmt/core.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "selmcast/base/overloaded.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/manager/journal.h"
#include "selmcast/manager/manager.h"
#include "selmcast/manager/training_choice.h"

namespace selmcast::cli {
namespace {

struct ManagerFlags {
  std::uint32_t workers = 1;
  std::uint32_t min_workers = 1;
  std::string sync = "bsp";
  std::optional<std::uint32_t> staleness;
  std::optional<double> keep_fraction;
  std::optional<std::string> sharing;
  std::optional<double> width;
  bool overlap = false;
  std::string multicast = "unicast";
  std::string planner = "auto";
  double min_receivers = 0.3;
  std::uint32_t max_age = 7;
  std::uint64_t seed = 1;
  std::uint16_t port = 7070;
  std::optional<std::string> insecure_listen;
  std::string journal;
  std::string replay;
  std::string state;
  std::optional<double> patience;
  double join_timeout = 60;
  double compute_timeout = 600;
  double reconnect_timeout = 0.5;
  bool elastic = false;
  std::optional<double> clock_zero;
  bool ages_from_zero = false;
  bool unpaced = false;
  bool no_bursts = false;
  bool no_pulses = false;
  bool no_soundings = false;
  bool die_with_parent = false;
};

// "; w0 -> w3: link to w3: connection lost; and 4 more".
std::string failures_of(const std::vector<sync::Settled>& transfers) {
  constexpr int kNamed = 3;
  std::string text;
  int failed = 0;
  for (const sync::Settled& settled : transfers) {
    if (settled.committed || settled.dropped || ++failed > kNamed) continue;
    text += fmt::format("; {} -> {}: {}", to_string(settled.transfer.sender),
                        to_string(settled.transfer.receiver), settled.why);
  }
  if (failed > kNamed) text += fmt::format("; and {} more", failed - kNamed);
  return text;
}

// Once, in the plan after the failure that began or prolonged the rest.
void say_what_rests(const std::vector<sync::Resting>& resting, Instant now,
                    const std::function<void(const std::string&)>& say) {
  static std::map<sync::WorkerPair, Instant> said;
  for (const sync::Resting& rest : resting) {
    if (std::exchange(said[rest.pair], rest.until) == rest.until) continue;
    say(fmt::format(
        "nothing passes from {} to {}: {} deliveries in a row have failed. The pair is left out for {:.0f} s",
        to_string(rest.pair.sender), to_string(rest.pair.receiver), rest.failures,
        std::max(0.0, (rest.until - now).in_seconds())));
  }
}

std::string multicast_line(const sync::MulticastEnded& ended) {
  std::size_t committed = 0, dropped = 0;
  Instant last = ended.ready;
  for (const sync::Settled& settled : ended.transfers) {
    committed += settled.committed ? 1 : 0;
    dropped += settled.dropped ? 1 : 0;
    if (settled.committed) last = std::max(last, settled.at);
  }
  return fmt::format(
             "{} round {}: {} deliveries in {:.3f} s (predicted {:.3f} s){}{}", to_string(ended.worker),
             ended.round.value(), committed, (last - ended.ready).in_seconds(), ended.predicted.in_seconds(),
             dropped > 0 ? fmt::format(", {} dropped", dropped) : "", ended.complete ? "" : ", incomplete") +
         failures_of(ended.transfers);
}

void log_output(const manager::Output& output) {
  const auto say = [](const std::string& line) { fmt::print(stderr, "[manager] {}\n", line); };
  std::visit(
      Overloaded{
          [&](const manager::Started& started) {
            say(fmt::format("training starts with {} workers", started.names.size()));
          },
          [&](const manager::Came& came) {
            say(fmt::format("{} comes as {} and waits for the others' parameters", came.name,
                            to_string(came.worker)));
          },
          [&](const sync::CaughtUp& it) {
            say(fmt::format("{} has parameters of {} others and computes round {}, {} workers",
                            to_string(it.worker), it.from.size(), it.round.value(), it.members));
          },
          [&](const manager::RoundOver& over) {
            const auto& round = over.round;
            const auto committed = std::ranges::count(round.transfers, true, &sync::Settled::committed);
            const auto failed = static_cast<std::ptrdiff_t>(round.transfers.size()) - committed;
            say(fmt::format(
                "round {}: {} deliveries in {:.3f} s (predicted {:.3f} s){}", round.round.value(), committed,
                (round.last_commit - round.issued).in_seconds(), round.predicted.in_seconds(),
                failed > 0 ? fmt::format(", {} NOT delivered{}", failed, failures_of(round.transfers)) : ""));
            say_what_rests(round.resting, round.issued, say);
          },
          [&](const sync::MulticastEnded& ended) {
            say(multicast_line(ended));
            say_what_rests(ended.resting, ended.planned, say);
          },
          [&](const sync::TransferRerouted& rerouted) {
            say(fmt::format("{} now sends to {} itself, not {} any more: {}",
                            to_string(rerouted.transfer.sender), to_string(rerouted.transfer.receiver),
                            to_string(rerouted.before), rerouted.why));
          },
          [&](const manager::MulticastChosen& it) {
            say(fmt::format("multicast: {}, since {}{}", to_string(it.choice.kind), it.choice.why,
                            it.choice.remedy.empty() ? "" : "; for network: " + it.choice.remedy));
            for (const std::string& line : it.choice.groups) say("  " + line);
          },
          [&](const manager::Kept& kept) {
            say(fmt::format(
                "widest gap between meetings: {} multicasts ({} too wide); furthest ahead: {} rounds ({} "
                "times too far)",
                kept.promises.widest_gap, kept.promises.gaps_broken, kept.promises.widest_lead,
                kept.promises.leads_broken));
          },
          [&](const manager::Left& left) {
            say(fmt::format("{} left ({}), {} remain", to_string(left.worker), left.why, left.remaining));
          },
          [&](const sync::Doubted& doubted) {
            say(fmt::format("{}: {}", to_string(doubted.worker), doubted.why));
          },
          [&](const manager::LeftEarly& early) {
            say(fmt::format("{} left before the training began ({}); {} of {} workers are there", early.name,
                            early.why, early.waiting, early.wanted));
          },
          [&](const manager::TurnedAway& away) {
            say(fmt::format("turned away {}: {}", away.name, away.why));
          },
          [&](const manager::Finished& end) {
            say(end.error ? "stopped: " + end.error->message : "all workers have left: done");
          },
          [](const auto&) {},
      },
      output);
}

int replay_journal(const std::string& path) {
  const auto summary = manager::replay(path);
  if (!summary) {
    fmt::print(stderr, "selmcast manager: {}\n", summary.error().message);
    return summary.error().code == ErrorCode::corrupt ? kExitFailed : kExitUsage;
  }
  fmt::print("replayed {} inputs: {} plans, all as recorded\n", summary->inputs, summary->plans);
  return kExitDone;
}

Result<manager::ManagerOptions> options_of(const ManagerFlags& flags) {
  manager::TrainingChoice choice;
  choice.workers = flags.workers;
  choice.sync = flags.sync;
  choice.multicast = flags.multicast;
  choice.planner = flags.planner;
  choice.staleness = flags.staleness;
  choice.keep_fraction = flags.keep_fraction;
  choice.sharing = flags.sharing;
  choice.width = flags.width;
  choice.overlap = flags.overlap;
  choice.min_receivers = flags.min_receivers;
  choice.max_age = flags.max_age;
  choice.seed = flags.seed;
  choice.join_patience = Duration::seconds(flags.join_timeout);
  choice.compute_patience = Duration::seconds(flags.compute_timeout);
  choice.stream_patience = Duration::seconds(flags.reconnect_timeout);
  choice.elastic = flags.elastic;
  auto settings = manager::settings_of(choice);
  if (!settings) return std::unexpected(settings.error());
  manager::ManagerOptions options;
  options.settings = *std::move(settings);
  options.settings.run_token = manager::draw_run_token();
  options.settings.min_workers = flags.min_workers;
  auto& rounds = options.settings.rounds;
  if (flags.ages_from_zero) rounds.age_start = sync::AgeStart::zero;
  rounds.paced = !flags.unpaced;
  rounds.bursts = !flags.no_bursts;
  rounds.pulses = !flags.no_pulses;
  rounds.soundings = !flags.no_soundings;
  if (flags.insecure_listen) options.host = *flags.insecure_listen;
  options.port = flags.port;
  options.journal = flags.journal;
  options.state = flags.state;
  // Nobody waits for a manager that cannot come back.
  if (!flags.state.empty())
    options.settings.manager_patience = Duration::seconds(flags.patience.value_or(60));
  if (flags.clock_zero) options.clock_zero = Duration::seconds(*flags.clock_zero);
  options.on_output = log_output;
  options.on_notice = [](const std::string& what) { fmt::print(stderr, "[manager] {}\n", what); };
  return options;
}

// SIGINT and SIGTERM end the training in order: every worker is told. The handler only counts; a thread of its own
// stops the manager. (Not by blocking the signals and sigwait(): libraries that start threads before main(), as
// OpenBLAS does behind CBC, leave threads that do not block them.)
class StopOnSignal {
 public:
  explicit StopOnSignal(manager::Manager& manager) {
    waiter_ = std::thread([this, &manager] {
      while (sem_wait(&received()) != 0) {
      }
      if (!is_over_) manager.stop("the manager was stopped by a signal");
    });
  }
  ~StopOnSignal() {
    is_over_ = true;
    sem_post(&received());
    waiter_.join();
  }
  // From now on signals are kept for the StopOnSignal to come.
  static void arm() {
    sem_init(&received(), 0, 0);
    struct sigaction action {};
    action.sa_handler = [](int) { sem_post(&received()); };
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  }

 private:
  static sem_t& received() {
    static sem_t semaphore;
    return semaphore;
  }
  std::atomic<bool> is_over_ = false;
  std::thread waiter_;
};

int run_manager(const ManagerFlags& flags) {
  if (!flags.replay.empty()) return replay_journal(flags.replay);
  const auto complain = [](const Error& error) {
    fmt::print(stderr, "selmcast manager: {}\n", error.message);
    return error.code == ErrorCode::invalid_input ? kExitUsage : kExitFailed;
  };
  auto options = options_of(flags);
  if (!options) return complain(options.error());
  if (flags.die_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
  StopOnSignal::arm();
  auto manager = manager::Manager::create(std::move(*options));
  if (!manager) return complain(manager.error());
  fmt::print("{}\n", (*manager)->address());
  std::fflush(stdout);
  const StopOnSignal stop(**manager);
  const auto done = (*manager)->run();
  return done ? kExitDone : complain(done.error());
}

}  // namespace

void add_manager_command(CLI::App& app, int& exit_status) {
  auto flags = std::make_shared<ManagerFlags>();
  CLI::App* command = app.add_subcommand("manager", "Run the manager of one training");
  command->footer(
      "Prints the address it listens on, then runs until all workers have left.\n"
      "Examples:\n"
      "  selmcast manager --workers 8 --min-receivers 0.3 --journal journal.jsonl\n"
      "  selmcast manager --workers 8 --sync ssp --staleness 4      workers need not keep pace\n"
      "  selmcast manager --workers 8 --sync ssp --overlap          nor wait for their own multicast\n"
      "  selmcast manager --workers 8 --multicast network           one copy on each uplink, by IP "
      "multicast\n"
      "  selmcast manager --workers 8 --multicast auto              by IP multicast where the network is "
      "fit for it\n"
      "  selmcast manager --workers 4 --insecure-listen 0.0.0.0     for workers on other machines: not "
      "encrypted\n"
      "  selmcast manager --workers 8 --state training.state        again after a crash: the training goes "
      "on\n"
      "  selmcast manager --workers 8 --elastic                     workers may come, and come back, while "
      "it runs\n"
      "  selmcast manager --replay journal.jsonl                    plan again from what was recorded, and "
      "compare");
  command->add_option("--workers", flags->workers, "The training starts when so many are there")
      ->envname("WORLD_SIZE")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
  command
      ->add_option("--min-workers", flags->min_workers,
                   "The training ends when fewer are left, but for those who are done")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
  command->add_flag("--elastic", flags->elastic,
                    "Workers may come while the training runs: new ones, or those that were lost");
  command
      ->add_option(
          "--reconnect-timeout", flags->reconnect_timeout,
          "Seconds for a worker whose connection to the manager broke to take it up again; one that was "
          "killed is missed as long. 0: it is lost at once")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  command
      ->add_option("--sync", flags->sync,
                   "bsp: rounds in common; ssp: nobody further ahead than --staleness; asp: nobody waits")
      ->check(CLI::IsMember({"bsp", "ssp", "asp"}))
      ->capture_default_str();
  command
      ->add_option("--staleness", flags->staleness,
                   "ssp: rounds that a worker may be ahead of the slowest when it starts one (default 4)")
      ->check(CLI::Range(0U, 1'000'000U));
  command
      ->add_option(
          "--keep-fraction", flags->keep_fraction,
          "ssp, asp: a running delivery with less than this share left is never dropped (default 0.75)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--overlap", flags->overlap,
                    "ssp, asp: workers compute their next round while their multicast is delivered");
  command->add_option("--width", flags->width, "Of slack: from 0, compute the most, to 1, reach the most");
  command->add_option("--sharing", flags->sharing, "ssp, asp: how multicasts share links (default fair)")
      ->check(CLI::IsMember({"fair", "priority", "reserved"}));
  command
      ->add_option("--multicast", flags->multicast,
                   "unicast: a copy to each; relay (bsp): receivers send it on; network: IP multicast; "
                   "auto: whichever the network is fit for, found by probing it")
      ->check(CLI::IsMember({"unicast", "relay", "network", "auto"}))
      ->capture_default_str();
  command
      ->add_option("--planner", flags->planner,
                   "paper, random, broadcast, auto; exact and search for bsp, slack for ssp and asp")
      ->capture_default_str();
  command
      ->add_option("--min-receivers", flags->min_receivers,
                   "Of each multicast; below 1: a fraction of the workers")
      ->capture_default_str();
  command->add_option("--max-age", flags->max_age, "Every pair meets within this + 1 rounds")
      ->capture_default_str();
  command->add_flag(
      "--ages-from-zero", flags->ages_from_zero,
      "Start all pairs at age 0 instead of staggered: pairs left out become required all at once");
  command->add_option("--seed", flags->seed, "Of planners that draw")->capture_default_str();
  command->add_option("--port", flags->port, "0: any free one")->capture_default_str();
  command
      ->add_option("--insecure-listen", flags->insecure_listen,
                   "Address to listen on instead of loopback; nothing is encrypted")
      ->type_name("ADDR");
  command->add_option("--journal", flags->journal, "Write down all inputs and decisions")->type_name("FILE");
  CLI::Option* state =
      command->add_option("--state", flags->state,
                          "Keep the training here (SQLite). A manager that is started again with "
                          "it, and the same options, goes on where the last one died");
  state->type_name("FILE");
  command
      ->add_option("--patience", flags->patience,
                   "Seconds that workers wait for a manager that died (default 60; needs --state)")
      ->check(CLI::Range(0.0, 86400.0))
      ->needs(state);
  command->add_option("--replay", flags->replay, "Replay a journal and compare the plans")->type_name("FILE");
  command->add_option("--join-timeout", flags->join_timeout, "Seconds to wait for all workers")
      ->check(CLI::Range(0.001, 600.0))
      ->capture_default_str();
  command
      ->add_option("--compute-timeout", flags->compute_timeout,
                   "Seconds that a round waits for the slowest computation")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--clock-zero", flags->clock_zero, "Where the journal's times start, on CLOCK_MONOTONIC")
      ->type_name("SECONDS");
  command->add_flag("--unpaced", flags->unpaced, "Let TCP alone decide the rates; they still predict");
  command->add_flag("--no-bursts", flags->no_bursts, "Never pace above plan to look for more bandwidth");
  command->add_flag(
      "--no-pulses", flags->no_pulses,
      "bsp, unicast: pace above plan in some whole rounds only, not each link in turn for a part of "
      "each round (docs/bandwidth.md)");
  command->add_flag(
      "--no-soundings", flags->no_soundings,
      "bsp, unicast: never probe links that no delivery has crossed of late with a part of a model");
  command->add_flag("--die-with-parent", flags->die_with_parent,
                    "End when the process that started this one ends");
  command->callback([flags, &exit_status] { exit_status = run_manager(*flags); });
}

}  // namespace selmcast::cli
