#include "selmcast/cli/report/summary.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace selmcast::report {
namespace {

std::optional<Duration> as_seconds(std::optional<double> value) {
  if (!value) return std::nullopt;
  return Duration::seconds(*value);
}

std::optional<double> in_seconds(std::optional<Duration> value) {
  if (!value) return std::nullopt;
  return value->in_seconds();
}

template <class Items, class Value>
std::vector<double> collect(const Items& items, Value value) {
  std::vector<double> result;
  result.reserve(items.size());
  for (const auto& item : items) result.push_back(value(item));
  return result;
}

Instant training_start(const RunRecord& run) {
  std::optional<Instant> first;
  for (const auto& lines : run.workers) {
    if (lines.empty()) continue;
    const Instant began = lines.front().ended - lines.front().compute - lines.front().blocked;
    if (!first || began < *first) first = began;
  }
  // Rounding in the files may put it a hair before the clock's zero.
  return first ? std::max(*first, Instant()) : Instant();
}

void summarise_prediction(std::vector<double> ratios, RunSummary& summary) {
  summary.measured_over_predicted = mean(ratios);
  for (double& ratio : ratios) ratio = std::abs(ratio - 1);
  summary.prediction_error_median = quantile(ratios, 0.5);
  summary.prediction_error_p95 = quantile(ratios, 0.95);
}

void summarise_rounds(const RunRecord& run, RunSummary& summary) {
  const auto sync = collect(run.rounds, [](const RoundRecord& round) { return round.sync.in_seconds(); });
  summary.sync_mean = as_seconds(mean(sync));
  summary.sync_median = as_seconds(quantile(sync, 0.5));
  summary.sync_p95 = as_seconds(quantile(sync, 0.95));
  summary.delivery_mean = as_seconds(
      mean(collect(run.rounds, [](const RoundRecord& round) { return round.delivery.in_seconds(); })));
  summary.bound_mean = as_seconds(
      mean(collect(run.rounds, [](const RoundRecord& round) { return round.bound.in_seconds(); })));
  summary.predicted_mean = as_seconds(
      mean(collect(run.rounds, [](const RoundRecord& round) { return round.predicted.in_seconds(); })));
  summary.receivers_mean =
      mean(collect(run.rounds, [](const RoundRecord& round) { return round.receivers_mean; }));
  std::vector<double> ratios;
  for (const RoundRecord& round : run.rounds) {
    if (round.predicted > Duration()) ratios.push_back(round.delivery / round.predicted);
    summary.widest_gap = std::max(summary.widest_gap.value_or(0), round.widest_meeting_gap);
    summary.cancelled +=
        static_cast<std::size_t>(std::ranges::count(round.deliveries, false, &Delivery::committed));
  }
  summarise_prediction(std::move(ratios), summary);
}

// Until the last delivery that counts; nothing if none does.
std::optional<Duration> delivery_time(const MulticastRecord& multicast) {
  std::optional<Duration> last;
  for (const Delivery& delivery : multicast.deliveries)
    if (delivery.committed && delivery.settled)
      last = std::max(last.value_or(Duration()), *delivery.settled - multicast.issued);
  return last;
}

void summarise_multicasts(const RunRecord& run, RunSummary& summary) {
  if (run.multicasts.empty()) return;
  std::vector<double> sending, delivery, predicted, receivers, ratios;
  std::vector<std::size_t> rounds(run.workers.size());
  for (const MulticastRecord& multicast : run.multicasts) {
    const auto committed = std::ranges::count(multicast.deliveries, true, &Delivery::committed);
    const auto dropped = std::ranges::count(multicast.deliveries, true, &Delivery::dropped);
    summary.dropped += static_cast<std::size_t>(dropped);
    summary.cancelled += multicast.deliveries.size() - static_cast<std::size_t>(committed + dropped);
    summary.widest_gap = std::max(summary.widest_gap.value_or(0), multicast.widest_meeting_gap);
    summary.widest_lead = std::max(summary.widest_lead.value_or(0), multicast.widest_lead);
    if (!multicast.complete) continue;
    ++rounds[position(multicast.worker)];
    sending.push_back(multicast.sending.in_seconds());
    receivers.push_back(static_cast<double>(committed));
    const auto time = delivery_time(multicast);
    if (!time) continue;
    delivery.push_back(time->in_seconds());
    predicted.push_back(multicast.predicted.in_seconds());
    if (multicast.predicted > Duration()) ratios.push_back(*time / multicast.predicted);
  }
  summary.rounds = std::ranges::max(rounds);
  summary.sync_mean = as_seconds(mean(sending));
  summary.sync_median = as_seconds(quantile(sending, 0.5));
  summary.sync_p95 = as_seconds(quantile(sending, 0.95));
  summary.delivery_mean = as_seconds(mean(delivery));
  summary.predicted_mean = as_seconds(mean(predicted));
  summary.receivers_mean = mean(receivers);
  summarise_prediction(std::move(ratios), summary);
}

void summarise_evaluations(const Scenario& scenario, const RunRecord& run, RunSummary& summary) {
  for (const Evaluation& evaluation : run.evaluations) {
    if (!summary.time_to_target && evaluation.accuracy >= scenario.target_accuracy)
      summary.time_to_target = evaluation.at - summary.start;
    summary.final_accuracy = evaluation.accuracy;
    if (evaluation.consensus_distance) summary.consensus_distance = evaluation.consensus_distance;
    if (!evaluation.worker_accuracy.empty()) summary.worker_accuracy = spread(evaluation.worker_accuracy);
  }
}

void summarise_workers(const RunRecord& run, RunSummary& summary) {
  Duration compute;
  Duration all;
  for (const auto& lines : run.workers)
    for (const WorkerRound& line : lines) {
      compute += line.compute;
      all += line.compute + line.blocked;
    }
  if (!(all > Duration())) return;
  summary.compute_share = compute / all;
  Instant end;
  for (const auto& lines : run.workers)
    if (!lines.empty()) end = std::max(end, lines.back().ended);
  summary.training = end - summary.start;
}

std::optional<double> worker_accuracy(const RunSummary& run, double Spread::*part) {
  if (!run.worker_accuracy) return std::nullopt;
  return *run.worker_accuracy.*part;
}

constexpr Metric kMetrics[] = {
    {"sync_seconds_mean", "synchronisation, mean", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.sync_mean); }},
    {"sync_seconds_median", "synchronisation, median", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.sync_median); }},
    {"sync_seconds_p95", "synchronisation, 95th percentile", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.sync_p95); }},
    {"bound_seconds_mean", "lower bound of any plan, mean", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.bound_mean); }},
    {"predicted_seconds_mean", "deliveries as predicted, mean", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.predicted_mean); }},
    {"delivery_seconds_mean", "deliveries as measured, mean", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.delivery_mean); }},
    {"measured_over_predicted", "measured / predicted, mean", Unit::ratio,
     [](const RunSummary& run) { return run.measured_over_predicted; }},
    {"prediction_error_median", "prediction error, median", Unit::percent,
     [](const RunSummary& run) { return run.prediction_error_median; }},
    {"prediction_error_p95", "prediction error, 95th percentile", Unit::percent,
     [](const RunSummary& run) { return run.prediction_error_p95; }},
    {"receivers_mean", "receivers per multicast, mean", Unit::ratio,
     [](const RunSummary& run) { return run.receivers_mean; }},
    {"compute_share", "computing time / total time (utilisation)", Unit::percent,
     [](const RunSummary& run) { return run.compute_share; }},
    {"training_seconds", "the whole training", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.training); }},
    {"time_to_target_seconds", "until the average reaches the target", Unit::seconds,
     [](const RunSummary& run) { return in_seconds(run.time_to_target); }},
    {"final_accuracy", "final accuracy of the average", Unit::percent,
     [](const RunSummary& run) { return run.final_accuracy; }},
    {"worker_accuracy_mean", "workers' own models, mean", Unit::percent,
     [](const RunSummary& run) { return worker_accuracy(run, &Spread::mean); }},
    {"worker_accuracy_deviation", "workers' own models, std. deviation", Unit::percent,
     [](const RunSummary& run) { return worker_accuracy(run, &Spread::deviation); }},
    {"consensus_distance", "final consensus distance", Unit::ratio,
     [](const RunSummary& run) { return run.consensus_distance; }},
    {"widest_meeting_gap_rounds", "widest gap between two meetings, rounds", Unit::count,
     [](const RunSummary& run) -> std::optional<double> {
       if (!run.widest_gap) return std::nullopt;
       return static_cast<double>(*run.widest_gap);
     }},
    {"cancelled_deliveries", "cancelled deliveries", Unit::count,
     [](const RunSummary& run) -> std::optional<double> { return static_cast<double>(run.cancelled); }},
    {"dropped_deliveries", "dropped deliveries", Unit::count,
     [](const RunSummary& run) -> std::optional<double> {
       if (run.plan.sync == "bsp") return std::nullopt;
       return static_cast<double>(run.dropped);
     }},
    {"widest_lead_rounds", "furthest ahead of the slowest, rounds", Unit::count,
     [](const RunSummary& run) -> std::optional<double> {
       if (!run.widest_lead) return std::nullopt;
       return static_cast<double>(*run.widest_lead);
     }},
    {"rounds", "rounds", Unit::count,
     [](const RunSummary& run) -> std::optional<double> { return static_cast<double>(run.rounds); }},
};

