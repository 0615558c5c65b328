#include "selmcast/cli/reproduce/ssp_study.h"

#include <algorithm>
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

SspScores run_ssp(const sim::Settings& settings, const StudyOptions& options) {
  SELMCAST_CHECK(sim::validate(settings).has_value(), "the figures' settings are valid");
  const auto outcomes =
      sim::simulate_trials(settings, {.count = options.ssp.count, .seed = options.ssp.seed});
  std::vector<double> npu, scale;
  for (const sim::Outcome& outcome : outcomes) {
    npu.push_back(outcome.npu_utilization);
    scale.push_back(outcome.multicast_scale);
  }
  return {point_of(npu), point_of(scale)};
}

}  // namespace selmcast::reproduce
