#include "bench/rivals/literal_paper_planner.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "selmcast/base/check.h"

namespace selmcast::bench {
namespace {

using plan::LinkTime;
using plan::Problem;
using plan::Reason;

class Algorithm1 {
 public:
  explicit Algorithm1(const Problem& problem)
      : problem_(problem),
        n_(problem.size()),
        x_(n_ * n_, 0),
        receivers_(n_, 0),
        assigned_(n_),
        plan_{std::vector<std::vector<plan::Selection>>(n_)} {}

  plan::Plan run() && {
    for (const plan::Pair& pair : problem_.required) {
      select(position(pair.sender), position(pair.receiver), Reason::required);
    }
    basic_selection();
    pareto_improvement();
    for (auto& row : plan_.selections) std::ranges::sort(row, {}, &plan::Selection::receiver);
    return std::move(plan_);
  }

 private:
  bool selected(std::size_t i, std::size_t j) const { return x_[i * n_ + j] != 0; }

  void select(std::size_t i, std::size_t j, Reason reason) {
    x_[i * n_ + j] = 1;
    ++receivers_[i];
    assigned_[j] += problem_.workers[i].volume;
    plan_.selections[i].push_back({WorkerIndex(static_cast<std::uint32_t>(j)), reason});
  }

  // s_i / b_i^I and the downlink's time if i had `receivers` receivers and j `assigned` bytes.
  LinkTime uplink_time(std::size_t i, std::size_t receivers) const {
    const bool network = problem_.multicast == plan::MulticastKind::network;
    const auto flows = static_cast<std::int64_t>(network ? std::min<std::size_t>(receivers, 1) : receivers);
    return {flows * problem_.workers[i].volume, problem_.workers[i].uplink};
  }
  LinkTime downlink_time(std::size_t j, Bytes assigned) const {
    return {assigned, problem_.workers[j].downlink};
  }

  void basic_selection() {
    std::vector<std::size_t> senders(n_);
    std::iota(senders.begin(), senders.end(), std::size_t{0});
    const std::vector<std::size_t> required = receivers_;
    std::ranges::stable_sort(senders, std::greater{}, [&](std::size_t i) { return required[i]; });
    for (const std::size_t i : senders) {
      while (receivers_[i] < static_cast<std::size_t>(problem_.workers[i].min_receivers)) {
        select(i, lightest_receiver(i), Reason::basic);
      }
    }
  }

  std::size_t lightest_receiver(std::size_t i) const {
    std::size_t lightest = n_;
    LinkTime least;
    for (std::size_t j = 0; j < n_; ++j) {
      if (j == i || selected(i, j)) continue;
      const LinkTime time = downlink_time(j, assigned_[j] + problem_.workers[i].volume);
      if (lightest == n_ || time < least) {
        lightest = j;
        least = time;
      }
    }
    SELMCAST_CHECK(lightest < n_, "the problem has a plan");
    return lightest;
  }

  // nullopt: nothing is selected, t = 0.
  std::optional<LinkTime> completion() const {
    std::optional<LinkTime> longest;
    const auto consider = [&](const LinkTime& time) {
      if (time.load > Bytes(0) && (!longest || *longest < time)) longest = time;
    };
    for (std::size_t i = 0; i < n_; ++i) {
      consider(uplink_time(i, receivers_[i]));
      consider(downlink_time(i, assigned_[i]));
    }
    return longest;
  }

  std::vector<plan::PairAge> unselected_pairs() const {
    std::vector<std::uint32_t> c(n_ * n_, 0);
    for (const plan::PairAge& aged : problem_.ages) {
      c[position(aged.pair.sender) * n_ + position(aged.pair.receiver)] = aged.age;
    }
    std::vector<plan::PairAge> pairs;
    pairs.reserve(n_ * n_);
    for (std::uint32_t i = 0; i < n_; ++i) {
      for (std::uint32_t j = 0; j < n_; ++j) {
        if (i != j && !selected(i, j)) pairs.push_back({{WorkerIndex(i), WorkerIndex(j)}, c[i * n_ + j]});
      }
    }
    return pairs;
  }

  void pareto_improvement() {
    const auto t = completion();
    if (!t) return;
    std::vector<plan::PairAge> pairs = unselected_pairs();
    std::ranges::sort(pairs, [](const plan::PairAge& a, const plan::PairAge& b) {
      return a.age != b.age ? a.age > b.age : a.pair < b.pair;
    });
    for (const plan::PairAge& candidate : pairs) {
      const std::size_t i = position(candidate.pair.sender), j = position(candidate.pair.receiver);
      if (uplink_time(i, receivers_[i] + 1) > *t) continue;
      if (downlink_time(j, assigned_[j] + problem_.workers[i].volume) > *t) continue;
      select(i, j, Reason::spare);
    }
  }

  const Problem& problem_;
  std::size_t n_;
  std::vector<char> x_;                 // n x n, by sender
  std::vector<std::size_t> receivers_;  // sum_j x_ij
  std::vector<Bytes> assigned_;         // sum_i v_i x_ij
  plan::Plan plan_;
};

}  // namespace

plan::Plan plan_by_literal_paper(const Problem& problem) { return Algorithm1(problem).run(); }

}  // namespace selmcast::bench
