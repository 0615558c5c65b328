// What a run comes to, in numbers: one RunSummary a run, and runs of one planner with several seeds drawn
// together.
//
// Metrics are data: `metrics()` lists key, label, unit and where the number comes from, once; the table, the
// page and summary.json all walk that list, so they cannot disagree.
//
// Notation. A run's start is when the first worker began to compute its first round (a worker line's end minus its
// compute and blocked time), else the manager's start: starting eight processes is not part of training. Without
// rounds in common (ssp, asp) a worker's multicast stands for a round's synchronisation: times, receivers and
// predictions are over multicasts. Quantiles interpolate linearly (statistics.h). A metric of a run that cannot be
// told (no evaluation was left, the target was never reached) is nothing, not zero. The spread over seeds is the
// sample standard deviation of the runs' values. Pure. Complexity: linear in the record.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/report/statistics.h"

namespace selmcast::report {

struct RunSummary {
  RunPlan plan;
  std::size_t rounds = 0;
  Instant start;  // of the training, on the clock of the run
  std::optional<Duration> sync_mean;
  std::optional<Duration> sync_median;
  std::optional<Duration> sync_p95;
  std::optional<Duration> delivery_mean;
  std::optional<Duration> bound_mean;
  std::optional<Duration> predicted_mean;
  std::optional<double> measured_over_predicted;  // mean over rounds of delivery / predicted
  std::optional<double> prediction_error_median;  // over rounds or multicasts, of |delivery / predicted - 1|
  std::optional<double> prediction_error_p95;
  std::optional<double> receivers_mean;
  std::optional<double> compute_share;       // of the workers' time, the rest they were blocked
  std::optional<Duration> time_to_target;    // from start
  std::optional<double> final_accuracy;      // of the average of all models, last evaluation
  std::optional<Spread> worker_accuracy;     // over the workers' own models, last evaluation that has them
  std::optional<double> consensus_distance;  // last evaluation that has it
  std::optional<std::uint64_t> widest_gap;   // rounds
  std::size_t cancelled = 0;                 // deliveries
  std::size_t dropped = 0;                   // deliveries cut off by a later plan
  std::optional<std::uint64_t> widest_lead;  // rounds; without rounds in common
  std::optional<Duration> training;          // from start until the last worker had done its last round
};

RunSummary summarise(const Scenario& scenario, const RunRecord& run);

enum class Unit { seconds, percent, ratio, count };

struct Metric {
  std::string_view key;    // in summary.json, unit last
  std::string_view label;  // in the table
  Unit unit = Unit::seconds;
  std::optional<double> (*value)(const RunSummary&);
};
std::span<const Metric> metrics();

// The runs of one planner under one rule of synchronisation, paced or not, that differ in their seed.
struct GroupSummary {
  std::string name;  // the planner; "paper-unpaced" where TCP was left alone
  std::string planner;
  std::string sync = "bsp";
  bool paced = true;
  std::vector<std::size_t> runs;              // positions in Summary::runs
  std::vector<std::optional<Spread>> values;  // one a metric, over the runs that have it
};

struct Summary {
  Scenario scenario;
  std::vector<RunSummary> runs;      // in the order of demo.json
  std::vector<GroupSummary> groups;  // in the order of their first run
};
Summary summarise(const RunFolder& folder);

// "paper", "paper-unpaced", "ssp-paper".
std::string group_name(const RunPlan& run);

}  // namespace selmcast::report
