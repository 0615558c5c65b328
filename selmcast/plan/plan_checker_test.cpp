#include "selmcast/plan/plan_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_problem;
using ::testing::Not;
using testing::pair;
using testing::worker;

// w0 needs 2 receivers and w3 among them; all links 1 byte/s, 1 byte.
Problem four_workers() {
  Problem problem =
      make_problem(MulticastKind::unicast, {{1, 1, 2, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}});
  problem.required = {pair(0, 3)};
  return problem;
}
Plan plan_to(std::vector<std::size_t> receivers_of_w0) {
  Plan plan{std::vector<std::vector<Selection>>(4)};
  for (const std::size_t j : receivers_of_w0) plan.selections[0].push_back({worker(j), Reason::basic});
  return plan;
}

TEST(PlanChecker, PassesAValidPlan) {
  // w0's uplink carries 2 bytes at 1 byte/s.
  EXPECT_THAT(check_plan(four_workers(), plan_to({1, 3}), Duration::seconds(2)), IsEmpty());
}

TEST(PlanChecker, NamesEachViolation) {
  const Problem problem = four_workers();
  EXPECT_THAT(check_plan(problem, plan_to({1, 2})), ElementsAre("required pair w0 -> w3 is missing"));
  EXPECT_THAT(check_plan(problem, plan_to({3})), ElementsAre("w0 has 1 receivers and needs 2"));
  EXPECT_THAT(check_plan(problem, plan_to({0, 1, 3})), ElementsAre("w0 sends to itself"));
  EXPECT_THAT(check_plan(problem, plan_to({1, 3, 3})), ElementsAre("w0 sends to w3 twice"));
  EXPECT_THAT(check_plan(problem, plan_to({3, 1})),
              ElementsAre("w0's receivers are not in ascending order at w1"));
  EXPECT_THAT(check_plan(problem, plan_to({1, 3, 4})),
              ElementsAre("w0 sends to worker number 4, but there are only 4"));
  EXPECT_THAT(check_plan(problem, Plan{}), ElementsAre("the plan has 0 senders, the problem 4 workers"));
}

TEST(PlanChecker, DoesNotCountInvalidReceivers) {
  EXPECT_THAT(check_plan(four_workers(), plan_to({0, 3})),
              Contains(HasSubstr("has 1 receivers and needs 2")));
  EXPECT_THAT(check_plan(four_workers(), plan_to({3, 3})),
              Contains(HasSubstr("has 1 receivers and needs 2")));
}

TEST(PlanChecker, RecomputesTheCompletionTime) {
  const Problem problem = four_workers();
  for (const double claimed : {1.9999999, 2.0000001, 0.0, 1e300, -2.0}) {
    EXPECT_THAT(check_plan(problem, plan_to({1, 3}), Duration::seconds(claimed)),
                ElementsAre(HasSubstr("the completion time is 2 s, but")));
  }
  EXPECT_THAT(check_plan(problem, plan_to({1, 3}), Duration::infinite()), Not(IsEmpty()));
  EXPECT_THAT(check_plan(problem, plan_to({1, 3}), Duration::seconds(std::nan(""))), Not(IsEmpty()));
}

TEST(PlanChecker, CatchesPlansBrokenAtRandom) {
  // Whatever is broken in a good plan must show: a dropped required pair, a sender with too few, a doubled
  // receiver, two swapped ones, a receiver out of range, the sender itself, a wrong time.
  int broken = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    const Problem problem = testing::random_problem({.most_workers = 12, .equal_volumes = false}, rng);
    const Plan plan = plan_by_paper(problem);
    const Duration time = completion_time(problem, plan);
    for (std::size_t i = 0; i < problem.size(); ++i) {
      if (plan.selections[i].empty()) continue;
      std::vector<Plan> mutants;
      const auto mutate = [&](auto change) { change(mutants.emplace_back(plan).selections[i]); };
      mutate([&](auto& row) { row.push_back(row.back()); });
      mutate([&](auto& row) { row.back().receiver = worker(problem.size()); });
      mutate([&](auto& row) { row[rng.below(row.size())].receiver = worker(i); });
      if (plan.selections[i].size() > 1) mutate([&](auto& row) { std::swap(row.front(), row.back()); });
      if (plan.selections[i].front().reason == Reason::required)
        mutate([&](auto& row) { row.erase(row.begin()); });
      const auto least = static_cast<std::size_t>(problem.workers[i].min_receivers);
      if (least > 0) mutate([&](auto& row) { row.resize(least - 1); });
      for (const Plan& mutant : mutants) {
        EXPECT_THAT(check_plan(problem, mutant), Not(IsEmpty())) << "seed " << seed << ", sender " << i;
      }
      broken += static_cast<int>(mutants.size());
      EXPECT_THAT(check_plan(problem, plan, time * 1.000001), Not(IsEmpty())) << seed;
    }
  }
  EXPECT_GT(broken, 1000);
}

}  // namespace
}  // namespace selmcast::plan
