#include "selmcast/cli/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/simulate_names.h"
#include "selmcast/cli/sync_mode.h"
#include "selmcast/sim/observer.h"
#include "selmcast/sim/trials.h"

namespace selmcast::cli {
namespace {

using report::RunRecord;
using report::Scenario;

// What the simulator does, in the figures of a run.
class Watch final : public sim::Observer {
 public:
  explicit Watch(const sim::Settings& settings) : overlap_(settings.overlap), workers_(settings.workers) {}

  void did(WorkerIndex worker, sim::Activity activity, sim::Span span, std::uint64_t,
           std::size_t reached) override {
    Worker& w = workers_[position(worker)];
    const Duration time = span.to - span.from;
    const bool sends_beside = overlap_ && activity == sim::Activity::sending;
    if (!sends_beside) (activity == sim::Activity::computing ? w.computing : w.blocked) += time;
    if (activity == sim::Activity::computing) ++w.rounds;
    if (activity == sim::Activity::sending) {
      sending_ += time;
      ++multicasts_;
      deliveries_ += reached;
    }
    end_ = std::max(end_, span.to);
  }
  void delivery(plan::Pair, sim::Span, sim::DeliveryEnd) override {}

  TrainingFigures figures() const {
    TrainingFigures figures;
    Duration computing;
    Duration blocked;
    std::uint64_t rounds = 0;
    for (const Worker& w : workers_) {
      computing += w.computing;
      blocked += w.blocked;
      rounds += w.rounds;
      const Duration all = w.computing + w.blocked;
      figures.worker_utilization.push_back(all > Duration() ? w.computing / all : 0);
    }
    if (computing > Duration()) figures.npu_utilization = computing / (computing + blocked);
    figures.total = end_ - Instant();
    if (rounds > 0) figures.blocked = blocked * (1 / static_cast<double>(rounds));
    if (multicasts_ > 0) {
      figures.completion = sending_ * (1 / static_cast<double>(multicasts_));
      figures.receivers = static_cast<double>(deliveries_) / static_cast<double>(multicasts_);
    }
    return figures;
  }

