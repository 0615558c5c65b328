#include "selmcast/cli/run/run_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/payload_option.h"
#include "selmcast/cli/run/launcher.h"
#include "selmcast/cli/run/manager_child.h"
#include "selmcast/manager/manager.h"
#include "selmcast/manager/training_choice.h"

namespace selmcast::run {
namespace {

struct RunFlags {
  int ranks = 1;
  std::string manager;
  manager::TrainingChoice choice;
  std::string journal;
  std::string state;
  std::optional<int> restarts;
  std::string payload;  // empty: the program's own choice
  double grace = 5;
  bool asked = false;  // for anything of the manager
};

// What python/selmcast/session.py compares with what a program asks for.
std::string settings_text(const RunFlags& flags) {
  const auto& choice = flags.choice;
  std::string text =
      fmt::format("sync={};planner={};min_receivers={};max_age={};seed={};multicast={};overlap={};asked={}",
                  choice.sync, choice.planner, choice.min_receivers, choice.max_age, choice.seed,
                  choice.multicast, choice.overlap ? "True" : "False", flags.asked ? 1 : 0);
  if (choice.sync == "ssp") text += fmt::format(";staleness={}", choice.staleness.value_or(4));
  return text;
}

// A manager that lives as long as this object.
class OwnManager {
 public:
  static Result<std::unique_ptr<OwnManager>> start(const RunFlags& flags) {
    auto settings = manager::settings_of(flags.choice);
    if (!settings) return std::unexpected(settings.error());
    manager::ManagerOptions options;
    options.settings = *std::move(settings);
    options.settings.run_token = manager::draw_run_token();
    options.journal = flags.journal;
    options.on_output = [](const manager::Output& output) {
      if (const auto* away = std::get_if<manager::TurnedAway>(&output))
        fmt::print(stderr, "[run] the manager turned away {}: {}\n", away->name, away->why);
      if (const auto* early = std::get_if<manager::LeftEarly>(&output))
        fmt::print(stderr, "[run] {} left before the training began ({}); {} of {} are there\n", early->name,
                   early->why, early->waiting, early->wanted);
      if (const auto* it = std::get_if<manager::MulticastChosen>(&output)) {
        fmt::print(stderr, "[run] multicast: {}, since {}\n", to_string(it->choice.kind), it->choice.why);
        for (const std::string& line : it->choice.groups) fmt::print(stderr, "[run]   {}\n", line);
      }
      if (const auto* left = std::get_if<manager::Left>(&output); left && !left->goodbye)
        fmt::print(stderr, "[run] {} is gone ({}), {} remain\n", to_string(left->worker), left->why,
                   left->remaining);
    };
    auto made = manager::Manager::create(std::move(options));
    if (!made) return std::unexpected(made.error());
    return std::unique_ptr<OwnManager>(new OwnManager(*std::move(made)));
  }
  ~OwnManager() {
    manager_->stop("selmcast run has ended");
    loop_.join();
  }
  std::string address() const { return manager_->address(); }

