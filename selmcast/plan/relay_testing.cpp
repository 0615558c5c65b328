#include "selmcast/plan/relay_testing.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan::testing {
namespace {

class Divisions {
 public:
  Divisions(const Problem& problem, const Plan& plan)
      : problem_(problem), plan_(plan), sent_(problem.size(), 0), best_(Duration::infinite()) {
    for (std::size_t i = 0; i < problem.size(); ++i) {
      if (plan.selections[i].empty()) continue;
      sent_[i] += bytes(i);
      for (std::size_t copy = 1; copy < plan.selections[i].size(); ++copy) extra_.push_back(i);
    }
    Plan received = plan;
    Problem network = problem;
    network.multicast = MulticastKind::network;  // whose loads have no forwarding
    for (std::size_t j = 0; j < problem.size(); ++j) {
      const Bytes load = link_loads(network, received).downlink[j];
      if (load > Bytes(0)) downlinks_ = std::max(downlinks_, load / problem.workers[j].downlink);
    }
  }

  Duration least() {
    divide(0);
    return best_;
  }

 private:
  std::int64_t bytes(std::size_t i) const { return problem_.workers[i].volume.count(); }

  void divide(std::size_t next) {
    Duration time = downlinks_;
    for (std::size_t w = 0; w < sent_.size(); ++w) {
      if (sent_[w] > 0) time = std::max(time, Bytes(sent_[w]) / problem_.workers[w].uplink);
    }
    if (time >= best_) return;  // more copies make nothing sooner
    if (next == extra_.size()) {
      best_ = time;
      return;
    }
    const std::size_t i = extra_[next];
    const auto by = [&](std::size_t w) {
      if (!problem_.workers[w].can_send()) return;
      sent_[w] += bytes(i);
      divide(next + 1);
      sent_[w] -= bytes(i);
    };
    by(i);
    for (const Selection& selection : plan_.selections[i]) by(position(selection.receiver));
  }

  const Problem& problem_;
  const Plan& plan_;
  std::vector<std::int64_t> sent_;
  std::vector<std::size_t> extra_;  // the multicast of each copy but the first ones
  Duration downlinks_, best_;
};

}  // namespace

Duration least_time_by_force(const Problem& problem, const Plan& plan) {
  return Divisions(problem, plan).least();
}

RelayOptimum relay_optimum_by_force(const Problem& problem) {
  const std::size_t n = problem.size();
  RelayOptimum best{Duration::infinite(), 0};
  for (std::uint32_t bits = 0; bits < (1U << (n * (n - 1))); ++bits) {
    const Plan plan = plan_of_bits(n, bits);
    if (!meets_constraints(problem, plan)) continue;
    const Duration time = least_time_by_force(problem, plan);
    if (time < best.time || (time == best.time && plan.receiver_count() > best.receiver_count))
      best = {time, plan.receiver_count()};
  }
  return best;
}

}  // namespace selmcast::plan::testing
