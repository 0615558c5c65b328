#include "selmcast/cli/reproduce/ssp_study.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "selmcast/base/check.h"
#include "selmcast/cli/report/statistics.h"
#include "selmcast/sim/trials.h"

namespace selmcast::reproduce {
namespace {

Point point_of(const std::vector<double>& values) {
  const auto spread = *report::spread(values);
  return {.y = spread.mean,
          .deviation = spread.deviation,
          .trials = spread.count,
          .low = std::ranges::min(values),
          .high = std::ranges::max(values)};
}

}  // namespace

sim::Settings ssp_setting(const Model& model, std::string_view planner, const StudyOptions& options) {
  sim::Settings settings;  // its defaults are the paper's
  settings.planner = planner;
  settings.compute = *sim::ComputeTimes::named(model.name);
  settings.horizon = options.ssp_horizon;
  return settings;
}

std::vector<sim::Outcome> SspRuns::simulate(const sim::Settings& settings, const Trials& trials) {
  auto known = std::ranges::find_if(
      known_, [&](const Known& made) { return made.seed == trials.seed && made.settings == settings; });
  if (known == known_.end()) known = known_.insert(known_.end(), Known{settings, trials.seed, {}});
  std::vector<sim::Job> missing;
  for (std::size_t trial = known->outcomes.size(); trial < trials.count; ++trial)
    missing.push_back({&settings, sim::seed_of_trial(trials.seed, trial)});
  if (!missing.empty()) std::ranges::copy(sim::simulate_all(missing, 0), std::back_inserter(known->outcomes));
  return {known->outcomes.begin(), known->outcomes.begin() + static_cast<std::ptrdiff_t>(trials.count)};
}

SspScores run_ssp(const sim::Settings& settings, const StudyOptions& options) {
  SELMCAST_CHECK(sim::validate(settings).has_value(), "the figures' settings are valid");
  SspRuns none;
  const auto outcomes = (options.ssp_runs ? *options.ssp_runs : none).simulate(settings, options.ssp);
  std::vector<double> npu, scale;
  for (const sim::Outcome& outcome : outcomes) {
    npu.push_back(outcome.npu_utilization);
    scale.push_back(outcome.multicast_scale);
  }
  return {point_of(npu), point_of(scale)};
}

}  // namespace selmcast::reproduce
