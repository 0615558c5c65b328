// How far from the lower bound the planners end where no optimum is proven, when volumes differ and with relays:
// `search` beside Algorithm 1, on random problems.
//
// Links 10 Gbit/s (1 + 0.25 x), x uniform in [-1, 1]; min_receivers max(1, floor(0.3 n)); each pair required with
// probability 3 / n; volumes 200 MB times a factor drawn by `spread`. The gap is completion time / lower bound - 1
// (plan/lower_bound.h): at most that much is lost against the optimum, which nobody knows at these sizes.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "selmcast/plan/problem.h"

namespace selmcast::bench {

enum class Spread {
  equal,       // 1: for `relay`, where that is no case of its own
  near_equal,  // 1 to 1.01
  even,        // 0.5 to 1.5
  wide,        // 1 to 10, the logarithm uniform
  few_large,   // one worker in ten 10, the others 1 to 1.01
};
std::string_view to_string(Spread spread);

plan::Problem unequal_problem(std::size_t workers, plan::MulticastKind multicast, Spread spread,
                              std::uint64_t seed);

struct GapRow {
  std::size_t workers = 0;
  plan::MulticastKind multicast = plan::MulticastKind::unicast;
  Spread spread = Spread::even;
  double search_mean = 0, search_most = 0;  // gaps
  double paper_mean = 0, paper_most = 0;
  double one_tree_mean = 0;  // relay: bound of one tree a multicast / that of any number of trees - 1
  double depth_mean = 0;     // relay: of the deepest tree
  Duration search_time = Duration();  // mean
};

struct GapBenchOptions {
  bool quick = false;
  std::function<void(std::string_view)> progress = [](std::string_view) {};
};
std::vector<GapRow> run_gap_bench(const GapBenchOptions& options);

}  // namespace selmcast::bench
