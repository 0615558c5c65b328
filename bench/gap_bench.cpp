#include "bench/gap_bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "selmcast/base/rng.h"
#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/relay_planner.h"
#include "selmcast/plan/relay_trees.h"
#include "selmcast/plan/unequal_planner.h"

namespace selmcast::bench {
namespace {

constexpr double kVolumeBytes = 2e8;

double draw_factor(Spread spread, Rng& rng) {
  switch (spread) {
    case Spread::equal: return 1;
    case Spread::near_equal: return rng.uniform(1, 1.01);
    case Spread::even: return rng.uniform(0.5, 1.5);
    case Spread::wide: return std::pow(10, rng.uniform());
    case Spread::few_large: return rng.below(10) == 0 ? 10 : rng.uniform(1, 1.01);
  }
  return 1;
}

GapRow measure(std::size_t workers, plan::MulticastKind multicast, Spread spread, std::uint64_t trials) {
  GapRow row{.workers = workers, .multicast = multicast, .spread = spread};
  const bool relay = multicast == plan::MulticastKind::relay;
  const auto share = 1 / static_cast<double>(trials);
  for (std::uint64_t seed = 1; seed <= trials; ++seed) {
    const plan::Problem problem = unequal_problem(workers, multicast, spread, seed);
    const auto started = std::chrono::steady_clock::now();
    const plan::Plan searched = relay ? plan::plan_relays(problem).plan : plan::plan_unequal(problem);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    const Duration bound = plan::lower_bound(problem).time;
    const double search = plan::completion_time(problem, searched) / bound - 1;
    const plan::Plan by_paper = relay ? plan::plan_relays_by_paper(problem) : plan::plan_by_paper(problem);
    const double paper = plan::completion_time(problem, by_paper) / bound - 1;
    if (relay) {
      const Duration any_trees =
          std::max(plan::lower_bound(plan::as_network(problem)).time, plan::fluid_bound_of_uplinks(problem));
      row.one_tree_mean += (bound / any_trees - 1) * share;
      row.depth_mean += static_cast<double>(plan::tree_depth(searched)) * share;
    }
    row.search_mean += search * share;
    row.search_most = std::max(row.search_most, search);
    row.paper_mean += paper * share;
    row.paper_most = std::max(row.paper_most, paper);
    row.search_time += Duration::seconds(took.count() * share);
  }
  return row;
}

}  // namespace

std::string_view to_string(Spread spread) {
  switch (spread) {
    case Spread::equal: return "equal";
    case Spread::near_equal: return "within 1 %";
    case Spread::even: return "0.5 to 1.5";
    case Spread::wide: return "1 to 10";
    case Spread::few_large: return "one in ten 10x";
  }
  return "?";
}

plan::Problem unequal_problem(std::size_t workers, plan::MulticastKind multicast, Spread spread,
                              std::uint64_t seed) {
  Rng rng = Rng(seed).fork(workers);
  const auto rate = [&] { return Rate::bits_per_second(1e10 * rng.uniform(0.75, 1.25)); };
  const int min_receivers = std::max(1, static_cast<int>(3 * workers / 10));
  plan::Problem problem{.multicast = multicast, .workers = {}, .required = {}, .ages = {}};
  for (std::size_t i = 0; i < workers; ++i) {
    const Rate uplink = rate(), downlink = rate();
    const Bytes volume(static_cast<std::int64_t>(kVolumeBytes * draw_factor(spread, rng)));
    problem.workers.push_back({"w" + std::to_string(i), uplink, downlink, min_receivers, volume});
  }
  const auto n = static_cast<std::uint32_t>(workers);
  for (std::uint32_t i = 0; i < n; ++i) {
    for (std::uint32_t j = 0; j < n; ++j) {
      if (i != j && rng.uniform() * n < 3) problem.required.push_back({WorkerIndex(i), WorkerIndex(j)});
    }
  }
  return problem;
}

std::vector<GapRow> run_gap_bench(const GapBenchOptions& options) {
  const std::vector<std::size_t> sizes =
      options.quick ? std::vector<std::size_t>{10, 20} : std::vector<std::size_t>{10, 20, 50, 200, 1000};
  std::vector<GapRow> rows;
  for (const std::size_t n : sizes) {
    for (const auto multicast : {plan::MulticastKind::network, plan::MulticastKind::unicast}) {
      for (const Spread spread : {Spread::near_equal, Spread::even, Spread::wide, Spread::few_large}) {
        options.progress("gap at n=" + std::to_string(n) + " " + std::string(to_string(multicast)) +
                         ", volumes " + std::string(to_string(spread)));
        rows.push_back(measure(n, multicast, spread, n > 200 ? 3 : 20));
      }
    }
  }
  const std::vector<std::size_t> relay_sizes = options.quick
                                                   ? std::vector<std::size_t>{4, 6, 12}
                                                   : std::vector<std::size_t>{4, 6, 8, 12, 20, 50, 200, 1000};
  for (const std::size_t n : relay_sizes) {
    for (const Spread spread : {Spread::equal, Spread::even}) {
      options.progress("gap at n=" + std::to_string(n) + " relay, volumes " + std::string(to_string(spread)));
      rows.push_back(measure(n, plan::MulticastKind::relay, spread, n > 200 ? 3 : n > 20 ? 20 : 200));
    }
  }
  return rows;
}

}  // namespace selmcast::bench