void draw_together(const std::vector<RunSummary>& runs, GroupSummary& group) {
  for (const Metric& metric : metrics()) {
    std::vector<double> values;
    for (const std::size_t run : group.runs)
      if (const auto value = metric.value(runs[run])) values.push_back(*value);
    group.values.push_back(spread(values));
  }
}

}  // namespace

std::span<const Metric> metrics() { return kMetrics; }

std::string group_name(const RunPlan& run) {
  return (run.sync == "bsp" ? "" : run.sync + "-") + run.planner + (run.paced ? "" : "-unpaced");
}

RunSummary summarise(const Scenario& scenario, const RunRecord& run) {
  RunSummary summary;
  summary.plan = run.plan;
  summary.rounds = run.rounds.size();
  summary.start = training_start(run);
  summarise_rounds(run, summary);
  summarise_multicasts(run, summary);
  summarise_evaluations(scenario, run, summary);
  summarise_workers(run, summary);
  return summary;
}

Summary summarise(const RunFolder& folder) {
  Summary summary{folder.scenario, {}, {}};
  for (const RunRecord& run : folder.runs) {
    const std::size_t at = summary.runs.size();
    summary.runs.push_back(summarise(folder.scenario, run));
    auto group = std::ranges::find_if(summary.groups, [&](const GroupSummary& known) {
      return known.planner == run.plan.planner && known.paced == run.plan.paced &&
             known.sync == run.plan.sync;
    });
    if (group == summary.groups.end())
      group = summary.groups.insert(
          group, GroupSummary{group_name(run.plan), run.plan.planner, run.plan.sync, run.plan.paced, {}, {}});
    group->runs.push_back(at);
  }
  for (GroupSummary& group : summary.groups) draw_together(summary.runs, group);
  return summary;
}

}  // namespace selmcast::report
