#include "selmcast/cli/demo/training_run.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "selmcast/cli/line_tail.h"
#include "selmcast/cli/sync_mode.h"
#include "selmcast/testbed/child_process.h"
#include "selmcast/testbed/conductor.h"
#include "selmcast/testbed/testbed.h"

namespace selmcast::demo {
namespace {

using cli::LineTail;
using nlohmann::json;
using testbed::ChildProcess;
using testbed::ChildSpec;

constexpr double kListenPatience = 15, kRoundPatience = 120, kEvaluatorPatience = 120;  // seconds

double monotonic_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void pause_briefly() {
  constexpr timespec kPause{0, 50'000'000};
  nanosleep(&kPause, nullptr);
}

std::string last_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

class TrainingRun {
 public:
  TrainingRun(const TrainingOptions& options, const std::function<bool()>& interrupted)
      : options_(options),
        interrupted_(interrupted),
        journal_(options.folder / "journal.jsonl"),
        evaluation_(options.folder / "evaluation.jsonl") {
    for (std::size_t k = 0; k < options.links.size(); ++k) {
      worker_lines_.emplace_back(options.folder / fmt::format("worker-{}.jsonl", k));
    }
    losses_.resize(options.links.size());
  }

  ~TrainingRun() {
    conductor_.reset();
    end_all(children_);
    std::error_code ignored;
    std::filesystem::remove_all(snapshots(), ignored);
  }

  Result<void> run(const std::function<void(const Progress&)>& on_progress) {
    clock_zero_ = monotonic_seconds();
    std::error_code error;
    std::filesystem::create_directories(snapshots(), error);
    if (error) return failure(ErrorCode::io, "cannot make " + snapshots().string() + ": " + error.message());
    if (auto made = make_testbed(); !made) return made;
    if (auto started = start_manager(); !started) return started;
    if (auto started = start_evaluator(); !started) return started;
    if (auto started = start_workers(); !started) return started;
    workers_started_ = last_round_at_ = monotonic_seconds();
    while (true) {
      follow();
      on_progress(progress_);
      if (interrupted_()) return failure(ErrorCode::cancelled, "interrupted");
      auto going = watch();
      if (!going) return std::unexpected(going.error());
      if (!*going) break;
      pause_briefly();
    }
    auto evaluated = finish_evaluation(on_progress);
    follow();
    on_progress(progress_);
    return evaluated;
  }

 private:
  std::filesystem::path snapshots() const { return options_.folder / "snapshots"; }
  std::filesystem::path log(const std::string& name) const { return options_.folder / (name + ".log"); }

  Result<void> make_testbed() {
    if (!options_.network) return {};
    auto made = testbed::Testbed::make(
        *options_.network, {.name = fmt::format("demo-{}", getpid()), .interrupted = interrupted_});
    if (!made) return std::unexpected(made.error());
    bed_.emplace(std::move(*made));
    return {};
  }

  // As run where the host with this number is: there, or on this machine.
  ChildSpec on_host(std::size_t host, ChildSpec spec) const {
    if (!bed_) return spec;
    const auto prefix = bed_->command_in(host);
    spec.command.insert(spec.command.begin(), prefix.begin(), prefix.end());
    return spec;
  }

  // Once all workers have joined.
  void start_network() {
    if (!bed_ || conductor_) return;
    auto conducting = testbed::Conductor::start(*bed_, {.events = options_.network->events,
                                                        .record = options_.folder / "links.jsonl",
                                                        .clock_zero = Instant::at_seconds(clock_zero_),
                                                        .complain = [this](const std::string& why) {
                                                          const std::lock_guard lock(network_mutex_);
                                                          network_fault_ = why;
                                                        }});
    if (conducting) conductor_ = std::move(*conducting);
    const std::lock_guard lock(network_mutex_);
    if (!conducting) network_fault_ = conducting.error().message;
  }

  Result<void> check_network() {
    const std::lock_guard lock(network_mutex_);
    if (network_fault_.empty()) return {};
    return failure(ErrorCode::io, "the testbed: " + network_fault_);
  }

