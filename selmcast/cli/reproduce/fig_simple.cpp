// Figures 1 and 3: a closed form, and what the simulator draws from.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "selmcast/cli/reproduce/figures.h"
#include "selmcast/cli/reproduce/paper_figures.h"
#include "selmcast/cli/reproduce/ssp_study.h"
#include "selmcast/plan/planner.h"

namespace selmcast::reproduce {
namespace {

// C(n - 1, m) q^m (1 - q)^(n - 1 - m), through logarithms: the binomial coefficient leaves a double at n = 1030.
double chance_of(std::size_t n, double p, std::size_t m) {
  const auto others = static_cast<double>(n - 1);
  const auto chosen = static_cast<double>(m);
  const double q = p / others;
  return std::exp(std::lgamma(others + 1) - std::lgamma(chosen + 1) - std::lgamma(others - chosen + 1) +
                  chosen * std::log(q) + (others - chosen) * std::log1p(-q));
}

// Of each plan drawn, the share of receivers that have m senders, for m = 0 .. n - 1.
std::vector<std::vector<double>> shares_by_senders(std::size_t n, const Trials& trials) {
  std::vector<std::vector<double>> shares(n);
  for (std::uint64_t t = 0; t < trials.count; ++t) {
    Rng rng = Rng(trials.seed).fork(t);
    const plan::Problem problem = bsp_problem({.workers = n, .share = 0.3}, rng);
    const auto outcome = plan::find_planner("random")->plan(problem, rng);
    std::vector<std::size_t> senders(n, 0), counted(n, 0);
    for (const auto& of_sender : std::get<plan::Planned>(outcome).plan.selections) {
      for (const plan::Selection& selection : of_sender) ++senders[position(selection.receiver)];
    }
    for (const std::size_t m : senders) ++counted[m];
    for (std::size_t m = 0; m < n; ++m)
      shares[m].push_back(static_cast<double>(counted[m]) / static_cast<double>(n));
  }
  return shares;
}

Panel panel_of_chances(std::size_t n, const Trials& trials) {
  const double p = std::floor(0.3 * static_cast<double>(n) + 1e-9);
  Panel panel{.name = fmt::format("fig1_n{}", n),
              .title = fmt::format("n = {}, p = {:.0f}", n, p),
              .x_label = "senders m that pick the same receiver",
              .y_label = "probability",
              .paper_trials = 0,
              .curves = {}};
  Curve form{"random", Source::paper, "closed form", {}};
  Curve drawn{"random", Source::ours, fmt::format("drawn, {} plans", trials.count), {}};
  const auto shares = shares_by_senders(n, trials);
  for (std::size_t m = 0; m < n; ++m) {
    const double chance = chance_of(n, p, m);
    if (chance < 1e-4) continue;
    const auto spread = *report::spread(shares[m]);
    form.points.push_back({.x = static_cast<double>(m), .y = chance});
    drawn.points.push_back({.x = static_cast<double>(m),
                            .y = spread.mean,
                            .deviation = spread.deviation,
                            .trials = spread.count});
  }
  panel.curves = {std::move(form), std::move(drawn)};
  return panel;
}

}  // namespace

Figure make_fig1(const StudyOptions& options) {
  Figure figure{
      .name = "fig1",
      .title = "How many senders pick one receiver when each picks p of n - 1 at random (Orpheus)",
      .why =
          "Closed form: Pr(m) = C(n-1, m) q^m (1-q)^(n-1-m) with q = p/(n-1). The paper's own n and p are "
          "not known to us; its point does not depend on them: some receivers get far more than p.",
      .panels = {}};
  for (const std::size_t n : {50UL, 100UL, 200UL}) {
    options.progress(fmt::format("fig1: n = {}", n));
    // A plan has n receivers only, and the tail is thin: ten times as many plans as elsewhere cost nothing.
    figure.panels.push_back(panel_of_chances(n, {10 * options.bsp.count, options.bsp.seed}));
  }
  return figure;
}

namespace {

// Of each trial of 10,000 draws, the share that falls into each of the paper's bins.
std::vector<std::vector<double>> drawn_shares(const Model& model, const nlohmann::json& bins,
                                              const Trials& trials) {
  constexpr int kDraws = 10'000;
  const auto times = *sim::ComputeTimes::named(model.name);
  std::vector<double> ends;
  for (const auto& bin : bins) ends.push_back(bin["hi_ms"].get<double>());
  std::vector<std::vector<double>> shares(bins.size());
  for (std::uint64_t t = 0; t < trials.count; ++t) {
    Rng rng = Rng(trials.seed).fork(t);
    std::vector<int> counts(bins.size(), 0);
    for (int draw = 0; draw < kDraws; ++draw) {
      const double time = times.draw(rng).in_milliseconds();
      std::size_t bin = 0;
      while (bin + 1 < ends.size() && time >= ends[bin]) ++bin;
      ++counts[bin];
    }
    for (std::size_t bin = 0; bin < bins.size(); ++bin) shares[bin].push_back(counts[bin] / double{kDraws});
  }
  return shares;
}

}  // namespace

Figure make_fig3(const StudyOptions& options) {
  Figure figure{
      .name = "fig3",
      .title = "Computation times of one round",
      .why =
          "Bars: read off the paper's histograms. Outline: what our simulator draws, 10,000 times a trial; "
          "within a bar every time is equally likely."};
  for (const Model& model : kModels) {
    options.progress(fmt::format("fig3: {}", model.key));
    const nlohmann::json& bins = paper_figures()["fig3"][std::string(model.key)];
    const auto shares = drawn_shares(model, bins, options.bsp);
    Curve paper{"paper", Source::paper, "paper"};
    Curve drawn{"paper", Source::ours, "drawn"};
    for (std::size_t bin = 0; bin < bins.size(); ++bin) {
      const double middle = (bins[bin]["lo_ms"].get<double>() + bins[bin]["hi_ms"].get<double>()) / 2;
      const auto spread = *report::spread(shares[bin]);
      paper.points.push_back({.x = middle, .y = bins[bin]["proportion"].get<double>()});
      drawn.points.push_back(
          {.x = middle, .y = spread.mean, .deviation = spread.deviation, .trials = spread.count});
    }
    figure.panels.push_back(
        {.name = fmt::format("fig3_{}", model.name),
         .title = fmt::format("{}: mean {:.0f} ms", model.key,
                              sim::ComputeTimes::named(model.name)->mean().in_milliseconds()),
         .x_label = "computation time (ms)",
         .y_label = "proportion",
         .style = Style::steps,
         .paper_trials = 0,
         .curves = {std::move(paper), std::move(drawn)}});
  }
  return figure;
}

}  // namespace selmcast::reproduce
