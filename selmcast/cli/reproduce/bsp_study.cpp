#include "selmcast/cli/reproduce/bsp_study.h"

#include <chrono>
#include <cmath>
#include <variant>

#include "selmcast/base/check.h"
#include "selmcast/plan/planner.h"

namespace selmcast::reproduce {
namespace {

constexpr Rate kBandwidth = Rate::bits_per_second(40e9);
constexpr Bytes kVolume = Bytes(200'000'000);

}  // namespace

plan::Problem bsp_problem(const BspSetting& setting, Rng& rng) {
  const auto rate = [&](double mean) {
    return kBandwidth * (mean * (1 + setting.lambda * rng.uniform(-1, 1)));
  };
  const auto min_receivers =
      static_cast<int>(std::floor(setting.share * static_cast<double>(setting.workers) + 1e-9));
  plan::Problem problem;
  problem.multicast = setting.multicast;
  for (std::size_t i = 0; i < setting.workers; ++i) {
    const Rate uplink = rate(setting.mu);
    problem.workers.push_back({"w" + std::to_string(i), uplink, rate(1), min_receivers, kVolume});
  }
  return problem;
}

BspScores run_bsp(const BspSetting& setting, std::string_view name, const Trials& trials) {
  const plan::Planner* planner = plan::find_planner(name);
  SELMCAST_CHECK(planner != nullptr, "the planners of the figures are all built in");
  std::vector<double> completion, scale, seconds;
  const auto n = static_cast<double>(setting.workers);
  for (std::uint64_t t = 0; t < trials.count; ++t) {
    Rng rng = Rng(trials.seed).fork(t);
    const plan::Problem problem = bsp_problem(setting, rng);
    const auto started = std::chrono::steady_clock::now();
    const plan::Outcome outcome = planner->plan(problem, rng);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    const auto* planned = std::get_if<plan::Planned>(&outcome);
    SELMCAST_CHECK(planned != nullptr, "with all links up and p < n every problem has a plan");
    const Duration unit = problem.workers[0].min_receivers * kVolume / kBandwidth;
    completion.push_back(plan::completion_time(problem, planned->plan) / unit);
    scale.push_back(static_cast<double>(planned->plan.receiver_count()) / n / n);
  }
  return {*report::spread(completion), *report::spread(scale), *report::spread(seconds)};
}

}  // namespace selmcast::reproduce
