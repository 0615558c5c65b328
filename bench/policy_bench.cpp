#include "bench/policy_bench.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "selmcast/base/check.h"
#include "selmcast/sim/trials.h"

namespace selmcast::bench {
namespace {

// Student's t, 97.5 %, by degrees of freedom from 1; from 30 on the normal distribution's is within 4 %.
constexpr std::array kStudent{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                              2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                              2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045};

double student(std::size_t degrees) {
  return degrees <= kStudent.size() ? kStudent[degrees - 1] : 2.042;  // of 30
}

}  // namespace

std::vector<PolicyCase> policy_floor() {
  std::vector<PolicyCase> cases;
  for (const char* model : {"lstm", "transformer", "resnet50"}) {
    sim::Settings settings;  // its defaults are the paper's
    settings.compute = *sim::ComputeTimes::named(model);
    cases.push_back({model, settings, 20});
  }
  return cases;
}

std::vector<PolicyCase> policy_grid() {
  std::vector<PolicyCase> cases;
  for (const std::size_t n : {20U, 50U, 200U}) {
    for (const double lambda : {0.0, 0.25, 0.5, 0.8}) {
      for (const double gamma : {0.0, 0.5, 1.0}) {
        for (const double p : {0.05, 0.1, 0.2, 0.3, 0.4}) {
          sim::Settings settings;
          settings.workers = n;
          settings.min_receivers = *sync::MinReceivers::from(p);
          settings.bandwidth.lambda = lambda;
          settings.bandwidth.gamma = gamma;
          settings.horizon = Duration::seconds(n == 200 ? 60 : 120);
          cases.push_back({fmt::format("n={} lambda={:g} gamma={:g} p={:g}", n, lambda, gamma, p), settings,
                           n == 200 ? 4U : 8U});
        }
      }
    }
  }
  return cases;
}

Interval interval_of(const std::vector<double>& values) {
  SELMCAST_CHECK(!values.empty(), "an interval of something");
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  if (values.size() < 2) return {mean, std::numeric_limits<double>::infinity()};
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, student(values.size() - 1) * std::sqrt(squares / (count - 1) / count)};
}

PolicyScores run_policy(const PolicyCase& policy_case, const Contender& contender) {
  sim::Settings settings = policy_case.settings;
  settings.planner = contender.planner;
  settings.width = contender.width;
  PolicyScores scores;
  for (const sim::Outcome& outcome :
       sim::simulate_trials(settings, {.count = policy_case.trials, .seed = kPolicySeed})) {
    scores.npu.push_back(outcome.npu_utilization);
    scores.scale.push_back(outcome.multicast_scale);
  }
  return scores;
}

Interval difference(const std::vector<double>& a, const std::vector<double>& b) {
  SELMCAST_CHECK(a.size() == b.size(), "the same trials");
  std::vector<double> differences;
  for (std::size_t k = 0; k < a.size(); ++k) differences.push_back(a[k] - b[k]);
  return interval_of(differences);
}

bool dominates(const PolicyScores& a, const PolicyScores& b) {
  return difference(a.npu, b.npu).is_above(0) && difference(a.scale, b.scale).is_above(0);
}

}  // namespace selmcast::bench
