#include "selmcast/plan/ssp_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/plan/ssp_testing.h"

namespace selmcast::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_problem;
using testing::pair;
using testing::running;
using testing::worker;

// w0 is ready and needs one receiver. w1 still sends 6 of 10 bytes to w2 and 4 to w3, has delivered to w0
// and needs two receivers.
SspProblem problem() {
  SspProblem result;
  result.base =
      make_problem(MulticastKind::unicast, {{5, 1, 1, 10}, {1, 1, 2, 10}, {1, 2, 0, 10}, {1, 1, 0, 10}});
  result.ready = worker(0);
  result.active = {running(1, 0, {{3, 4}, {2, 6}}, {0})};
  result.base.required = {pair(1, 0), pair(0, 2)};
  return result;
}

// Down: w2 has 10 + 6 bytes at 2 byte/s. Up: w0 10 at 5, w1 6 at 1. So 8 s.
SspPlan good() {
  return {{{worker(0), {{worker(2), Reason::required}}, {}},
           {worker(1), {{worker(2), Reason::kept}}, {worker(3)}}}};
}

TEST(SspChecker, TakesAPlanThatKeepsItsPromises) {
  EXPECT_THAT(check_plan(problem(), good(), Duration::seconds(8)), IsEmpty());
  EXPECT_EQ(completion_time(problem(), good()), Duration::seconds(8));
}

TEST(SspChecker, CountsANetworkMulticastOnceOnItsUplink) {
  // w1 goes on to w2 (6 bytes) and w3 (4): its uplink of 1 byte/s carries max(6, 4) = 6 s as network multicast, 10 s as
  // unicast. Down: w2 8 s as above, w3 4 s.
  SspPlan plan = good();
  plan.senders[1] = {worker(1), {{worker(2), Reason::kept}, {worker(3), Reason::kept}}, {}};
  SspProblem network = problem();
  network.base.multicast = MulticastKind::network;
  EXPECT_THAT(check_plan(network, plan, Duration::seconds(8)), IsEmpty());
  EXPECT_EQ(completion_time(network, plan), Duration::seconds(8));
  EXPECT_THAT(check_plan(problem(), plan, Duration::seconds(10)), IsEmpty());
  EXPECT_EQ(completion_time(problem(), plan), Duration::seconds(10));
}

TEST(SspChecker, SeesWrongSenders) {
  SspPlan plan = good();
  plan.senders.pop_back();
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("senders")));
  plan = good();
  std::swap(plan.senders[0], plan.senders[1]);
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("senders")));
}

TEST(SspChecker, SeesReceiversThatAreNoCandidates) {
  SspPlan plan = good();
  plan.senders[1].receivers.insert(plan.senders[1].receivers.begin(), {worker(0), Reason::basic});
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("w1 -> w0 is selected, but no candidate")));
  plan = good();
  plan.senders[0].receivers.push_back({worker(9), Reason::basic});
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("w0 -> number 9")));
}

TEST(SspChecker, SeesDoubleAndDisorderedReceivers) {
  SspPlan plan = good();
  plan.senders[0].receivers.push_back(plan.senders[0].receivers[0]);
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("not in ascending order at w2")));
}

TEST(SspChecker, SeesALinkThatIsDown) {
  SspProblem down = problem();
  down.base.workers[2].downlink = Rate();
  EXPECT_THAT(check_plan(down, good()),
              ElementsAre(HasSubstr("w0 -> w2 is selected over a link that is down"),
                          HasSubstr("w1 -> w2 is selected over a link that is down")));
}

TEST(SspChecker, SeesUnmetNeeds) {
  SspPlan plan = good();
  plan.senders[1] = {worker(1), {}, {worker(2), worker(3)}};
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("w1 has 0 receivers and still needs 1")));
  plan = good();
  plan.senders[0].receivers.clear();
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("w0 has 0 receivers and still needs 1"),
                                                       HasSubstr("required pair w0 -> w2 is missing")));
}

TEST(SspChecker, AsksNoMoreOfARunningMulticastThanItHasLeft) {
  SspProblem needy = problem();
  needy.base.workers[1].min_receivers = 3;  // one delivered, two left: both are needed
  EXPECT_THAT(check_plan(needy, good()), ElementsAre(HasSubstr("w1 has 1 receivers and still needs 2")));
  needy.active[0].receivers.erase(needy.active[0].receivers.begin());  // w3 crashed: w2 is all there is
  SspPlan plan = good();
  plan.senders[1].dropped.clear();
  EXPECT_THAT(check_plan(needy, plan), IsEmpty());
}

TEST(SspChecker, SeesWrongDroppedReceivers) {
  SspPlan plan = good();
  plan.senders[1].dropped.clear();
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("w1's dropped receivers")));
  plan = good();
  plan.senders[0].dropped = {worker(3)};  // the ready worker has nobody to drop
  EXPECT_THAT(check_plan(problem(), plan), ElementsAre(HasSubstr("w0's dropped receivers")));
}

TEST(SspChecker, SeesAWrongClaim) {
  EXPECT_THAT(check_plan(problem(), good(), Duration::seconds(8.0001)),
              ElementsAre(HasSubstr("the completion time is 8 s")));
}

}  // namespace
}  // namespace selmcast::plan
