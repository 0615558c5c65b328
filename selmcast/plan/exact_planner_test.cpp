#include "selmcast/plan/exact_planner.h"

#include <gmock/gmock.h>

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

TEST(ExactPlanner, AgreesWithTryingEverything) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = random_problem({.most_workers = 4, .small_whole_rates = seed % 2 == 0}, rng);
    const auto best = brute_force(problem);
    const Planned planned = checked(problem);
    EXPECT_EQ(completion_time(problem, planned.plan), best.time);
    EXPECT_EQ(planned.plan.receiver_count(), best.receiver_count);
    EXPECT_EQ(pairs_by_age(problem, planned.plan), best.by_age);
    if (HasFailure()) return;
  }
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
