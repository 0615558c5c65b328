#include "tests/system/training_harness.h"

#include <cmath>
#include <utility>

#include "selmcast/base/check.h"

namespace selmcast::testing {

// Whole numbers below 2^24, so that floats hold them and sums of a few exactly.
float model_value(std::uint32_t worker, std::uint64_t round, std::size_t place) {
  return static_cast<float>(1000 * (worker + 1) + 10 * round + place % 7);
}

RunningManager::RunningManager(manager::ManagerOptions options) {
  options.on_output = [this](const manager::Output& output) { remember(output); };
  auto made = manager::Manager::create(std::move(options));
  SELMCAST_CHECK(made.has_value(), "a free port of loopback can be had");
  manager_ = std::move(*made);
  address_ = manager_->address();
  thread_ = std::thread([this] { result_ = manager_->run(); });
}

RunningManager::~RunningManager() {
  if (thread_.joinable()) {
    manager_->stop("the test is over");
    thread_.join();
  }
}

Result<void> RunningManager::wait() {
  thread_.join();
  return *result_;
}

void RunningManager::remember(const manager::Output& output) {
  const std::lock_guard lock(mutex_);
  if (std::holds_alternative<manager::RoundOver>(output)) ++rounds_over_;
  const auto* send = std::get_if<manager::Send>(&output);
  const auto* plan = send == nullptr ? nullptr : std::get_if<wire::RoundPlan>(&send->message);
  if (plan == nullptr) return;
  for (const wire::Outgoing& out : plan->outgoing) data_ports_[out.receiver.id] = out.receiver.port;
}

std::map<WorkerId, std::uint16_t> RunningManager::data_ports() const {
  const std::lock_guard lock(mutex_);
  return data_ports_;
}

std::size_t RunningManager::rounds_over() const {
  const std::lock_guard lock(mutex_);
  return rounds_over_;
}

manager::ManagerOptions manager_options(std::uint32_t workers) {
  manager::ManagerOptions options;
  options.settings.workers = workers;
  options.settings.run_token = 0x5e1ec7;
  options.settings.rounds.planner = plan::find_planner("paper");
  options.settings.rounds.min_receivers = sync::MinReceivers::count(1);
  options.settings.rounds.max_age = 2;
  return options;
}

worker::WorkerOptions worker_options(const RunningManager& manager, std::uint32_t worker,
                                     std::size_t parameters) {
  worker::WorkerOptions options;
  options.manager = manager.address();
  options.name = "w" + std::to_string(worker);
  options.model = {{"all", {static_cast<std::int64_t>(parameters)}}};
  return options;
}

namespace {

// The mean of the own model and those mixed with, in double; the worker adds floats in another order.
void check_mix(const worker::SyncReport& report, std::uint32_t worker, std::span<const float> mixed,
               WorkerStory& story) {
  for (std::size_t place = 0; place < mixed.size(); ++place) {
    double sum = static_cast<double>(model_value(worker, report.round.value(), place));
    for (const WorkerId sender : report.mixed_with) {
      sum += static_cast<double>(model_value(sender.value(), report.round.value(), place));
    }
    const double mean = sum / static_cast<double>(1 + report.mixed_with.size());
    if (std::abs(static_cast<double>(mixed[place]) - mean) <= 1e-6 * mean) continue;
    story.wrong_mixes.push_back("round " + std::to_string(report.round.value()) + " place " +
                                std::to_string(place) + ": " + std::to_string(mixed[place]) + " instead of " +
                                std::to_string(mean));
    return;
  }
}

// The same where the senders may be in other rounds: what is left of the sum when all but ten times their rounds is
// taken off must be ten times a whole number, the same at every place.
void check_mix_of_any_round(const worker::SyncReport& report, std::uint32_t worker,
                            std::span<const float> mixed, WorkerStory& story) {
  const auto models = static_cast<double>(1 + report.mixed_with.size());
  std::optional<double> rounds;
  for (std::size_t place = 0; place < mixed.size(); ++place) {
    double rest = static_cast<double>(mixed[place]) * models -
                  static_cast<double>(model_value(worker, report.round.value(), place));
    for (const WorkerId sender : report.mixed_with)
      rest -= static_cast<double>(model_value(sender.value(), 0, place));
    if (!rounds) rounds = std::round(rest / 10);
    if (std::abs(rest - 10 * *rounds) <= 0.5 && *rounds >= 0) continue;
    story.wrong_mixes.push_back("round " + std::to_string(report.round.value()) + " place " +
                                std::to_string(place) + ": no sum of models of whole rounds");
    return;
  }
}

}  // namespace

WorkerStory train(const worker::WorkerOptions& options, std::uint32_t worker, std::uint64_t rounds,
                  const std::function<bool(std::uint64_t)>& before_round, MixOf mix) {
  WorkerStory story;
  const auto connected = worker::Worker::connect(options);
  if (!connected) {
    story.error = connected.error();
    return story;
  }
  std::vector<float> parameters(static_cast<std::size_t>(options.model.at(0).shape.at(0)));
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (before_round && !before_round(round)) return story;
    for (std::size_t place = 0; place < parameters.size(); ++place)
      parameters[place] = model_value(worker, round, place);
    const std::vector<float> before = parameters;
    const auto report = (*connected)->synchronize(parameters);
    if (!report) {
      story.error = report.error();
      if (parameters != before)
        story.wrong_mixes.push_back("an error of synchronize() changed the parameters");
      return story;
    }
    if (mix == MixOf::own_round) {
      check_mix(*report, worker, parameters, story);
    } else {
      check_mix_of_any_round(*report, worker, parameters, story);
    }
    ++story.rounds;
    story.models_mixed += report->mixed_with.size();
    story.workers_last = report->workers;
  }
  if (const auto last = (*connected)->drain(parameters)) {
    story.models_mixed += last->mixed_with.size();
  } else {
    story.error = last.error();
  }
  (*connected)->leave("done");
  return story;
}

std::vector<WorkerStory> in_threads(std::uint32_t count,
                                    const std::function<WorkerStory(std::uint32_t)>& story) {
  std::vector<WorkerStory> stories(count);
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t k = 0; k < count; ++k) threads.emplace_back([&, k] { stories[k] = story(k); });
  }
  return stories;
}

}  // namespace selmcast::testing
