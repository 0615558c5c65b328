#include "selmcast/plan/feasibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/lower_bound.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"
#include "selmcast/plan/planner.h"

namespace selmcast::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_problem;
using ::testing::Not;
using testing::pair;
using testing::worker;

// Three workers, all links up, nothing needed.
Problem three_workers() {
  return make_problem(MulticastKind::unicast, {{1, 1, 0, 1}, {1, 1, 0, 1}, {1, 1, 0, 1}});
}

TEST(Feasibility, OfLinksThatAreDownAndNotNeeded) {
  Problem problem = three_workers();
  problem.workers[0].uplink = problem.workers[1].downlink = Rate();
  problem.workers[1].min_receivers = 2;  // w0 and w2
  problem.required = {pair(2, 0)};
  EXPECT_FALSE(find_infeasibility(problem).has_value());
}

TEST(Feasibility, NamesASenderWhoseUplinkIsDown) {
  Problem problem = three_workers();
  problem.workers[1].uplink = Rate();
  problem.workers[1].min_receivers = 1;
  problem.required = {pair(1, 0), pair(1, 2)};
  const auto found = find_infeasibility(problem);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->reason, "worker w1 needs 2 receivers, but its uplink is down");
  EXPECT_THAT(found->senders, ElementsAre(worker(1)));
  EXPECT_THAT(found->receivers, IsEmpty());
  EXPECT_EQ(found->needed, 2);  // max(min_receivers = 1, two required ones)
  EXPECT_EQ(found->available, 0);
}

TEST(Feasibility, NamesARequiredPairWhoseReceiverIsCutOff) {
  Problem problem = three_workers();
  problem.workers[2].downlink = Rate();
  problem.required = {pair(0, 1), pair(1, 2)};
  const auto found = find_infeasibility(problem);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->reason, "the pair w1 -> w2 is required, but the downlink of w2 is down");
  EXPECT_THAT(found->senders, ElementsAre(worker(1)));
  EXPECT_THAT(found->receivers, ElementsAre(worker(2)));
  EXPECT_EQ(found->needed, 1);
  EXPECT_EQ(found->available, 0);
}

TEST(Feasibility, NamesASenderThatNeedsMoreThanThereAre) {
  Problem problem = three_workers();
  problem.workers[0].min_receivers = 2;
  EXPECT_FALSE(find_infeasibility(problem).has_value());
  problem.workers[1].downlink = Rate();
  const auto found = find_infeasibility(problem);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->reason, "worker w0 needs 2 receivers, but only 1 others have a downlink that is up");
  EXPECT_THAT(found->receivers, ElementsAre(worker(2)));
  EXPECT_EQ(found->needed, 2);
  EXPECT_EQ(found->available, 1);
  // The sender's own downlink is of no use to it.
  problem.workers[1].downlink = Rate::bits_per_second(1);
  problem.workers[0].min_receivers = 3;
  EXPECT_EQ(find_infeasibility(problem)->available, 2);
}

TEST(Feasibility, OfOneWorkerAlone) {
  Problem problem = make_problem(MulticastKind::network, {{1, 1, 0, 1}});
  EXPECT_FALSE(find_infeasibility(problem).has_value());
  problem.workers[0].min_receivers = 1;
  EXPECT_EQ(find_infeasibility(problem)->available, 0);
}

TEST(CheckInfeasible, RefusesWhatProvesNothing) {
  Problem problem = three_workers();
  problem.workers[2].downlink = Rate();
  problem.workers[0].min_receivers = 2;
  problem.required = {pair(0, 1)};
  const Infeasible proof{"", {worker(0)}, {worker(1)}, 2, 1};
  EXPECT_THAT(check_infeasible(problem, proof), IsEmpty());
  const auto refused = [&](auto change) {
    Infeasible claimed = proof;
    change(claimed);
    return check_infeasible(problem, claimed);
  };
  EXPECT_THAT(refused([](Infeasible& c) { c.senders = {}; }), ElementsAre("0 senders, not one"));
  EXPECT_THAT(refused([](Infeasible& c) { c.senders = {worker(3)}; }),
              ElementsAre("worker number 3 is not there"));
  EXPECT_THAT(refused([](Infeasible& c) { c.needed = 1; }),
              ElementsAre("1 deliveries are needed and 1 available"));
  const auto disproved = ElementsAre(HasSubstr("can make the"));
  EXPECT_THAT(refused([](Infeasible& c) { c.needed = 3; }), disproved);             // it needs 2
  EXPECT_THAT(refused([](Infeasible& c) { c.senders = {worker(1)}; }), disproved);  // w1 needs nobody
  EXPECT_THAT(refused([](Infeasible& c) { c.receivers = {}; }), disproved);         // its uplink is up
  EXPECT_THAT(refused([](Infeasible& c) { c.available = 0; }), disproved);          // w1 can be had
  EXPECT_THAT(refused([](Infeasible& c) { c = {"", {worker(0)}, {worker(1)}, 1, 0}; }), disproved);
  EXPECT_THAT(refused([](Infeasible& c) { c = {"", {worker(0)}, {worker(2)}, 1, 0}; }), disproved);
}

