#include "selmcast/plan/planner.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

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

// The same problem with the workers listed in another order: worker i stands at place[i].
Problem reordered(const Problem& problem, const std::vector<std::size_t>& place) {
  const auto moved = [&](Pair pair) {
    return testing::pair(place[position(pair.sender)], place[position(pair.receiver)]);
  };
  Problem result{problem.multicast, problem.workers, {}, {}};
  for (std::size_t i = 0; i < problem.size(); ++i) result.workers[place[i]] = problem.workers[i];
  for (const Pair& pair : problem.required) result.required.push_back(moved(pair));
  for (const PairAge& aged : problem.ages) result.ages.push_back({moved(aged.pair), aged.age});
  return result;
}

using NamedPairs = std::set<std::pair<std::string, std::string>>;
NamedPairs named_pairs(const Problem& problem, const Plan& plan) {
  NamedPairs pairs;
  for (std::size_t i = 0; i < problem.size(); ++i) {
    for (const Selection& selection : plan.selections[i])
      pairs.emplace(problem.workers[i].name, problem.worker(selection.receiver).name);
  }
  return pairs;
}

TEST(Planners, ExactDoesNotCareInWhichOrderWorkersAreListed) {
  // Ties fall by name, so the order of the list may not show: with equal rates (most ties), with a few that are down.
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Rng rng(seed);
    Problem problem =
        testing::random_problem({.most_workers = seed % 5 == 0 ? std::size_t{70} : std::size_t{12},
                                 .equal_volumes = true,
                                 .small_whole_rates = seed % 4 != 0},
                                rng);
    std::erase_if(problem.required, [&](const Pair&) { return rng.below(3) != 0; });
    for (WorkerSpec& worker : problem.workers) {
      worker.min_receivers /= 1 + static_cast<int>(rng.below(4));
      if (seed % 3 == 0) worker.uplink = worker.downlink = Rate::bits_per_second(8);
      if (seed % 7 == 0 && rng.below(8) == 0) worker.downlink = Rate();
    }
    std::vector<std::size_t> place(problem.size());
    std::iota(place.begin(), place.end(), std::size_t{0});
    rng.shuffle(std::span(place));
    const Problem other = reordered(problem, place);
    const Outcome first = find_planner("exact")->plan(problem, rng);
    const Outcome second = find_planner("exact")->plan(other, rng);
    ASSERT_EQ(first.index(), second.index()) << "seed " << seed;
    if (std::holds_alternative<Infeasible>(first)) continue;
    EXPECT_EQ(named_pairs(problem, std::get<Planned>(first).plan),
              named_pairs(other, std::get<Planned>(second).plan))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace selmcast::plan