  Result<void> start(const std::string& name, ChildSpec spec) {
    auto child = ChildProcess::start(spec);
    if (!child) return std::unexpected(child.error());
    children_.push_back(std::move(*child));
    names_.push_back(name);
    return {};
  }

  std::unexpected<Error> died(std::size_t child) {
    const std::string path = log(names_[child]).string();
    // Its own exit status 2 means input that it cannot work with, such as a missing data set.
    const ErrorCode code = *children_[child].ended() == 2 ? ErrorCode::invalid_input : ErrorCode::unavailable;
    return failure(code, fmt::format("{} ended with status {}: {} ({})", names_[child],
                                     *children_[child].ended(), last_line(path), path));
  }

  Result<void> start_manager() {
    const auto address_file = options_.folder / "manager.address";
    ChildSpec spec{{options_.selmcast,
                    "manager",
                    "--die-with-parent",
                    "--port",
                    "0",
                    "--workers",
                    std::to_string(options_.links.size()),
                    "--multicast",
                    options_.multicast,
                    "--planner",
                    options_.run.planner,
                    "--min-receivers",
                    fmt::format("{}", options_.min_receivers),
                    "--max-age",
                    std::to_string(options_.max_age),
                    "--seed",
                    std::to_string(options_.run.seed),
                    "--journal",
                    options_.folder / "journal.jsonl",
                    "--clock-zero",
                    fmt::format("{:.9f}", clock_zero_)},
                   address_file,
                   log("manager"),
                   false};
    const std::size_t manager_host = options_.links.size();  // testbed_for()
    if (bed_)
      spec.command.insert(spec.command.end(), {"--insecure-listen", testbed::address_of(manager_host)});
    if (options_.ages_from_zero) spec.command.push_back("--ages-from-zero");
    if (options_.run.sync != "bsp") {
      spec.command.insert(spec.command.end(), {"--sync", std::string(cli::rule_of(options_.run.sync)),
                                               "--keep-fraction", fmt::format("{}", options_.keep_fraction)});
    }
    if (cli::has_overlap(options_.run.sync)) spec.command.push_back("--overlap");
    if (cli::rule_of(options_.run.sync) == "ssp")
      spec.command.insert(spec.command.end(), {"--staleness", std::to_string(options_.staleness)});
    if (!options_.run.paced) spec.command.push_back("--unpaced");
    if (auto started = start("manager", on_host(manager_host, spec)); !started) return started;
    LineTail address(address_file);
    const double since = monotonic_seconds();
    while (manager_address_.empty()) {
      if (interrupted_()) return failure(ErrorCode::cancelled, "interrupted");
      if (!children_[0].running()) return died(0);
      if (monotonic_seconds() > since + kListenPatience)
        return failure(ErrorCode::timeout, "the manager does not listen");
      for (const std::string& line : address.read()) manager_address_ = line;
      pause_briefly();
    }
    return {};
  }

  // Rounds that a worker may be ahead of another (docs/training.md).
  std::uint64_t max_lead() const {
    if (cli::rule_of(options_.run.sync) == "asp") return options_.rounds;
    return cli::rule_of(options_.run.sync) == "ssp" ? options_.staleness + 1 : 1;
  }

  Result<void> start_evaluator() {
    ChildSpec spec{{options_.selmcast_train, "evaluate", "--die-with-parent", "--finish-with-stdin",
                    "--snapshots", snapshots(), "--workers", std::to_string(options_.links.size()),
                    "--rounds", std::to_string(options_.rounds), "--max-lead", std::to_string(max_lead()),
                    "--model", options_.model, "--out", options_.folder / "evaluation.jsonl"},
                   "/dev/null",
                   log("evaluator"),
                   true};
    add_data(spec);
    return start("evaluator", spec);
  }

