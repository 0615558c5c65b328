#include "selmcast/plan/ssp_problem.h"

#include <gtest/gtest.h>

#include <limits>

#include "selmcast/plan/ssp_testing.h"

namespace selmcast::plan {
namespace {

using testing::make_problem;
using testing::pair;
using testing::random_ssp_problem;
using testing::running;
using testing::worker;
using Part = SspFault::Part;

// w3 is ready; w1 sends 10 bytes to w0 and w2 and has delivered to w4.
SspProblem valid() {
  SspProblem problem;
  problem.base = make_problem(MulticastKind::unicast,
                              {{1, 1, 1, 10}, {1, 1, 2, 10}, {1, 1, 1, 10}, {1, 1, 1, 10}, {1, 1, 1, 10}});
  problem.ready = worker(3);
  problem.active = {running(1, 0.5, {{0, 10}, {2, 0}}, {4})};
  problem.base.required = {pair(1, 4), pair(1, 0), pair(0, 2), pair(3, 1)};
  return problem;
}

void expect_fault(const SspProblem& problem, Part part, std::size_t index, std::size_t element,
                  const std::string& words) {
  const auto fault = first_ssp_fault(problem);
  ASSERT_TRUE(fault.has_value()) << words;
  EXPECT_EQ(fault->part, part);
  EXPECT_EQ(fault->index, index);
  EXPECT_EQ(fault->element, element);
  EXPECT_NE(fault->message.find(words), std::string::npos) << fault->message;
  const auto result = validate(problem);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::invalid_input);
  EXPECT_EQ(result.error().message, fault->message);
}

TEST(SspProblem, TakesRequiredPairsThatAreDeliveredRunningOrNotYetTheirTime) {
  const auto result = validate(valid());
  EXPECT_TRUE(result.has_value()) << result.error().message;
}

TEST(SspProblem, TakesBothEndsOfEveryRange) {
  SspProblem problem = valid();
  for (const double keep_fraction : {0.0, 1.0}) {
    problem.keep_fraction = keep_fraction;
    EXPECT_TRUE(validate(problem).has_value());
  }
  problem.active.clear();
  EXPECT_TRUE(validate(problem).has_value());
}

TEST(SspProblem, RefusesAFaultyBaseFirst) {
  SspProblem problem = valid();
  problem.base.workers[2].volume = Bytes(0);
  problem.keep_fraction = 7;
  const auto result = validate(problem);
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("worker w2: the volume"), std::string::npos);
}

TEST(SspProblem, RefusesNumbersOutOfRange) {
  SspProblem problem = valid();
  problem.ready = worker(5);
  expect_fault(problem, Part::ready, 0, 0, "worker number 5 is ready, but there are only 5");
  for (const double wrong : {-0.1, std::numeric_limits<double>::infinity(), std::nan("")}) {
    problem = valid();
    problem.ready_wait = Duration::seconds(wrong);
    expect_fault(problem, Part::ready_wait, 0, 0, "the wait of w3");
    problem = valid();
    problem.active[0].wait = Duration::seconds(wrong);
    expect_fault(problem, Part::wait, 0, 0, "the wait of w1");
  }
  for (const double wrong : {-0.1, 1.1, std::nan("")}) {
    problem = valid();
    problem.keep_fraction = wrong;
    expect_fault(problem, Part::keep_fraction, 0, 0, "give 0 to 1");
  }
  for (const std::int64_t wrong : {-1, 11}) {
    problem = valid();
    problem.active[0].receivers[1].remaining = Bytes(wrong);
    expect_fault(problem, Part::remaining, 0, 1, "w1 -> w2");
  }
}

TEST(SspProblem, RefusesSendersThatCannotBeRunning) {
  SspProblem problem = valid();
  problem.active.push_back(running(5, 0, {}));
  expect_fault(problem, Part::sender, 1, 0, "worker number 5 sends");
  problem.active[1] = running(3, 0, {});
  expect_fault(problem, Part::sender, 1, 0, "w3 is the ready worker");
  problem.active[1] = running(1, 0, {});
  expect_fault(problem, Part::sender, 1, 0, "w1 has two running multicasts");
}

TEST(SspProblem, RefusesReceiversThatCannotBe) {
  SspProblem problem = valid();
  problem.active[0].receivers.push_back({worker(5), Bytes(1)});
  expect_fault(problem, Part::receiver, 0, 2, "w1 sends to worker number 5");
  problem.active[0].receivers[2].receiver = worker(1);
  expect_fault(problem, Part::receiver, 0, 2, "w1 sends to itself");
  problem.active[0].receivers[2].receiver = worker(4);
  expect_fault(problem, Part::receiver, 0, 2, "w1 names w4 twice");
  problem = valid();
  problem.active[0].delivered.push_back(worker(4));
  expect_fault(problem, Part::delivered, 0, 1, "w1 names w4 twice");
}

TEST(SspProblem, RefusesARequiredPairThatWasDropped) {
  SspProblem problem = valid();
  problem.base.required.push_back(pair(1, 3));
  expect_fault(problem, Part::required, 4, 0, "required pair w1 -> w3");
}

TEST(SspProblem, NamesTheFirstLostPairOfSeveral) {
  SspProblem problem = valid();
  problem.active.push_back(running(0, 0, {{1, 3}}));  // has lost w2, which is number 2 of `required`
  problem.base.required.push_back(pair(1, 3));
  expect_fault(problem, Part::required, 2, 0, "required pair w0 -> w2");
}

TEST(SspProblem, RandomOnesAreValid) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    const auto result =
        validate(random_ssp_problem({.most_workers = 9, .small_whole_rates = seed % 2 == 0}, rng));
    EXPECT_TRUE(result.has_value()) << "seed " << seed << ": " << result.error().message;
  }
}

}  // namespace
}  // namespace selmcast::plan
