#include "selmcast/plan/certificate_checker.h"

#include <gmock/gmock.h>

#include "selmcast/plan/plan_testing.h"

namespace selmcast::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_problem;
using testing::pair;
using testing::worker;
using TimeBound = Certificate::TimeBound;

Plan plan_of(std::size_t workers, const std::vector<Pair>& pairs) {
  Plan plan{std::vector<std::vector<Selection>>(workers)};
  for (const Pair& of : pairs) plan.selections[position(of.sender)].push_back({of.receiver, Reason::basic});
  return plan;
}

// Three workers of 6 bytes, each needs one receiver; downlinks 3, 2, 2 byte/s; uplinks 9. Before 3 s only w0
// can take a delivery (at 2 s), so three need 3 s; by then each takes one (w0 at 3 * 3 / 6 = 1.5).
Problem three() { return make_problem(MulticastKind::unicast, {{9, 3, 1, 6}, {9, 2, 1, 6}, {9, 2, 1, 6}}); }
Plan around() { return plan_of(3, {pair(0, 1), pair(1, 2), pair(2, 0)}); }

TEST(CertificateChecker, AcceptsAProof) {
  const Certificate proof{
      TimeBound::cut, std::nullopt, {worker(0), worker(1), worker(2)}, {worker(0), worker(1), worker(2)}};
  EXPECT_THAT(check_certificate(three(), around(), proof), IsEmpty());
}

TEST(CertificateChecker, RefusesACutThatDoesNotCut) {
  // w1 alone needs one delivery, and w0 could take it after 2 s.
  const Certificate wrong{TimeBound::cut, std::nullopt, {worker(1)}, {worker(0), worker(1), worker(2)}};
  EXPECT_THAT(check_certificate(three(), around(), wrong),
              ElementsAre(HasSubstr("the cut proves nothing: 1 deliveries are needed, 1 fit earlier")));
}

TEST(CertificateChecker, RefusesAPlanThatIsTooLate) {
  // w2 gets both and ends at 6 s: by any time before it each of the others takes two.
  const Plan late = plan_of(3, {pair(0, 2), pair(1, 2), pair(2, 0)});
  const Certificate proof{TimeBound::cut, std::nullopt, {worker(0), worker(1), worker(2)}, {}};
  EXPECT_THAT(check_certificate(three(), late, proof),
              Contains(HasSubstr("3 deliveries are needed, 4 fit earlier")));
}

TEST(CertificateChecker, RefusesACountThatLeavesRoom) {
  // By 4 s w0 takes two: 4 receivers are possible, and the plan of 4 s has 3. The cut {} says: 4 s * 9 / 6 =
  // 6, at most n - 1 = 2, for each of three uplinks.
  Problem slow = three();
  slow.workers[0].uplink = Rate::bits_per_second(8 * 1.5);
  const Certificate uplink{TimeBound::uplink, worker(0), {}, {worker(0), worker(1), worker(2)}};
  EXPECT_THAT(check_certificate(slow, around(), uplink),
              ElementsAre(HasSubstr("the plan has 3 receivers, and up to 4 are not ruled out")));
  const Certificate empty_cut{TimeBound::uplink, worker(0), {}, {}};
  EXPECT_THAT(check_certificate(slow, around(), empty_cut),
              ElementsAre(HasSubstr("up to 5 are not ruled out")));
  const Plan full = plan_of(3, {pair(0, 1), pair(1, 0), pair(1, 2), pair(2, 0)});
  EXPECT_THAT(check_certificate(slow, full, uplink), IsEmpty());
}

TEST(CertificateChecker, RefusesALinkThatIsDoneEarlier) {
  const Certificate uplink{TimeBound::uplink, worker(0), {}, {worker(0), worker(1), worker(2)}};
  EXPECT_THAT(check_certificate(three(), around(), uplink),
              ElementsAre(HasSubstr("the uplink of w0 would be done earlier")));
  const Certificate downlink{TimeBound::downlink, worker(1), {}, {worker(0), worker(1), worker(2)}};
  EXPECT_THAT(check_certificate(three(), around(), downlink),
              ElementsAre(HasSubstr("the downlink of w1 would be done earlier")));
  Problem required = three();
  required.required = {pair(0, 1)};
  EXPECT_THAT(check_certificate(required, around(), downlink), IsEmpty());
}

TEST(CertificateChecker, RefusesNonsense) {
  const Certificate stranger{TimeBound::cut, std::nullopt, {worker(7)}, {}};
  EXPECT_THAT(check_certificate(three(), around(), stranger), ElementsAre(HasSubstr("not there")));
  const Certificate twice{TimeBound::cut, std::nullopt, {worker(1), worker(1)}, {}};
  EXPECT_THAT(check_certificate(three(), around(), twice), ElementsAre(HasSubstr("twice")));
  const Certificate nothing{};
  EXPECT_THAT(check_certificate(three(), around(), nothing),
              Contains(HasSubstr("nothing is said to need it")));
  const Certificate nobody{TimeBound::uplink, std::nullopt, {}, {}};
  EXPECT_THAT(check_certificate(three(), around(), nobody), Contains(HasSubstr("names no uplink")));
  const Problem unequal = make_problem(MulticastKind::unicast, {{9, 3, 1, 6}, {9, 2, 1, 7}});
  EXPECT_THAT(check_certificate(unequal, plan_of(2, {}), nothing), ElementsAre(HasSubstr("volumes differ")));
}

}  // namespace
}  // namespace selmcast::plan