  Result<void> start_workers() {
    for (std::size_t k = 0; k < options_.links.size(); ++k) {
      const WorkerLinks& links = options_.links[k];
      const auto bps = [](Rate rate) { return fmt::format("{:.0f}", rate.bps()); };
      ChildSpec spec{{options_.selmcast_train,
                      "worker",
                      "--die-with-parent",
                      "--manager",
                      manager_address_,
                      "--rank",
                      std::to_string(k),
                      "--workers",
                      std::to_string(options_.links.size()),
                      "--rounds",
                      std::to_string(options_.rounds),
                      "--seed",
                      std::to_string(options_.run.seed),
                      "--model",
                      options_.model,
                      "--out",
                      options_.folder,
                      "--snapshots",
                      snapshots(),
                      "--clock-zero",
                      fmt::format("{:.9f}", clock_zero_),
                      "--declared-uplink-bps",
                      bps(links.declared_uplink),
                      "--declared-downlink-bps",
                      bps(links.declared_downlink),
                      "--slow-factor",
                      fmt::format("{}", options_.slow_factors[k])},
                     log(fmt::format("worker-{}", k)),
                     log(fmt::format("worker-{}", k)),
                     false};
      spec.command.insert(spec.command.end(), options_.trainer_flags.begin(), options_.trainer_flags.end());
      add_data(spec);
      if (!bed_) {
        spec.command.insert(spec.command.end(),
                            {"--uplink-bps", bps(links.uplink), "--downlink-bps", bps(links.downlink)});
      }
      if (auto started = start(fmt::format("worker-{}", k), on_host(k, spec)); !started) return started;
    }
    return {};
  }

  void add_data(ChildSpec& spec) const {
    if (!options_.data.empty()) spec.command.insert(spec.command.end(), {"--data", options_.data});
  }

  // True while it goes on. A worker that dies is left to the manager; the run fails only if nobody is left or a
  // process that must not die does.
  Result<bool> watch() {
    if (auto good = check_network(); !good) return std::unexpected(good.error());
    std::size_t alive = 0;
    for (std::size_t k = 0; k < options_.links.size(); ++k) {
      ChildProcess& worker = children_[kFirstWorker + k];
      if (worker.running()) {
        ++alive;
      } else if (*worker.ended() != 0) {
        std::ofstream(snapshots() / fmt::format("gone-{}", k));  // the evaluator waits for it no longer
        if (!failed_worker_) failed_worker_ = kFirstWorker + k;
      }
    }
    progress_.workers = alive;
    if (!children_[kEvaluator].running()) {
      if (*children_[kEvaluator].ended() != 0) return died(kEvaluator);
    }
    // A manager that fails takes the workers with it; their errors would only repeat its own.
    if (!children_[kManager].running() && *children_[kManager].ended() != 0) return died(kManager);
    if (failed_worker_ && progress_.rounds_done == 0) return died(*failed_worker_);
    if (monotonic_seconds() > last_round_at_ + kRoundPatience) {
      return failure(ErrorCode::timeout, fmt::format("no round ended within {} s; logs in {}", kRoundPatience,
                                                     options_.folder.string()));
    }
    return alive > 0 || children_[kManager].running();
  }

  Result<void> finish_evaluation(const std::function<void(const Progress&)>& on_progress) {
    children_[kEvaluator].close_stdin();
    last_evaluation_at_ = monotonic_seconds();
    while (children_[kEvaluator].running()) {
      if (interrupted_()) return failure(ErrorCode::cancelled, "interrupted");
      if (monotonic_seconds() > last_evaluation_at_ + kEvaluatorPatience) {
        return failure(ErrorCode::timeout,
                       fmt::format("the evaluator has evaluated nothing for {} s; logs in {}",
                                   kEvaluatorPatience, options_.folder.string()));
      }
      follow();
      on_progress(progress_);
      pause_briefly();
    }
    if (*children_[kEvaluator].ended() != 0) return died(kEvaluator);
    if (failed_worker_) return died(*failed_worker_);
    return {};
  }