// Some links of a random problem down, some demands too high.
Problem damaged(std::uint64_t seed, std::size_t most_workers) {
  Rng rng(seed);
  Problem problem = testing::random_problem(
      {.most_workers = most_workers, .equal_volumes = seed % 2 == 0, .small_whole_rates = seed % 3 == 0},
      rng);
  for (WorkerSpec& spec : problem.workers) {
    if (rng.below(5) == 0) spec.uplink = Rate();
    if (rng.below(5) == 0) spec.downlink = Rate();
    if (rng.below(2) == 0) spec.min_receivers = 0;
    if (rng.below(20) == 0) spec.min_receivers = static_cast<int>(problem.size());
  }
  std::erase_if(problem.required, [&](const Pair&) { return rng.below(2) == 0; });
  return problem;
}

// Every plan over links that are up, by trying.
bool has_plan(const Problem& problem) {
  const std::size_t n = problem.size();
  for (std::uint32_t bits = 0; bits < (1U << (n * (n - 1))); ++bits) {
    Plan plan{std::vector<std::vector<Selection>>(n)};
    std::uint32_t left = bits;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        if (i == j) continue;
        if ((left & 1U) != 0) plan.selections[i].push_back({worker(j)});
        left >>= 1U;
      }
    }
    if (check_plan(problem, plan).empty()) return true;
  }
  return false;
}

TEST(Feasibility, AgreesWithTryingEverything) {
  int infeasible = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const Problem problem = damaged(seed, 3);
    const auto found = find_infeasibility(problem);
    ASSERT_EQ(!found.has_value(), has_plan(problem)) << "seed " << seed;
    if (!found) continue;
    ++infeasible;
    EXPECT_THAT(check_infeasible(problem, *found), IsEmpty()) << "seed " << seed;
  }
  EXPECT_GT(infeasible, 500);
  EXPECT_LT(infeasible, 2500);
}

TEST(Planners, AnswerEveryProblemWithAPlanOrAProof) {
  int infeasible = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Problem problem = damaged(seed, 12);
    ASSERT_TRUE(validate(problem).has_value()) << seed;
    const bool feasible = !find_infeasibility(problem).has_value();
    infeasible += feasible ? 0 : 1;
    for (const Planner& planner : planners()) {
      Rng rng(seed);
      const Outcome outcome = planner.plan(problem, rng);
      const auto* planned = std::get_if<Planned>(&outcome);
      ASSERT_EQ(planned != nullptr, feasible) << planner.name << ", seed " << seed;
      if (planned == nullptr) {
        EXPECT_THAT(check_infeasible(problem, std::get<Infeasible>(outcome)), IsEmpty())
            << planner.name << ", seed " << seed;
        continue;
      }
      EXPECT_THAT(check_plan(problem, planned->plan, completion_time(problem, planned->plan)), IsEmpty())
          << planner.name << ", seed " << seed;
      EXPECT_LE(lower_bound(problem).time, completion_time(problem, planned->plan)) << seed;
    }
  }
  EXPECT_GT(infeasible, 500);
  EXPECT_LT(infeasible, 1900);
}

TEST(PlanChecker, SeesLinksThatAreDown) {
  Problem problem = three_workers();
  problem.workers[0].uplink = problem.workers[2].downlink = Rate();
  EXPECT_THAT(check_plan(problem, Plan{{{{worker(2)}}, {}, {}}}),
              ElementsAre("w0 sends, but its uplink is down", "w0 sends to w2, whose downlink is down"));
  EXPECT_THAT(check_plan(problem, Plan{{{}, {{worker(0)}}, {}}}, Duration::seconds(1)), IsEmpty());
}

}  // namespace
}  // namespace selmcast::plan