 private:
  struct Worker {
    Duration computing;
    Duration blocked;
    std::uint64_t rounds = 0;
  };
  bool overlap_;
  std::vector<Worker> workers_;
  Duration sending_;
  std::uint64_t multicasts_ = 0;
  std::uint64_t deliveries_ = 0;
  Instant end_;
};

// ---- the measured side -------------------------------------------------------------------------------------

void measure_workers(const RunRecord& run, TrainingFigures& figures) {
  Duration computing;
  Duration blocked;
  std::uint64_t rounds = 0;
  Instant begin = Instant::never();
  Instant end;
  for (const auto& lines : run.workers) {
    Duration mine;
    Duration waited;
    for (const report::WorkerRound& line : lines) {
      mine += line.compute;
      waited += line.blocked;
      begin = std::min(begin, line.ended - line.blocked - line.compute);
      end = std::max(end, line.ended);
    }
    rounds += lines.size();
    computing += mine;
    blocked += waited;
    figures.worker_utilization.push_back(lines.empty() ? 0 : mine / (mine + waited));
  }
  if (rounds == 0) return;
  figures.npu_utilization = computing / (computing + blocked);
  figures.total = end - begin;
  figures.blocked = blocked * (1 / static_cast<double>(rounds));
}

void measure_multicasts(const RunRecord& run, TrainingFigures& figures) {
  Duration sending;
  double receivers = 0;
  double count = 0;
  for (const report::MulticastRecord& multicast : run.multicasts) {
    if (!multicast.complete || multicast.deliveries.empty()) continue;  // the last one has nobody to send to
    ++count;
    sending += multicast.sending;
    receivers +=
        static_cast<double>(std::ranges::count(multicast.deliveries, true, &report::Delivery::committed));
  }
  if (count == 0) return;
  figures.completion = sending * (1 / count);
  figures.receivers = receivers / count;
}

void measure_rounds(const RunRecord& run, TrainingFigures& figures) {
  if (run.rounds.empty()) return measure_multicasts(run, figures);
  Duration delivery;
  double receivers = 0;
  for (const report::RoundRecord& round : run.rounds) {
    delivery += round.delivery;
    receivers += round.receivers_mean;
  }
  const auto count = static_cast<double>(run.rounds.size());
  figures.completion = delivery * (1 / count);
  figures.receivers = receivers / count;
}

// ---- the settings ------------------------------------------------------------------------------------------

std::vector<sim::BandwidthStep> links_of(const Scenario& scenario, const RunRecord& run, bool learnt) {
  std::vector<sim::BandwidthStep> links;
  const auto estimates = report::final_estimates(scenario, run);
  for (std::uint32_t i = 0; i < scenario.workers.size(); ++i) {
    const report::WorkerLinks& truth = scenario.workers[i];
    links.push_back({Instant(), i, learnt ? estimates[i].uplink : truth.uplink,
                     learnt ? estimates[i].downlink : truth.downlink});
  }
  return links;
}

sim::Settings settings_of(const Scenario& scenario, const RunRecord& run, const ReplayOptions& options) {
  sim::Settings settings;
  settings.sync = kSyncs.at(std::string(rule_of(run.plan.sync)));
  settings.overlap = has_overlap(run.plan.sync);
  settings.multicast = scenario.multicast;
  settings.planner = options.planner.empty() ? run.plan.planner : options.planner;
  settings.workers = scenario.workers.size();
  settings.min_receivers = sync::MinReceivers::count(static_cast<int>(scenario.min_receivers));
  settings.max_age = static_cast<std::uint32_t>(scenario.max_age);
  settings.age_start = scenario.ages_from_zero ? sync::AgeStart::zero : sync::AgeStart::staggered;
  settings.staleness = static_cast<std::uint32_t>(scenario.staleness);
  settings.keep_fraction = scenario.keep_fraction;
  settings.volume = scenario.model_bytes;
  settings.bandwidth = {.nominal = scenario.workers.front().downlink, .lambda = 0};
  settings.bandwidth_trace = links_of(scenario, run, options.learnt_links);
  std::vector<Duration> all;
  for (const auto& lines : run.workers) {
    auto& times = settings.recorded_computing.emplace_back();
    for (const report::WorkerRound& line : lines)
      times.push_back(std::max(line.compute, Duration::seconds(1e-6)));
    all.insert(all.end(), times.begin(), times.end());
  }
  settings.compute = sim::ComputeTimes::of_trace(all);
  settings.horizon = Duration::seconds(1e7);  // everybody leaves long before
  return settings;
}

TrainingFigures mean_of(const std::vector<TrainingFigures>& all) {
  TrainingFigures mean = all.front();
  const auto average = [&](auto value) {
    double sum = 0;
    for (const TrainingFigures& one : all) sum += value(one);
    return sum / static_cast<double>(all.size());
  };
  mean.npu_utilization = average([](const auto& f) { return f.npu_utilization; });
  mean.total = Duration::seconds(average([](const auto& f) { return f.total.in_seconds(); }));
  mean.blocked = Duration::seconds(average([](const auto& f) { return f.blocked.in_seconds(); }));
  if (mean.completion)
    mean.completion = Duration::seconds(average([](const auto& f) { return f.completion->in_seconds(); }));
  if (mean.receivers) mean.receivers = average([](const auto& f) { return *f.receivers; });
  for (std::size_t i = 0; i < mean.worker_utilization.size(); ++i)
    mean.worker_utilization[i] = average([i](const auto& f) { return f.worker_utilization[i]; });
  return mean;
}

TrainingFigures predict(const sim::Settings& settings, std::uint64_t seed) {
  Watch watch(settings);
  const sim::Outcome outcome = sim::simulate(settings, seed, &watch);
  TrainingFigures figures = watch.figures();
  if (settings.sync == sim::Sync::bsp && outcome.rounds > 0) {
    const Duration unit =
        settings.min_receivers.of(settings.workers) * settings.volume / settings.bandwidth.nominal;
    figures.completion = unit * outcome.completion_normalized;
  }
  return figures;
}

}  // namespace

Result<Replay> replay(const ReplayOptions& options) {
  const auto bad = [&](const std::string& what) {
    return failure(ErrorCode::invalid_input, options.run.string() + ": " + what);
  };
  // "DIR/RUN/" has no last part.
  const std::filesystem::path run_path = options.run.has_filename() ? options.run : options.run.parent_path();
  const auto folder = report::read_run_folder(run_path.has_parent_path() ? run_path.parent_path() : ".");
  if (!folder) {
    return std::unexpected(
        with_context("--replay wants DIR/RUN, one run of a demo's folder", folder.error()));
  }
  Replay made;
  made.name = run_path.filename().string();
  const auto found =
      std::ranges::find(folder->runs, made.name, [](const RunRecord& run) { return run.plan.name; });
  if (found == folder->runs.end()) {
    std::string names;
    for (const RunRecord& run : folder->runs) names += (names.empty() ? "" : ", ") + run.plan.name;
    return bad("is no run of this demo; its runs: " + names);
  }
  const RunRecord& run = *found;
  for (std::size_t k = 0; k < run.workers.size(); ++k) {
    if (run.workers[k].empty())
      return bad(fmt::format(
          "worker {} finished no round (worker-{}.jsonl is missing or empty); replay a run in which "
          "every worker did",
          folder->scenario.workers[k].name, k));
    made.rounds = std::max<std::uint64_t>(made.rounds, run.workers[k].size());
    made.names.push_back(folder->scenario.workers[k].name);
  }
  measure_workers(run, made.measured);
  measure_rounds(run, made.measured);
  made.settings = settings_of(folder->scenario, run, options);
  if (auto good = sim::validate(made.settings); !good) return bad(good.error().message);
  for (std::size_t trial = 0; trial < options.trials; ++trial)
    made.trials.push_back(predict(made.settings, sim::seed_of_trial(options.seed, trial)));
  made.predicted = mean_of(made.trials);
  return made;
}

}  // namespace selmcast::cli
