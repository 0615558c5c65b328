// What the paper lacks: both of its measures against one another. A policy that reaches more workers computes less;
// which pays more is a question of convergence, so a fair comparison needs the whole frontier, and the limits.
//
// Limits, cluster by cluster, then their means over the clusters of the trials:
//   - NPU utilisation of the same run if downlinks carried anything (sim/simulation.h), and computing time / the least
//     cycle (sim/bounds.h): the higher end of the bound's curve;
//   - scale at a utilisation: the joint bound (sim/bounds.h) of those clusters at that one utilisation.
// For comparison the simpler bound: communication for free, and what downlinks carry in a cycle.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "selmcast/cli/reproduce/figures.h"
#include "selmcast/cli/reproduce/paper_figures.h"
#include "selmcast/cli/reproduce/ssp_study.h"
#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/bounds.h"
#include "selmcast/sim/streams.h"
#include "selmcast/sim/trials.h"

namespace selmcast::reproduce {
namespace {

struct Cluster {
  std::vector<Rate> uplink, downlink;
  double most_utilization = 0;
  double free_utilization = 0;
};

std::vector<Cluster> clusters_of(const sim::Settings& settings, const sim::Demands& demands,
                                 const StudyOptions& options) {
  std::vector<Cluster> clusters;
  for (std::size_t t = 0; t < options.ssp.count; ++t) {
    const std::uint64_t seed = sim::seed_of_trial(options.ssp.seed, t);
    const sim::Bandwidth bandwidth(settings.bandwidth, settings.workers, sim::bandwidth_stream(seed));
    Cluster cluster{bandwidth.uplink(), bandwidth.downlink()};
    const Duration cycle = sim::least_cycle(cluster.uplink, cluster.downlink, demands);
    cluster.free_utilization = sim::npu_utilization_bound(settings, seed);
    cluster.most_utilization =
        std::min(sim::npu_utilization_uplink_bound(settings, seed), demands.computing / cycle);
    clusters.push_back(std::move(cluster));
  }
  return clusters;
}

double mean_of(const std::vector<Cluster>& clusters, double Cluster::*of) {
  double sum = 0;
  for (const Cluster& cluster : clusters) sum += cluster.*of;
  return sum / static_cast<double>(clusters.size());
}

// From the scale that is free at the highest utilisation down to utilisation 0.3.
template <class ScaleAt>
Curve bound_curve(std::string_view colour, std::string_view name, double most, ScaleAt scale_at) {
  Curve curve{std::string(colour), Source::ours, std::string(name)};
  curve.points.push_back({.x = 0, .y = most});
  for (double u = most; u > 0.3; u -= 0.01) curve.points.push_back({.x = scale_at(u), .y = u});
  return curve;
}

void add_bounds(Panel& panel, const sim::Settings& settings, const StudyOptions& options) {
  const sim::Demands demands{settings.compute.mean(), settings.volume,
                             static_cast<std::size_t>(options.frontier_receivers.front()), settings.max_age};
  const std::vector<Cluster> clusters = clusters_of(settings, demands, options);
  const auto mean_scale = [&](auto of_cluster) {
    double sum = 0;
    for (const Cluster& cluster : clusters) sum += of_cluster(cluster);
    return sum / static_cast<double>(clusters.size());
  };
  panel.curves.push_back(
      bound_curve("free", "free communication", mean_of(clusters, &Cluster::free_utilization), [&](double u) {
        return mean_scale([&](const Cluster& cluster) {
          return sim::scale_bound(cluster.downlink, demands.computing * (1 / u), demands.volume);
        });
      }));
  panel.curves.push_back(
      bound_curve("broadcast", "joint bound", mean_of(clusters, &Cluster::most_utilization), [&](double u) {
        return mean_scale([&](const Cluster& cluster) {
          // A cluster that cannot be so quick counts as it is at its quickest.
          const double own = std::min(u, cluster.most_utilization);
          return sim::joint_scale_bound(cluster.uplink, cluster.downlink, demands.computing * (1 / own),
                                        demands);
        });
      }));
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

// The knob instead of p: at p = 0.3 n, as in all of the paper's figures.
Curve slack_curve(const Model& model, const StudyOptions& options) {
  Curve curve{"slack", Source::ours, "slack, width 0 to 0.9"};
  for (const double width : {0.0, 0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}) {
    options.progress(fmt::format("frontier: {}, slack, width {:g}", model.key, width));
    sim::Settings settings = ssp_setting(model, "slack", options);
    settings.width = *sync::Width::from(width);
    const SspScores scores = run_ssp(settings, options);
    Point point = scores.npu;
    point.x = scores.scale.y;
    curve.points.push_back(point);
  }
  return curve;
}

}  // namespace

Figure make_frontier(const StudyOptions& options) {
  Figure figure{
      .name = "frontier",
      .title = "NPU utilisation against multicast scale, 50 workers, staleness and k 4",
      .why =
          "Further up and to the right is better. Algorithm 2's and Orpheus' points are p = 2, 5, 10, 15, "
          "20, 25, "
          "30; those of slack are widths 0 to 0.9 at p = 15. The joint bound knows uplinks, downlinks, "
          "computing times "
          "and the pairs that must meet (p = 2); the other one only downlinks and computing times."};
  // 84 settings whose differences are large: half the trials do.
  StudyOptions half = options;
  half.ssp.count = (options.ssp.count + 1) / 2;
  for (const Model& model : kModels) {
    Panel panel{.name = fmt::format("frontier_{}", model.name),
                .title = std::string(model.key),
                .x_label = "multicast scale",
                .y_label = "NPU utilisation",
                .is_judged = false};
    add_bounds(panel, ssp_setting(model, "paper", options), options);
    panel.curves.push_back(slack_curve(model, half));
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
