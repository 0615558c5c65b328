#include "selmcast/plan/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using ::testing::HasSubstr;
using testing::pair;
using Part = Fault::Part;

Problem valid() {
  Problem problem = testing::make_problem(MulticastKind::unicast, {{1, 1, 1, 1}, {1, 1, 2, 1}, {1, 1, 0, 1}});
  problem.required = {pair(0, 1), pair(1, 0)};
  problem.ages = {{pair(0, 2), 3}};
  return problem;
}

// The fault must be found in this part, at this index, with this text.
void expect_fault(const Problem& problem, Part part, std::size_t index, const std::string& text) {
  const auto fault = first_fault(problem);
  ASSERT_TRUE(fault.has_value()) << text;
  EXPECT_EQ(fault->part, part);
  EXPECT_EQ(fault->index, index);
  EXPECT_THAT(fault->message, HasSubstr(text));
  const auto checked = validate(problem);
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, ErrorCode::invalid_input);
  EXPECT_EQ(checked.error().message, fault->message);
}

TEST(Validate, AcceptsAValidProblem) { EXPECT_TRUE(validate(valid()).has_value()); }

TEST(Validate, AcceptsOneWorkerAlone) {
  EXPECT_TRUE(validate(testing::make_problem(MulticastKind::network, {{1, 1, 0, 1}})).has_value());
}

TEST(Validate, RefusesNoWorkersAndTooMany) {
  Problem problem;
  expect_fault(problem, Part::workers, 0, "name at least one");
  problem.workers.resize(kMaxWorkers + 1);
  expect_fault(problem, Part::workers, 0, "at most 16384");
}

TEST(Validate, RefusesRatesThatAreNegativeOrNotFinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double bps :
       {-1.0, kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(), 1e19, 1e-9}) {
    Problem problem = valid();
    problem.workers[1].uplink = Rate::bits_per_second(bps);
    expect_fault(problem, Part::uplink, 1, "worker w1: the uplink is");
    problem = valid();
    problem.workers[2].downlink = Rate::bits_per_second(bps);
    expect_fault(problem, Part::downlink, 2, "worker w2: the downlink is");
  }
}

TEST(Validate, AcceptsTheLimitsThemselves) {
  Problem problem = valid();
  problem.workers[0].uplink = kMinRate;
  problem.workers[0].downlink = kMaxRate;
  problem.workers[0].volume = kMaxVolume;
  EXPECT_TRUE(validate(problem).has_value());
}

TEST(Validate, RefusesVolumesOutOfRange) {
  for (const std::int64_t volume : {std::int64_t{0}, std::int64_t{-5}, kMaxVolume.count() + 1}) {
    Problem problem = valid();
    problem.workers[0].volume = Bytes(volume);
    expect_fault(problem, Part::volume, 0, "worker w0: the volume is");
  }
}

TEST(Validate, RefusesFewerReceiversThanNone) {
  Problem problem = valid();
  problem.workers[1].min_receivers = -1;
  expect_fault(problem, Part::min_receivers, 1, "worker w1: min_receivers is -1; give 0 or more");
}

TEST(Validate, LeavesToFeasibilityWhatNoPlanCanDo) {
  Problem problem = valid();
  problem.workers[0].uplink = Rate();
  problem.workers[1].downlink = Rate();
  problem.workers[2].min_receivers = 3;  // there are 2 others
  EXPECT_TRUE(validate(problem).has_value());
}

TEST(Validate, RefusesEmptyAndEqualNames) {
  Problem problem = valid();
  problem.workers[2].name = "";
  expect_fault(problem, Part::name, 2, "empty name");
  problem.workers[2].name = "w0";
  expect_fault(problem, Part::name, 2, "number 0 and 2 are both named w0");
}

TEST(Validate, RefusesPairsThatJoinNobody) {
  Problem problem = valid();
  problem.required.push_back(pair(2, 2));
  expect_fault(problem, Part::required, 2, "joins w2 with itself");
  problem.required.back() = pair(0, 3);
  expect_fault(problem, Part::required, 2, "not there");
  problem = valid();
  problem.ages.push_back({pair(3, 0), 1});
  expect_fault(problem, Part::ages, 1, "not there");
}

TEST(Validate, RefusesPairsThatStandTwice) {
  Problem problem = valid();
  problem.required.push_back(pair(0, 1));
  expect_fault(problem, Part::required, 2, "required pair w0 -> w1 stands twice (number 0 and 2)");
  problem = valid();
  problem.ages.push_back({pair(0, 2), 1});
  expect_fault(problem, Part::ages, 1, "aged pair w0 -> w2 stands twice");
}

}  // namespace
}  // namespace selmcast::plan