  // Reads what the processes have written since.
  void follow() {
    for (const std::string& line : journal_.read()) {
      if (line.find("\"event\":\"started\"") != std::string::npos) start_network();
      // Most lines are inputs.
      const bool is_round = line.find("\"event\":\"round\"") != std::string::npos;
      if (!is_round && line.find("\"event\":\"multicast\"") == std::string::npos) continue;
      const json ended = json::parse(line, nullptr, false);
      if (!ended.is_object()) continue;
      const std::uint64_t before = progress_.rounds_done;
      is_round ? follow_round(ended) : follow_multicast(ended);
      last_round_at_ = monotonic_seconds();
      if (before == 0 && progress_.rounds_done > 0) first_round_at_ = last_round_at_;
    }
    for (std::size_t k = 0; k < worker_lines_.size(); ++k) {
      for (const std::string& line : worker_lines_[k].read()) {
        const json round = json::parse(line, nullptr, false);
        if (round.is_object() && round.contains("loss") && round["loss"].is_number())
          losses_[k] = round["loss"];
      }
    }
    for (const std::string& line : evaluation_.read()) {
      const json round = json::parse(line, nullptr, false);
      if (!round.is_object()) continue;
      progress_.accuracy = round.value("accuracy", -1.0);
      last_evaluation_at_ = monotonic_seconds();
    }
    double sum = 0;
    int known = 0;
    for (const auto& loss : losses_) {
      if (loss) sum += *loss, ++known;
    }
    if (known > 0) progress_.loss = sum / known;
    const double now = monotonic_seconds();
    if (workers_started_ > 0) progress_.seconds = now - workers_started_;
    if (progress_.rounds_done > 1) {
      const double a_round =
          (last_round_at_ - first_round_at_) / static_cast<double>(progress_.rounds_done - 1);
      progress_.seconds_left = a_round * static_cast<double>(options_.rounds - progress_.rounds_done);
    }
  }

  void follow_round(const json& round) {
    progress_.rounds_done = round.value("round", std::uint64_t{0}) + 1;
    progress_.sync_seconds = round.value("sync_seconds", 0.0);
    progress_.receivers = round.value("receivers_mean", 0.0);
  }

  // Without rounds in common: workers are named w0, w1, ... in the order of their ranks.
  void follow_multicast(const json& multicast) {
    const std::string worker = multicast.value("worker", "");
    double receivers = 0;
    for (const json& delivery : multicast.value("deliveries", json::array())) {
      if (delivery.value("state", "") == "committed") ++receivers;
    }
    multicasts_[worker] = {multicast.value("round", std::uint64_t{0}) + 1, receivers};
    progress_.sync_seconds = multicast.value("sending_seconds", 0.0);
    double sum = 0;
    std::uint64_t least = options_.rounds;
    for (const auto& [name, last] : multicasts_) {
      sum += last.receivers;
      least = std::min(least, last.rounds);
    }
    progress_.receivers = sum / static_cast<double>(multicasts_.size());
    if (multicasts_.size() == options_.links.size()) progress_.rounds_done = least;
  }

  static constexpr std::size_t kManager = 0, kEvaluator = 1, kFirstWorker = 2;

  const TrainingOptions& options_;
  const std::function<bool()>& interrupted_;
  std::optional<testbed::Testbed> bed_;  // outlives all that runs in it
  std::unique_ptr<testbed::Conductor> conductor_;
  std::mutex network_mutex_;
  std::string network_fault_;  // under network_mutex_
  std::vector<ChildProcess> children_;
  std::vector<std::string> names_;
  std::string manager_address_;
  double clock_zero_ = 0, workers_started_ = 0, first_round_at_ = 0, last_round_at_ = 0,
         last_evaluation_at_ = 0;
  LineTail journal_, evaluation_;
  std::vector<LineTail> worker_lines_;
  std::vector<std::optional<double>> losses_;
  std::optional<std::size_t> failed_worker_;
  Progress progress_;
  struct LastMulticast {
    std::uint64_t rounds = 0;
    double receivers = 0;
  };
  std::map<std::string, LastMulticast> multicasts_;  // by worker
};

}  // namespace

Result<void> run_training(const TrainingOptions& options, const std::function<bool()>& interrupted,
                          const std::function<void(const Progress&)>& on_progress) {
  TrainingRun run(options, interrupted);
  return run.run(on_progress);
}

}  // namespace selmcast::demo
