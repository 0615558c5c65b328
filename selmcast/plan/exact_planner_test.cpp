#include "selmcast/plan/exact_planner.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <string>

#include "selmcast/plan/certificate_checker.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using testing::brute_force;
using testing::make_problem;
using testing::pair;
using testing::pairs_by_age;
using testing::random_problem;

// The plan, after everything that can be checked of it was checked.
Planned checked(const Problem& problem) {
  Outcome outcome = plan_exactly(problem);
  Planned planned = std::get<Planned>(std::move(outcome));
  EXPECT_EQ(planned.status, Status::optimal);
  EXPECT_THAT(check_plan(problem, planned.plan), ::testing::IsEmpty());
  EXPECT_THAT(check_certificate(problem, planned.plan, planned.certificate.value()), ::testing::IsEmpty());
  return planned;
}

void expect_optimum(const Problem& problem) {
  const auto best = brute_force(problem);
  const Planned planned = checked(problem);
  EXPECT_EQ(completion_time(problem, planned.plan), best.time);
  EXPECT_EQ(planned.plan.receiver_count(), best.receiver_count);
  EXPECT_EQ(pairs_by_age(problem, planned.plan), best.by_age);
}

TEST(ExactPlanner, AgreesWithTryingEverything) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    expect_optimum(random_problem({.most_workers = 4, .small_whole_rates = seed % 2 == 0}, rng));
    if (HasFailure()) return;
  }
}

// All problems of `size` workers whose numbers come from these lists, with at most one required pair.
void expect_optimum_of_all(std::size_t size, const std::vector<double>& rates) {
  std::vector<std::size_t> digits(3 * size + 2, 0);  // uplinks, downlinks, needs, required pair, kind
  const auto base = [&](std::size_t k) {
    if (k < 2 * size) return rates.size();
    if (k < 3 * size) return size;
    return k == 3 * size ? size * (size - 1) + 1 : 2;
  };
  for (;;) {
    std::vector<testing::TestWorker> workers;
    for (std::size_t i = 0; i < size; ++i) {
      workers.push_back(
          {rates[digits[i]], rates[digits[size + i]], static_cast<int>(digits[2 * size + i]), 6});
    }
    Problem problem =
        make_problem(digits.back() == 0 ? MulticastKind::network : MulticastKind::unicast, workers);
    if (const std::size_t number = digits[3 * size]; number > 0) {
      const std::size_t sender = (number - 1) / (size - 1), other = (number - 1) % (size - 1);
      problem.required = {pair(sender, other < sender ? other : other + 1)};
    }
    expect_optimum(problem);
    if (::testing::Test::HasFailure()) return;
    std::size_t k = 0;
    while (k < digits.size() && ++digits[k] == base(k)) digits[k++] = 0;
    if (k == digits.size()) return;
  }
}

TEST(ExactPlanner, IsRightOnAllProblemsOfTwoWorkers) { expect_optimum_of_all(2, {1, 2, 3}); }
TEST(ExactPlanner, IsRightOnAllProblemsOfThreeWorkers) { expect_optimum_of_all(3, {1, 2}); }

TEST(ExactPlanner, DoesNotLoseADeliveryToRounding) {
  // t = m v / b, and floor(t b / v) in doubles is m - 1 for some of these (paper README, "Trap"). w0 needs
  // all of the n - 1 others; w1's uplink is just as fast, so it reaches n - 1 by the same time.
  int traps = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const double rate = rng.uniform(0.5, 1.5) * 1e6;
    const auto volume = static_cast<std::int64_t>(1 + rng.below(1'000'000));
    const int others = 7;
    std::vector<testing::TestWorker> workers(8, {1e-3, 1e9, 0, volume});
    workers[0] = {rate, 1e9, others, volume};
    workers[1].uplink = rate;
    const double seconds = others * static_cast<double>(volume) / rate;
    traps += std::floor(seconds * rate / static_cast<double>(volume)) < others ? 1 : 0;
    const Planned planned = checked(make_problem(MulticastKind::unicast, workers));
    EXPECT_EQ(planned.plan.selections[1].size(), 7U);
  }
  EXPECT_GT(traps, 0);
}

TEST(ExactPlanner, GivesUpAnOldPairForTwoOldOnes) {
  // Network multicast; w2 and w3 take one sender each (6 bytes at 6), the others none (at 1): t = 1 s, two
  // receivers at most, and w0 and w1 need one each. The oldest pairs are 0 -> 2, 0 -> 3, 1 -> 2. Taking 0 ->
  // 2 first, as greedy by index would, leaves w1 with w3, which is young.
  Problem problem =
      make_problem(MulticastKind::network, {{6, 1, 1, 6}, {6, 1, 1, 6}, {6, 6, 0, 6}, {6, 6, 0, 6}});
  problem.ages = {{pair(0, 2), 5}, {pair(0, 3), 5}, {pair(1, 2), 5}};
  const Planned planned = checked(problem);
  EXPECT_EQ(testing::receivers(planned.plan, 0), std::vector<std::size_t>{3});
  EXPECT_EQ(testing::receivers(planned.plan, 1), std::vector<std::size_t>{2});
}

TEST(ExactPlanner, OfNoNeedsIsEmpty) {
  const Planned planned = checked(make_problem(MulticastKind::unicast, {{1, 1, 0, 6}, {1, 1, 0, 6}}));
  EXPECT_EQ(planned.plan.receiver_count(), 0U);
  EXPECT_EQ(planned.certificate->time_bound, Certificate::TimeBound::nothing);
  EXPECT_EQ(checked(make_problem(MulticastKind::network, {{1, 1, 0, 6}})).plan.selections.size(), 1U);
}

