// The studies behind the figures, with few trials.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "selmcast/cli/reproduce/bsp_study.h"
#include "selmcast/cli/reproduce/figures.h"
#include "selmcast/cli/reproduce/paper_figures.h"
#include "selmcast/cli/reproduce/ssp_study.h"
#include "selmcast/cli/reproduce/verdict.h"

namespace selmcast::reproduce {
namespace {

TEST(PaperFigures, AreBuiltIn) {
  EXPECT_EQ(paper_figures()["fig4c"]["completion"]["optimal"][0], 1.0324);
  const auto curves =
      paper_curves(paper_figures()["fig5a"]["completion"], paper_xs(paper_figures()["fig5a"]));
  ASSERT_EQ(curves.size(), 3U);
  EXPECT_EQ(curves[1].planner, "random");
  EXPECT_EQ(curves[1].points.size(), 5U);
}

TEST(BspStudy, DrawsBandwidthsInTheirRange) {
  Rng rng(1);
  const plan::Problem problem = bsp_problem({.workers = 100, .share = 0.29, .mu = 2, .lambda = 0.25}, rng);
  ASSERT_TRUE(plan::validate(problem).has_value());
  double least = 9, most = 0;
  for (const plan::WorkerSpec& worker : problem.workers) {
    EXPECT_EQ(worker.min_receivers, 29);  // floor(0.29 * 100), which is 28.999... in doubles
    least = std::min(least, worker.downlink.bps() / 40e9);
    most = std::max(most, worker.downlink.bps() / 40e9);
    EXPECT_GE(worker.uplink.bps(), 2 * 0.75 * 40e9);
    EXPECT_LE(worker.uplink.bps(), 2 * 1.25 * 40e9);
  }
  EXPECT_GE(least, 0.75);
  EXPECT_LT(least, 0.8);  // one of 100 in the lowest tenth: all but certain
  EXPECT_LE(most, 1.25);
  EXPECT_GT(most, 1.2);
}

TEST(BspStudy, GivesTheSameNumbersForTheSameSeed) {
  const auto once = run_bsp({.workers = 20}, "random", {3, 7});
  const auto again = run_bsp({.workers = 20}, "random", {3, 7});
  EXPECT_EQ(once.completion.mean, again.completion.mean);
  EXPECT_NE(once.completion.mean, run_bsp({.workers = 20}, "random", {3, 8}).completion.mean);
}

TEST(BspStudy, AgreesWithFigure4WhereItCostsLittle) {
  // 20 trials at n = 50, against 10 of the paper: SelMcast 1.0328, Orpheus 1.7736 and 0.3 of the workers (15 of 50).
  const auto allowed = [](const report::Spread& spread) {
    return 3 * spread.deviation * std::sqrt(1.0 / 10 + 1.0 / 20);
  };
  const auto paper = run_bsp({}, "paper", {20, 1});
  const auto random = run_bsp({}, "random", {20, 1});
  EXPECT_NEAR(paper.completion.mean, 1.0328, allowed(paper.completion));
  EXPECT_NEAR(random.completion.mean, 1.7736, allowed(random.completion));
  EXPECT_DOUBLE_EQ(random.scale.mean, 0.3);
}

TEST(Fig1, DrawsWhatTheClosedFormSays) {
  const Figure figure = make_fig1({.bsp = {20, 1}});
  ASSERT_EQ(figure.panels.size(), 3U);
  for (const Panel& panel : figure.panels) {
    double sum = 0;
    for (const Point& point : panel.curves[0].points) sum += point.y;
    EXPECT_NEAR(sum, 1, 0.003) << panel.name;  // what is left out has probabilities below 1e-4
    for (std::size_t k = 0; k < panel.curves[0].points.size(); ++k)
      EXPECT_NEAR(panel.curves[1].points[k].y, panel.curves[0].points[k].y, 0.02) << panel.name;
  }
}

TEST(Figures, AreInTheOrderOfThePaper) {
  int last = 0;
  for (const FigureMaker& maker : figure_makers()) {
    if (!maker.name.starts_with("fig")) continue;  // ours: last
    const int number = std::stoi(std::string(maker.name.substr(3)));
    EXPECT_GT(number, last);
    last = number;
  }
}

TEST(Fig3, DrawsFromEveryHistogram) {
  const Figure figure = make_fig3({.bsp = {5, 1}});
  ASSERT_EQ(figure.panels.size(), 3U);
  for (const Panel& panel : figure.panels) {
    ASSERT_EQ(panel.curves.size(), 2U);
    double sum = 0;
    for (std::size_t k = 0; k < panel.curves[0].points.size(); ++k) {
      sum += panel.curves[1].points[k].y;
      // 50,000 draws in all: a share of one half scatters by 0.0022.
      EXPECT_NEAR(panel.curves[1].points[k].y, panel.curves[0].points[k].y, 0.01) << panel.name;
    }
    EXPECT_NEAR(sum, 1, 1e-9) << panel.name;
  }
}

TEST(SspStudy, StartsFromThePapersSetting) {
  const sim::Settings settings = ssp_setting(kModels[1], "random", {});
  EXPECT_EQ(settings.planner, "random");
  EXPECT_EQ(settings.multicast, plan::MulticastKind::network);
  EXPECT_EQ(settings.workers, 50U);
  EXPECT_EQ(settings.min_receivers.of(50), 15);
  EXPECT_EQ(settings.staleness, 4U);
  EXPECT_EQ(settings.max_age, 4U);
  EXPECT_EQ(settings.keep_fraction, 0.75);
  EXPECT_EQ(settings.volume, Bytes(200'000'000));
  EXPECT_EQ(settings.bandwidth.nominal, Rate::bits_per_second(40e9));
  EXPECT_EQ(settings.bandwidth.lambda, 0.5);
  EXPECT_EQ(settings.horizon, Duration::seconds(600));
}

TEST(Frontier, LiesWithinItsBounds) {
  const Figure figure =
      make_frontier({.ssp = {4, 1}, .ssp_horizon = Duration::seconds(10), .frontier_receivers = {5, 20}});
  ASSERT_EQ(figure.panels.size(), kModels.size());
  for (const Panel& panel : figure.panels) {
    const std::vector<Point>& bound = panel.curves[0].points;  // ascending scale, falling utilisation
    for (std::size_t c = 1; c < panel.curves.size(); ++c) {
      for (const Point& point : panel.curves[c].points) {
        for (std::size_t k = 1; k < bound.size(); ++k) {
          if (point.x < bound[k - 1].x || point.x >= bound[k].x) continue;
          // The bound holds in the mean over bandwidths; two short trials may stand out a little.
          EXPECT_LE(point.y, bound[k - 1].y + 0.03) << panel.name << ", " << panel.curves[c].name;
        }
      }
    }
  }
}

TEST(Fig7, HasABarAModelForThePaperAndForUs) {
  const Figure figure = make_fig7({.ssp = {2, 1}, .ssp_horizon = Duration::seconds(10)});
  ASSERT_EQ(figure.panels.size(), 2U);
  for (const Panel& panel : figure.panels) {
    ASSERT_EQ(panel.curves.size(), 6U);  // the paper's two, and ours by both readings of the rule
    for (const Curve& curve : panel.curves) EXPECT_EQ(curve.points.size(), kModels.size());
    EXPECT_EQ(judge(panel).size(), 4U);
  }
  for (const Point& point : figure.panels[0].curves[2].points) {
    EXPECT_GT(point.y, 0.3);
    EXPECT_LT(point.y, 1);
    EXPECT_LE(point.low, point.y);
    EXPECT_GE(point.high, point.y);
  }
}

TEST(SspRuns, GiveOfTrialsMadeBeforeWhatAFreshStudyGives) {
  StudyOptions fresh;
  fresh.ssp_horizon = Duration::seconds(5);
  fresh.ssp = {4, 1};
  StudyOptions shared = fresh;
  shared.ssp_runs = std::make_shared<SspRuns>();
  StudyOptions half = shared;
  half.ssp.count = 2;
  const sim::Settings settings = ssp_setting(kModels[0], "random", fresh);
  sim::Settings other = settings;
  other.staleness = 1;
  const SspScores of_half = run_ssp(settings, half);
  run_ssp(other, shared);
  EXPECT_EQ(run_ssp(settings, shared).npu.y, run_ssp(settings, fresh).npu.y);
  EXPECT_EQ(run_ssp(settings, half).npu.y, of_half.npu.y);
  EXPECT_EQ(of_half.npu.trials, 2U);
}

}  // namespace
}  // namespace selmcast::reproduce
