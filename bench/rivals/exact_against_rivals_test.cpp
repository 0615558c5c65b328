// `exact` against Dinic, Algorithm 1 and CBC on ten thousand problems of every kind that can go wrong.
#include <gmock/gmock.h>

#include <cmath>

#include "bench/rivals/dinic_planner.h"
#include "selmcast/mip/cbc_model.h"
#include "selmcast/plan/certificate_checker.h"
#include "selmcast/plan/exact_planner.h"
#include "selmcast/plan/paper_planner.h"
#include "selmcast/plan/plan_checker.h"
#include "selmcast/plan/plan_testing.h"

namespace selmcast::bench {
namespace {

using plan::Infeasible;
using plan::Planned;
using plan::Problem;
using ::testing::IsEmpty;

// n = 2 .. 14. Rates: few whole ones (ties and exact fits), uniform, over six powers of ten, some links down.
// Needs: none, all the same, uneven, impossible ones. Required pairs: none, few, many.
Problem any_problem(Rng& rng) {
  const std::size_t n = 2 + rng.below(13);
  const auto rates = rng.below(4);
  const auto needs = rng.below(8);
  const int common_need = static_cast<int>(rng.below(n));
  const double required = 0.2 * static_cast<double>(rng.below(3));
  const auto volume = static_cast<std::int64_t>(1 + rng.below(1'000'000'000));
  const auto rate = [&] {
    switch (rates) {
      case 0: return static_cast<double>(1 + rng.below(3));
      case 1: return rng.uniform(0.5, 1.5) * 1e6;
      case 2: return std::pow(10, rng.uniform(0, 6));
      default: return rng.below(10) == 0 ? 0.0 : static_cast<double>(1 + rng.below(4));
    }
  };
  const auto need = [&] {
    if (needs == 0) return 0;
    if (needs == 1 && rng.below(n) == 0) return static_cast<int>(n);
    return needs < 5 ? common_need : static_cast<int>(rng.below(n));
  };
  std::vector<plan::testing::TestWorker> workers;
  for (std::size_t i = 0; i < n; ++i) workers.push_back({rate(), rate(), need(), volume});
  using plan::MulticastKind;
  Problem problem = plan::testing::make_problem(
      rng.below(2) == 0 ? MulticastKind::network : MulticastKind::unicast, workers);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      if (rng.uniform() < required) problem.required.push_back(plan::testing::pair(i, j));
      problem.ages.push_back({plan::testing::pair(i, j), static_cast<std::uint32_t>(rng.below(5))});
    }
  }
  return problem;
}

// As the rule promises it: whoever has the same time and size has no more of the oldest pairs.
void expect_no_younger(const Problem& problem, const plan::Plan& exact, const plan::Plan& other) {
  if (completion_time(problem, other) != completion_time(problem, exact)) return;
  if (other.receiver_count() != exact.receiver_count()) return;
  EXPECT_GE(plan::testing::pairs_by_age(problem, exact), plan::testing::pairs_by_age(problem, other));
}

TEST(ExactPlanner, AgreesWithDinicAndIsNeverBehindAlgorithm1) {
  int infeasible = 0, same_as_paper = 0;
  for (std::uint64_t seed = 1; seed <= 10'000; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = any_problem(rng);
    ASSERT_TRUE(validate(problem).has_value());
    const plan::Outcome outcome = plan::plan_exactly(problem);
    if (const auto* none = std::get_if<Infeasible>(&outcome)) {
      ++infeasible;
      ASSERT_FALSE(has_plan_by_dinic(problem)) << none->reason;
      ASSERT_THAT(check_infeasible(problem, *none), IsEmpty());
      continue;
    }
    const auto& exact = std::get<Planned>(outcome);
    const plan::Plan dinic = plan_by_dinic(problem);
    ASSERT_THAT(check_plan(problem, exact.plan, completion_time(problem, dinic)), IsEmpty());
    ASSERT_EQ(completion_time(problem, exact.plan), completion_time(problem, dinic));
    ASSERT_EQ(exact.plan.receiver_count(), dinic.receiver_count());
    ASSERT_THAT(check_certificate(problem, exact.plan, exact.certificate.value()), IsEmpty());
    expect_no_younger(problem, exact.plan, dinic);
    const plan::Plan paper = plan::plan_by_paper(problem);
    ASSERT_LE(completion_time(problem, exact.plan), completion_time(problem, paper));
    same_as_paper += completion_time(problem, paper) == completion_time(problem, exact.plan) ? 1 : 0;
    expect_no_younger(problem, exact.plan, paper);
    if (HasFailure()) return;
  }
  // The test tests something: there are problems of all kinds.
  EXPECT_GT(infeasible, 500);
  EXPECT_GT(same_as_paper, 1000);
  EXPECT_LT(same_as_paper, 9000);
}

TEST(ExactPlanner, AgreesWithCbc) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Problem problem = plan::testing::random_problem({.most_workers = 8}, rng);
    const auto exact = std::get<Planned>(plan::plan_exactly(problem));
    const mip::CbcResult cbc = mip::solve_with_cbc(problem, {});
    ASSERT_EQ(cbc.count_status, mip::StageStatus::optimal);
    EXPECT_EQ(completion_time(problem, exact.plan), completion_time(problem, *cbc.plan));
    EXPECT_EQ(exact.plan.receiver_count(), cbc.plan->receiver_count());
  }
}

}  // namespace
}  // namespace selmcast::bench