TEST(ExactPlanner, RaisesTheTimeToWhereTheLastCutOpens) {
  // Network. w0, w1 and w2 need all three others; 9 deliveries. The count over all receivers: w3 takes 3, the
  // others 2 each (they are senders themselves), so every downlink must take all it can: the slowest, 2 * 6
  // bytes at 2, sets 6 s.
  const Problem problem =
      make_problem(MulticastKind::network, {{9, 9, 3, 6}, {9, 2, 3, 6}, {9, 9, 3, 6}, {9, 9, 0, 6}});
  const Planned planned = checked(problem);
  EXPECT_EQ(completion_time(problem, planned.plan), Duration::seconds(6));
  EXPECT_EQ(planned.certificate->time_bound, Certificate::TimeBound::cut);
}

// A problem that changes, and a planner that is told of every change.
class Changes {
 public:
  Changes(std::uint64_t seed, std::size_t most_workers)
      : rng_(seed),
        problem_(random_problem({.most_workers = most_workers, .small_whole_rates = seed % 2 == 0}, rng_)),
        planner_(problem_) {}

  void check() {
    const Planned afresh = checked(problem_);
    const Planned kept = std::get<Planned>(planner_.plan());
    ASSERT_THAT(check_plan(problem_, kept.plan), ::testing::IsEmpty());
    ASSERT_THAT(check_certificate(problem_, kept.plan, kept.certificate.value()), ::testing::IsEmpty());
    ASSERT_EQ(completion_time(problem_, kept.plan), completion_time(problem_, afresh.plan));
    ASSERT_EQ(kept.plan.receiver_count(), afresh.plan.receiver_count());
    ASSERT_EQ(pairs_by_age(problem_, kept.plan).front(), pairs_by_age(problem_, afresh.plan).front());
    last_ = kept.plan;
  }

  void change() {
    const std::size_t n = problem_.size();
    const auto index = WorkerIndex(static_cast<std::uint32_t>(rng_.below(n)));
    WorkerSpec& worker = problem_.workers[position(index)];
    switch (rng_.below(6)) {
      case 0:
        worker.uplink = rate();
        worker.downlink = rate();
        return planner_.set_links(index, worker.uplink, worker.downlink);
      case 1:
        worker.min_receivers = static_cast<int>(rng_.below(n));
        return planner_.set_min_receivers(index, worker.min_receivers);
      case 2: problem_.required = random_pairs(); return planner_.set_required(problem_.required);
      case 3: return end_round();
      case 4: return join();
      case 5: return n > 2 ? leave(index) : join();
    }
  }

 private:
  Rate rate() { return Rate::bits_per_second(8.0 * static_cast<double>(1 + rng_.below(6))); }

  std::vector<Pair> random_pairs() {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < problem_.size(); ++i) {
      for (std::size_t j = 0; j < problem_.size(); ++j) {
        if (i != j && rng_.below(8) == 0) pairs.push_back(pair(i, j));
      }
    }
    return pairs;
  }

  void end_round() {
    std::map<Pair, std::uint32_t> ages;
    for (std::size_t i = 0; i < problem_.size(); ++i) {
      for (std::size_t j = 0; j < problem_.size(); ++j) {
        if (i != j) ages[pair(i, j)] = 0;
      }
    }
    for (const PairAge& aged : problem_.ages) ages[aged.pair] = aged.age;
    problem_.ages.clear();
    for (const auto& [of, age] : ages) problem_.ages.push_back({of, last_.has(of) ? 0 : age + 1});
    planner_.end_round(last_);
  }

  void join() {
    problem_.workers.push_back(problem_.workers.front());
    problem_.workers.back().name = "w" + std::to_string(1000 + joined_++);
    planner_.join(problem_.workers.back());
    last_.selections.emplace_back();
  }

  void leave(WorkerIndex gone) {
    problem_.workers.erase(problem_.workers.begin() + static_cast<std::ptrdiff_t>(position(gone)));
    const auto is_gone = [&](const Pair& of) { return of.sender == gone || of.receiver == gone; };
    const auto move_up = [&](Pair& of) {
      if (of.sender > gone) of.sender = WorkerIndex(of.sender.value() - 1);
      if (of.receiver > gone) of.receiver = WorkerIndex(of.receiver.value() - 1);
    };
    std::erase_if(problem_.required, is_gone);
    std::erase_if(problem_.ages, [&](const PairAge& aged) { return is_gone(aged.pair); });
    for (Pair& of : problem_.required) move_up(of);
    for (PairAge& aged : problem_.ages) move_up(aged.pair);
    planner_.leave(gone);
    // Those who needed more receivers than are left need all that are left.
    for (std::size_t i = 0; i < problem_.size(); ++i) {
      WorkerSpec& worker = problem_.workers[i];
      worker.min_receivers = std::min(worker.min_receivers, static_cast<int>(problem_.size()) - 1);
      planner_.set_min_receivers(testing::worker(i), worker.min_receivers);
    }
    last_ = Plan{std::vector<std::vector<Selection>>(problem_.size())};
  }

  Rng rng_;
  Problem problem_;
  ExactPlanner planner_;
  Plan last_;
  int joined_ = 0;
};

TEST(ExactPlanner, AfterAnyChangesPlansAsIfAfresh) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Changes changes(seed, seed % 10 == 0 ? 66 : 8);
    ASSERT_NO_FATAL_FAILURE(changes.check());
    for (int step = 0; step < 30; ++step) {
      SCOPED_TRACE(step);
      changes.change();
      if (step % 3 == 0) continue;
      ASSERT_NO_FATAL_FAILURE(changes.check());
    }
  }
}

}  // namespace
}  // namespace selmcast::plan
