#include "bench/ssp_bench.h"

#include <gtest/gtest.h>

namespace selmcast::rivals {
namespace {

TEST(SspBench, MeasuresBothOnTheSamePlanOfAValidProblem) {
  for (const SspBenchCase& bench_case : ssp_bench_cases(true)) {
    const auto valid = plan::validate(ssp_bench_problem(bench_case, 1));
    EXPECT_TRUE(valid.has_value()) << valid.error().message;
    const SspBenchResult result = run_ssp_bench(bench_case, 3);
    EXPECT_TRUE(result.plans_agree) << bench_case.name;
    EXPECT_GT(result.fast, Duration());
    EXPECT_GT(result.literal, Duration());
    // 49 of the ready worker and 20 times 10 to 30.
    EXPECT_GE(result.candidates, 49U + 200U);
    EXPECT_LE(result.candidates, 49U + 600U);
  }
}

TEST(SspBench, HasTheSizeThatWasAskedFor) {
  // 300 running multicasts of about 400 receivers at 1000 workers: 120,000 candidates, and 999 of the ready worker.
  for (const SspBenchCase& bench_case : ssp_bench_cases(false)) {
    if (bench_case.workers != 1000) continue;
    std::size_t candidates = 0;
    const plan::SspProblem problem = ssp_bench_problem(bench_case, 1);
    for (const plan::RunningMulticast& multicast : problem.active) candidates += multicast.receivers.size();
    EXPECT_EQ(problem.active.size(), 300U);
    EXPECT_NEAR(static_cast<double>(candidates), 120'000, 6'000);
  }
}

}  // namespace
}  // namespace selmcast::rivals