 private:
  explicit OwnManager(std::unique_ptr<manager::Manager> manager) : manager_(std::move(manager)) {
    // How it ends is the ranks' to tell: a program that starts another manager leaves this one alone.
    loop_ = std::thread([this] { static_cast<void>(manager_->run()); });
  }
  std::unique_ptr<manager::Manager> manager_;
  std::thread loop_;
};

// The same as words for `selmcast manager`.
std::vector<std::string> manager_flags(const RunFlags& flags) {
  const auto& choice = flags.choice;
  std::vector<std::string> words = {"--port", "0", "--die-with-parent", "--state", flags.state};
  const auto add = [&](const char* flag, const std::string& value) {
    words.insert(words.end(), {flag, value});
  };
  add("--workers", std::to_string(flags.ranks));
  add("--sync", choice.sync);
  add("--multicast", choice.multicast);
  add("--planner", choice.planner);
  add("--min-receivers", fmt::format("{}", choice.min_receivers));
  add("--max-age", std::to_string(choice.max_age));
  add("--seed", std::to_string(choice.seed));
  add("--join-timeout", fmt::format("{}", choice.join_patience.in_seconds()));
  if (choice.staleness) add("--staleness", std::to_string(*choice.staleness));
  if (!flags.journal.empty()) add("--journal", flags.journal);
  if (choice.overlap) words.push_back("--overlap");
  if (choice.elastic) words.push_back("--elastic");
  return words;
}

int run(RunFlags& flags, const std::vector<std::string>& command) {
  const auto complain = [](const Error& error) {
    fmt::print(stderr, "selmcast run: {}\n", error.message);
    return error.code == ErrorCode::invalid_input ? cli::kExitUsage : cli::kExitFailed;
  };
  if (command.empty()) {
    fmt::print(stderr,
               "selmcast run: no program given; it stands behind --, as in: selmcast run -n 4 -- python3 "
               "train.py\n");
    return cli::kExitUsage;
  }
  if (!flags.manager.empty() && flags.asked) {
    fmt::print(stderr,
               "selmcast run: --manager names one that runs already: --sync and the like are its own\n");
    return cli::kExitUsage;
  }
  if (!flags.manager.empty() && !flags.state.empty()) {
    fmt::print(stderr, "selmcast run: --manager names one that runs already: --state is its own\n");
    return cli::kExitUsage;
  }
  if (flags.restarts && !flags.choice.elastic && flags.manager.empty()) {
    fmt::print(
        stderr,
        "selmcast run: a rank that is started again finds the training under way: --max-restarts needs "
        "--elastic\n");
    return cli::kExitUsage;
  }
  JobSpec job;
  job.restarts = flags.restarts.value_or(flags.choice.elastic ? 3 : 0);
  job.ranks = flags.ranks;
  job.command = command;
  job.grace = Duration::seconds(flags.grace);
  job.variables = variables_of(flags.ranks);
  std::unique_ptr<OwnManager> own;
  std::optional<ManagerChild> child;  // the same, where it can die without this process
  std::string address = flags.manager;
  if (flags.manager.empty()) {
    flags.choice.workers = static_cast<std::uint32_t>(flags.ranks);
    if (flags.state.empty()) {
      auto started = OwnManager::start(flags);
      if (!started) return complain(started.error());
      own = *std::move(started);
      address = own->address();
    } else {
      auto started = ManagerChild::start(manager_flags(flags));
      if (!started) return complain(started.error());
      child.emplace(*std::move(started));
      address = child->address();
      job.look_after = [&child] { child->look_after(); };
    }
    job.variables.emplace_back("SELMCAST_MANAGER_SETTINGS", settings_text(flags));
  }
  job.variables.emplace_back("SELMCAST_MANAGER", address);
  if (!flags.payload.empty()) job.variables.emplace_back("SELMCAST_PAYLOAD", flags.payload);
  const auto status = run_job(job);
  return status ? *status : complain(status.error());
}

}  // namespace

std::vector<std::string> split_program(std::vector<std::string>& arguments) {
  if (arguments.size() < 2 || arguments[1] != "run") return {};
  const auto dashes = std::ranges::find(arguments, "--");
  if (dashes == arguments.end()) return {};
  std::vector<std::string> program(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
  return program;
}

void add_run_command(CLI::App& app, std::vector<std::string> program, int& exit_status) {
  auto flags = std::make_shared<RunFlags>();
  flags->choice.join_patience = Duration::seconds(600);  // programs may read their data first
  CLI::App* command = app.add_subcommand("run", "Run a program as several workers on this machine");
  command->footer(
      "What follows -- is the program. Its ranks find each other by RANK, WORLD_SIZE, "
      "LOCAL_RANK,\n"
      "MASTER_ADDR and MASTER_PORT, as under torchrun, and the manager by SELMCAST_MANAGER. Lines they print "
      "get\n"
      "their rank in front. If one fails, the others are ended, and its exit status is this command's.\n"
      "Examples:\n"
      "  selmcast run -n 4 -- python3 train.py --epochs 3\n"
      "  selmcast run -n 4 --sync ssp --staleness 4 -- python3 train.py\n"
      "  selmcast run -n 4 --elastic -- selmcast-train worker        a rank that fails is started again\n"
      "  selmcast run -n 4 --state training.state -- ...             and so is a manager that was killed\n"
      "  selmcast run -n 4 --manager 127.0.0.1:7070 -- ./my_worker");
  command->add_option("-n,--workers", flags->ranks, "Ranks to start")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--manager", flags->manager, "One that runs already (default: start one)")
      ->type_name("HOST:PORT");
  auto& choice = flags->choice;
  const auto asked = [flags](CLI::Option* option) {
    option->each([flags](const std::string&) { flags->asked = true; });
    return option;
  };
  asked(command->add_option("--sync", choice.sync, "bsp, ssp or asp"))
      ->check(CLI::IsMember({"bsp", "ssp", "asp"}))
      ->capture_default_str();
  asked(command->add_option("--staleness", choice.staleness, "ssp: rounds ahead of the slowest (default 4)"));
  command->add_flag_callback(
      "--overlap", [flags] { flags->choice.overlap = flags->asked = true; },
      "ssp, asp: ranks compute on while their multicast is delivered");
  asked(command->add_option("--multicast", choice.multicast,
                            "unicast, relay, network or auto, as for selmcast manager"))
      ->check(CLI::IsMember({"unicast", "relay", "network", "auto"}))
      ->capture_default_str();
  asked(command->add_option("--planner", choice.planner, "As for selmcast manager"))->capture_default_str();
  asked(command->add_option("--min-receivers", choice.min_receivers,
                            "Of each multicast; below 1: a fraction of the workers"))
      ->capture_default_str();
  asked(command->add_option("--max-age", choice.max_age, "Every pair meets within this + 1 rounds"))
      ->capture_default_str();
  asked(command->add_option("--seed", choice.seed, "Of planners that draw"))->capture_default_str();
  cli::add_payload_option(*command, flags->payload,
                          " (default: as the program says); sets SELMCAST_PAYLOAD, which Python programs and "
                          "selmcast-train read");
  command->add_flag_callback(
      "--elastic", [flags] { flags->choice.elastic = flags->asked = true; },
      "A rank that fails is started again while the others train on; it finds the training under way, and "
      "must catch "
      "up (Worker::catch_up(); selmcast-train worker does)");
  command
      ->add_option("--max-restarts", flags->restarts,
                   "Of each rank (default 3 with --elastic, else 0): after 1, 2, 4, ... s")
      ->check(CLI::Range(0, 1'000'000));
  command
      ->add_option("--state", flags->state,
                   "Run the manager as a process of its own that keeps the training in this file (SQLite), "
                   "and start it "
                   "again when it is killed")
      ->type_name("FILE");
  command->add_option("--journal", flags->journal, "The manager's, docs/manager.md")->type_name("FILE");
  command->add_option("--grace", flags->grace, "Seconds from asking ranks to end to killing them")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command->callback(
      [flags, program = std::move(program), &exit_status] { exit_status = run(*flags, program); });
}

}  // namespace selmcast::run
