// What the paper lacks: both of its measures against one another. A policy that reaches more workers computes less;
// which pays more is a question of convergence, so a fair comparison needs the whole frontier, and the limits.
//
// Limits, for mean computing time C, volume v and n workers, T = C / u the mean cycle at NPU utilisation u:
//   - u <= that of free communication under the same staleness (sim/simulation.h).
//   - u <= mean over i of C / (C + v / uplink_i): a worker computes nothing while it sends, and sends its volume in
//     full at least once a round (network multicast; p > 0).
//   - scale <= mean over j of min((n - 1) / n, T downlink_j / (n v)): receiver j cannot take more than its downlink
//     carries in a cycle.
// Means are over the distribution of bandwidths, so a limit holds for the mean over clusters, not for each. Loose: they
// need not be reachable together.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "selmcast/cli/reproduce/figures.h"
#include "selmcast/cli/reproduce/paper_figures.h"
#include "selmcast/cli/reproduce/ssp_study.h"
#include "selmcast/sim/bounds.h"
#include "selmcast/sim/trials.h"

namespace selmcast::reproduce {
namespace {

constexpr int kGrid = 1000;  // points of the distribution of bandwidths

// Mean over b (1 + lambda x), x uniform in [-1, 1], by midpoints.
template <class Of>
double mean_over_links(const sim::BandwidthModel& model, Of of) {
  double sum = 0;
  for (int k = 0; k < kGrid; ++k) {
    const double x = (2 * k + 1.0) / kGrid - 1;
    sum += of(model.nominal * (1 + model.lambda * x));
  }
  return sum / kGrid;
}

double most_utilization(const sim::Settings& settings, const StudyOptions& options) {
  double free = 0;
  for (std::size_t t = 0; t < options.ssp.count; ++t) {
    free += sim::npu_utilization_bound(settings, sim::seed_of_trial(options.ssp.seed, t)) /
            static_cast<double>(options.ssp.count);
  }
  const Duration computing = settings.compute.mean();
  const double sending = mean_over_links(
      settings.bandwidth, [&](Rate uplink) { return computing / (computing + settings.volume / uplink); });
  return std::min(free, sending);
}

double most_scale(const sim::Settings& settings, double utilization) {
  // The grid stands for the n workers: a link's part of the bound depends on n, not on the other links.
  const Duration cycle = settings.compute.mean() * (1 / utilization);
  return mean_over_links(settings.bandwidth, [&](Rate downlink) {
    const std::vector<Rate> alike(settings.workers, downlink);
    return sim::scale_bound(alike, cycle, settings.volume);
  });
}

// The bound, from the scale that is free at the highest utilisation down to utilisation 0.3.
Curve bound_curve(const sim::Settings& settings, const StudyOptions& options) {
  Curve curve{"bound", Source::ours, "bound"};
  const double most = most_utilization(settings, options);
  curve.points.push_back({.x = 0, .y = most});
  for (double u = most; u > 0.3; u -= 0.01) curve.points.push_back({.x = most_scale(settings, u), .y = u});
  return curve;
}

struct Policy {
  std::string_view planner;
  sim::Sharing sharing;
  std::string_view name;
  std::string_view colour;  // that of a planner
};
constexpr Policy kPolicies[] = {
    {"random", sim::Sharing::fair, "Orpheus", "random"},
    {"paper", sim::Sharing::fair, "SelMcast, fair shares", "paper"},
    {"paper", sim::Sharing::priority, "SelMcast, strict priorities", "auto"},
    {"paper", sim::Sharing::reserved, "SelMcast, reserved rates", "exact"},
};

}  // namespace

Figure make_frontier(const StudyOptions& options) {
  Figure figure{
      .name = "frontier",
      .title = "NPU utilisation against multicast scale, p from 2 to 30 of 50 workers, staleness and k 4",
      .why =
          "Further up and to the right is better. A curve's points are p = 2, 5, 10, 15, 20, 25, 30. The "
          "bound "
          "takes the least of three limits: waiting alone, the own sending alone, and what downlinks carry "
          "in "
          "a cycle. It is loose: they need not be reachable together."};
  // 84 settings whose differences are large: half the trials do.
  StudyOptions half = options;
  half.ssp.count = (options.ssp.count + 1) / 2;
  for (const Model& model : kModels) {
    Panel panel{.name = fmt::format("frontier_{}", model.name),
                .title = std::string(model.key),
                .x_label = "multicast scale",
                .y_label = "NPU utilisation",
                .is_judged = false};
    panel.curves.push_back(bound_curve(ssp_setting(model, "paper", options), options));
    for (const Policy& policy : kPolicies) {
      Curve curve{std::string(policy.colour), Source::ours, std::string(policy.name)};
      for (const int p : options.frontier_receivers) {
        options.progress(fmt::format("frontier: {}, {}, p = {}", model.key, policy.name, p));
        sim::Settings settings = ssp_setting(model, policy.planner, options);
        settings.sharing = policy.sharing;
        settings.min_receivers = sync::MinReceivers::count(p);
        const SspScores scores = run_ssp(settings, half);
        Point point = scores.npu;
        point.x = scores.scale.y;
        curve.points.push_back(point);
      }
      panel.curves.push_back(std::move(curve));
    }
    figure.panels.push_back(std::move(panel));
  }
  return figure;
}

}  // namespace selmcast::reproduce
