#include "selmcast/cli/demo/demo.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "selmcast/cli/demo/progress.h"
#include "selmcast/cli/demo/scenario.h"
#include "selmcast/cli/demo/training_run.h"
#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/planner_names.h"
#include "selmcast/cli/report/report.h"
#include "selmcast/cli/report/summary_text.h"
#include "selmcast/cli/strict_json.h"
#include "selmcast/cli/testbed/description_json.h"
#include "selmcast/sync/min_receivers.h"
#include "selmcast/sync/online_policy.h"
#include "selmcast/testbed/testbed.h"

namespace selmcast::demo {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::atomic<int> stop_signal = 0;
void remember_signal(int number) { stop_signal = number; }

struct Prepared {
  fs::path folder, selmcast, selmcast_train;
  std::vector<WorkerLinks> links;
  std::optional<testbed::Description> network;
  std::vector<double> slow_factors;  // of computing, by worker
  std::vector<Run> runs;
  int min_receivers = 0;
  Bytes model_bytes;  // as they travel
};

std::unexpected<Error> bad(const std::string& what) { return failure(ErrorCode::invalid_input, what); }

// Of one delivery. Model and payload are of those that there are.
Result<Bytes> ask_payload_bytes(const fs::path& trainer, const DemoOptions& options) {
  const std::string command =
      "'" + trainer.string() + "' describe --model " + options.model + " --payload " + options.payload;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return failure(ErrorCode::io, "cannot start " + trainer.string());
  std::string text;
  char buffer[4096];
  for (std::size_t count; (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    text.append(buffer, count);
  const int status = pclose(pipe);
  const json facts = json::parse(text, nullptr, false);
  if (status != 0 || !facts.is_object() || !facts.contains("payload_bytes")) {
    return failure(ErrorCode::io, command + " failed");
  }
  return Bytes(facts["payload_bytes"].get<std::int64_t>());
}

plan::MulticastKind kind_of(const DemoOptions& options) {
  if (options.multicast == "relay") return plan::MulticastKind::relay;
  return options.multicast == "network" ? plan::MulticastKind::network : plan::MulticastKind::unicast;
}

// The testbed that was asked for, its hosts still to be put in.
Result<std::optional<testbed::Description>> network_of(const DemoOptions& options) {
  if (!options.testbed && options.network_file.empty()) return std::nullopt;
  if (auto may = testbed::check_privileges(); !may) return std::unexpected(may.error());
  testbed::Description network;
  if (!options.network_file.empty()) {
    const auto text = cli::read_text_file(options.network_file);
    if (!text) return std::unexpected(text.error());
    auto read = testbed::parse_description(*text, cli::display_name(options.network_file));
    if (!read) return std::unexpected(read.error());
    network = std::move(*read);
  }
  network.multicast =
      options.multicast == "network" || options.multicast == "auto";  // the querier costs 3 s a run
  return network;
}

Result<std::vector<WorkerLinks>> links_of(const DemoOptions& options,
                                          const std::optional<testbed::Description>& network) {
  if (!options.network_file.empty()) {
    if (network->hosts.size() != options.workers) {
      return bad(fmt::format("{} has {} hosts, --workers says {}", options.network_file,
                             network->hosts.size(), options.workers));
    }
    auto links = links_of_hosts(*network, {options.declare_truth, options.seeds.front()});
    return links ? links : std::unexpected(with_context(options.network_file, links.error()));
  }
  if (!options.rates_file.empty()) {
    auto links = read_links(options.rates_file);
    if (links && links->size() != options.workers) {
      return bad(fmt::format("{} has {} workers, --workers says {}", options.rates_file, links->size(),
                             options.workers));
    }
    return links;
  }
  if (options.slowest_mbps > options.fastest_mbps) return bad("--slowest-mbps is above --fastest-mbps");
  const LinkPattern pattern = options.links == "even"             ? LinkPattern::even
                              : options.links == "uneven-uplinks" ? LinkPattern::uneven_uplinks
                                                                  : LinkPattern::uneven_downlinks;
  return make_links({.pattern = pattern,
                     .workers = options.workers,
                     .slowest = Rate::megabits_per_second(options.slowest_mbps),
                     .fastest = Rate::megabits_per_second(options.fastest_mbps),
                     .declare_truth = options.declare_truth,
                     .seed = options.seeds.front()});
}

// Empty for a planner that there is under this rule.
std::string unknown_planner(const std::string& name, const std::string& sync) {
  if (sync == "bsp") return cli::unknown_planner(name);
  if (sync::make_online_policy(name, Rng(0)) != nullptr) return {};
  std::string names = "auto";
  for (const std::string_view known : sync::online_policy_names()) names += ", " + std::string(known);
  return fmt::format("there is no planner \"{}\" for {}; there are {}", name, sync, names);
}

Result<void> check_planners(const std::vector<std::string>& names, const std::string& sync,
                            const char* flag) {
  for (const std::string& name : names) {
    if (const std::string why = unknown_planner(name, sync); !why.empty())
      return bad(fmt::format("{}: {}", flag, why));
  }
  return {};
}

std::vector<std::string> planners_of(const DemoOptions& options, const std::string& sync) {
  if (!options.planners.empty()) return options.planners;
  if (sync == "bsp") return {"paper", "random", "broadcast"};
  const auto names = sync::online_policy_names();
  return {names.begin(), names.end()};
}

Result<std::vector<Run>> runs_of(const DemoOptions& options) {
  if (options.staleness == 0 && std::ranges::find(options.syncs, "ssp-overlap") != options.syncs.end())
    return bad(
        "--sync ssp-overlap: give a --staleness of at least 1; a worker is one round ahead of its own "
        "multicast");
  if (options.multicast == "relay" && options.syncs != std::vector<std::string>{"bsp"})
    return bad("--multicast relay: is for --sync bsp");
  RunOptions runs{{}, options.seeds};
  for (const std::string& sync : options.syncs) {
    const auto unpaced = options.no_unpaced ? std::vector<std::string>{} : options.unpaced;
    const RunOptions::Rule& rule = runs.rules.emplace_back(sync, planners_of(options, sync), unpaced);
    if (auto good = check_planners(rule.planners, sync, "--planners"); !good)
      return std::unexpected(good.error());
    if (auto good = check_planners(rule.unpaced_planners, sync, "--unpaced"); !good)
      return std::unexpected(good.error());
  }
  return make_runs(runs);
}

Result<fs::path> make_folder(const DemoOptions& options) {
  fs::path folder = options.out;
  if (folder.empty()) {
    const std::time_t now = std::time(nullptr);
    char name[64];
    std::strftime(name, sizeof name, "demo-%Y%m%d-%H%M%S", std::localtime(&now));
    folder = fs::path("runs") / name;
  }
  std::error_code error;
  if (fs::exists(folder / "demo.json"))
    return bad(folder.string() + " holds a demo already: name another --out");
  fs::create_directories(folder, error);
  if (error) return failure(ErrorCode::io, "cannot make " + folder.string() + ": " + error.message());
  return fs::absolute(folder);
}

Result<Prepared> prepare(const DemoOptions& options) {
  Prepared made;
  auto runs = runs_of(options);
  if (!runs) return std::unexpected(runs.error());
  made.runs = std::move(*runs);
  const auto min_receivers = sync::MinReceivers::from(options.min_receivers);
  if (!min_receivers) return std::unexpected(with_context("--min-receivers", min_receivers.error()));
  if (options.min_receivers >= static_cast<double>(options.workers) && options.workers > 1) {
    return bad(fmt::format("--min-receivers {}: {} workers have at most {} receivers each",
                           options.min_receivers, options.workers, options.workers - 1));
  }
  made.min_receivers = min_receivers->of(options.workers);
  auto network = network_of(options);
  if (!network) return std::unexpected(network.error());
  auto links = links_of(options, *network);
  if (!links) return std::unexpected(links.error());
  made.links = std::move(*links);
  if (*network) made.network = testbed_for(made.links, **std::move(network));
  auto slow = deal_stragglers({options.stragglers, options.workers, options.seeds.front()});
  if (!slow) return std::unexpected(with_context("--stragglers", slow.error()));
  made.slow_factors = std::move(*slow);
  std::error_code error;
  made.selmcast = fs::read_symlink("/proc/self/exe", error);
  made.selmcast_train = made.selmcast.parent_path() / "selmcast-train";
  if (!fs::exists(made.selmcast_train)) {
    return failure(ErrorCode::io,
                   made.selmcast_train.string() + " is missing: build with -DSELMCAST_TRAIN=ON");
  }
  auto bytes = ask_payload_bytes(made.selmcast_train, options);
  if (!bytes) return std::unexpected(bytes.error());
  made.model_bytes = *bytes;
  auto folder = make_folder(options);
  if (!folder) return std::unexpected(folder.error());
  made.folder = *folder;
  return made;
}

Result<void> write_scenario(const DemoOptions& options, const Prepared& made) {
  json scenario = {{"schema", "selmcast.demo_scenario/1"},
                   {"seed", options.seeds.front()},
                   {"rounds", options.rounds},
                   {"min_receivers", made.min_receivers},
                   {"max_age", options.max_age},
                   {"ages_from_zero", options.ages_from_zero},
                   {"staleness", options.staleness},
                   {"keep_fraction", options.keep_fraction},
                   {"model", options.model},
                   {"model_bytes", made.model_bytes.count()},
                   {"multicast", options.multicast},
                   {"target_accuracy", options.target_accuracy},
                   {"mixing", options.mixing},
                   {"payload", options.payload},
                   {"compute_seconds", options.compute_seconds},
                   {"links", made.network ? "testbed" : "emulated"},
                   {"workers", json::array()},
                   {"runs", json::array()}};
  for (std::size_t k = 0; k < made.links.size(); ++k) {
    const WorkerLinks& links = made.links[k];
    scenario["workers"].push_back({{"id", fmt::format("w{}", k)},
                                   {"uplink_bps", links.uplink.bps()},
                                   {"downlink_bps", links.downlink.bps()},
                                   {"declared_uplink_bps", links.declared_uplink.bps()},
                                   {"declared_downlink_bps", links.declared_downlink.bps()},
                                   {"slow_factor", made.slow_factors[k]}});
  }
  for (const Run& run : made.runs) {
    scenario["runs"].push_back({{"name", run.name},
                                {"planner", run.planner},
                                {"paced", run.paced},
                                {"seed", run.seed},
                                {"sync", run.sync}});
  }
  std::ofstream file(made.folder / "demo.json");
  file << scenario.dump(2) << '\n';
  if (!file.flush()) return failure(ErrorCode::io, "cannot write " + (made.folder / "demo.json").string());
  return {};
}

void introduce(const DemoOptions& options, const Prepared& made) {
  fmt::print(stderr,
             "{} workers train {} ({:.2f} MB as {}) on Fashion-MNIST: {} rounds, at least {} receivers, max "
             "age {}\n",
             made.links.size(), options.model, static_cast<double>(made.model_bytes.count()) / 1e6,
             options.payload, options.rounds, made.min_receivers, options.max_age);
  std::string down, up;
  for (const WorkerLinks& links : made.links) {
    down += fmt::format(" {:.0f}", links.downlink.mbps());
    up += fmt::format(" {:.0f}", links.uplink.mbps());
  }
  fmt::print(stderr, "{} downlinks{} Mbit/s, uplinks{} Mbit/s of payload\n",
             made.network ? "shaped" : "emulated", down, up);
  if (!options.stragglers.empty() || options.compute_seconds > 0) {
    std::string slow;
    for (const double factor : made.slow_factors) slow += fmt::format(" {:g}", factor);
    fmt::print(
        stderr, "computing takes{} times as long{}\n", slow,
        options.compute_seconds > 0 ? fmt::format(" as {:g} s at least", options.compute_seconds) : "");
  }
  const plan::LowerBound bound = bound_on(made.links, made.min_receivers, made.model_bytes, kind_of(options));
  Rate slowest = made.links.front().uplink;
  for (const WorkerLinks& links : made.links) slowest = std::min(slowest, links.uplink);
  const bool has_rounds = std::ranges::find(options.syncs, "bsp") != options.syncs.end();
  if (has_rounds && slowest > Rate() && made.min_receivers > 0) {
    const int copies = kind_of(options) == plan::MulticastKind::unicast ? made.min_receivers : 1;
    const Duration uplink_time = copies * made.model_bytes / slowest;
    fmt::print(stderr,
               "no plan synchronises a round of bsp in less than {:.3f} s on these links; the slowest uplink "
               "alone needs "
               "{:.3f} s{}\n",
               bound.time.in_seconds(), uplink_time.in_seconds(),
               bound.kind == plan::BoundKind::uplink ? ": no selection can help" : "");
  }
  fmt::print(stderr, "run folder: {}\n\n", made.folder.string());
}

TrainingOptions training_of(const DemoOptions& options, const Prepared& made, const Run& run) {
  TrainingOptions training{
      .selmcast = made.selmcast,
      .selmcast_train = made.selmcast_train,
      .folder = made.folder / run.name,
      .links = made.links,
      .slow_factors = made.slow_factors,
      .run = run,
      .rounds = options.rounds,
      .multicast = options.multicast,
      .min_receivers = options.min_receivers,
      .max_age = options.max_age,
      .ages_from_zero = options.ages_from_zero,
      .staleness = options.staleness,
      .keep_fraction = options.keep_fraction,
      .trainer_flags = {"--shards", options.shards, "--mixing", options.mixing, "--payload", options.payload},
      .model = options.model,
      .data = options.data,
      .network = made.network};
  if (options.compute_seconds > 0) {
    training.trainer_flags.insert(training.trainer_flags.end(),
                                  {"--compute-seconds", fmt::format("{}", options.compute_seconds)});
  }
  if (options.steps > 0) {
    training.trainer_flags.insert(training.trainer_flags.end(), {"--steps", std::to_string(options.steps)});
  }
  return training;
}

int show_results(const DemoOptions& options, const Prepared& made) {
  const auto folder = report::read_run_folder(made.folder);
  if (!folder) {
    fmt::print(stderr, "selmcast demo: {}\n", folder.error().message);
    return cli::kExitFailed;
  }
  const report::Summary summary = report::summarise(*folder);
  const std::string text =
      options.format == "json" ? report::summary_json(summary) : report::table_text(summary);
  fmt::print("{}", text);
  std::fflush(stdout);
  if (const auto written = report::write_report(made.folder, *folder, summary); !written) {
    fmt::print(stderr, "selmcast demo: {}\n", written.error().message);
    return cli::kExitFailed;
  }
  fmt::print(stderr, "\nreport: {}\n", (made.folder / "report.html").string());
  return cli::kExitDone;
}

}  // namespace

int run_demo(const DemoOptions& options) {
  const auto complain = [](const Error& error) {
    fmt::print(stderr, "selmcast demo: {}\n", error.message);
    return error.code == ErrorCode::invalid_input ? cli::kExitUsage : cli::kExitFailed;
  };
  const auto made = prepare(options);
  if (!made) return complain(made.error());
  if (auto written = write_scenario(options, *made); !written) return complain(written.error());
  introduce(options, *made);

  struct sigaction action {};
  action.sa_handler = remember_signal;
  for (int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  const auto interrupted = [] { return stop_signal.load() != 0; };

  bool failed = false;
  for (const Run& run : made->runs) {
    ProgressLine line(run.name, options.rounds, made->links.size());
    const auto done = run_training(training_of(options, *made, run), interrupted,
                                   [&](const Progress& progress) { line.show(progress); });
    line.finish();
    if (done) continue;
    failed = true;
    fmt::print(stderr, "selmcast demo: run {}: {}\n", run.name, done.error().message);
    if (done.error().code == ErrorCode::cancelled) break;
    if (done.error().code == ErrorCode::invalid_input)
      return cli::kExitUsage;  // the other runs would say the same
  }
  if (interrupted()) {
    fmt::print(stderr, "selmcast demo: interrupted; what was done so far: selmcast report {}\n",
               made->folder.string());
    return cli::kExitFailed;
  }
  const int shown = show_results(options, *made);
  return failed ? cli::kExitFailed : shown;
}

}  // namespace selmcast::demo
