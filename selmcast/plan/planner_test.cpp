#include "selmcast/plan/planner.h"

#include <gtest/gtest.h>

#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

Plan planned(const Planner& planner, const Problem& problem, std::uint64_t seed) {
  Rng rng(seed);
  return std::get<Planned>(planner.plan(problem, rng)).plan;
}

TEST(Planners, AreFoundByName) {
  for (const Planner& planner : planners()) EXPECT_EQ(find_planner(planner.name), &planner);
  for (const auto* name : {"auto", "paper", "random", "broadcast"})
    EXPECT_NE(find_planner(name), nullptr) << name;
  EXPECT_EQ(find_planner("Paper"), nullptr);
  EXPECT_EQ(find_planner(""), nullptr);
}

TEST(Planners, AutoHandsOnToAPlannerWithAName) {
  Rng rng(1);
  const Problem problem = testing::random_problem({.most_workers = 30}, rng);
  EXPECT_NE(best_planner(problem).name, "auto");
  EXPECT_EQ(planned(*find_planner("auto"), problem, 1), planned(best_planner(problem), problem, 1));
}

TEST(Planners, AutoProvesEqualVolumesAndSearchesForOthers) {
  Rng rng(1);
  EXPECT_EQ(best_planner(testing::random_problem({.most_workers = 30}, rng)).name, "exact");
  EXPECT_EQ(best_planner(testing::random_problem({.most_workers = 30, .equal_volumes = false}, rng)).name,
            "search");
}

TEST(Planners, MeetAllConstraints) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    const Problem problem = testing::random_problem(
        {.most_workers = 40, .equal_volumes = seed % 2 == 0, .small_whole_rates = seed % 3 == 0}, rng);
    ASSERT_TRUE(validate(problem).has_value()) << seed;
    for (const Planner& planner : planners()) {
      const Plan plan = planned(planner, problem, seed);
      EXPECT_EQ(check_plan(problem, plan, completion_time(problem, plan)), std::vector<std::string>{})
          << planner.name << ", seed " << seed;
    }
  }
}

TEST(Planners, GiveTheSamePlanForTheSameSeed) {
  Rng rng(3);
  const Problem problem = testing::random_problem({.most_workers = 60}, rng);
  for (const Planner& planner : planners()) {
    EXPECT_EQ(planned(planner, problem, 8), planned(planner, problem, 8)) << planner.name;
  }
  EXPECT_NE(planned(*find_planner("random"), problem, 8), planned(*find_planner("random"), problem, 9));
}

TEST(Planners, DoNotCareInWhichOrderPairsAreNamed) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    Problem problem = testing::random_problem({.most_workers = 20}, rng);
    const Plan before = planned(*find_planner("paper"), problem, seed);
    rng.shuffle(std::span(problem.required));
    rng.shuffle(std::span(problem.ages));
    EXPECT_EQ(planned(*find_planner("paper"), problem, seed), before) << seed;
  }
}

}  // namespace
}  // namespace selmcast::plan
