#include "selmcast/sync/donors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Uplinks by id, in Mbit/s.
std::vector<WorkerPair> donors(const std::vector<double>& uplinks, std::vector<WorkerId> comers) {
  std::vector<WorkerId> others;
  for (std::uint32_t id = 0; id < uplinks.size(); ++id) others.push_back(w(id));
  return choose_donors(others, comers,
                       {[&](WorkerId id) { return Rate::megabits_per_second(uplinks[id.value()]); }});
}

TEST(Donors, TheThreeWithTheGreatestUplinksGive) {
  EXPECT_THAT(donors({10, 40, 20, 30, 5}, {w(9)}),
              ElementsAre(WorkerPair{w(1), w(9)}, WorkerPair{w(2), w(9)}, WorkerPair{w(3), w(9)}));
}

TEST(Donors, FewerThanThreeAllGiveAndNobodyIsNobody) {
  EXPECT_THAT(donors({10, 40}, {w(9)}), ElementsAre(WorkerPair{w(0), w(9)}, WorkerPair{w(1), w(9)}));
  EXPECT_THAT(donors({}, {w(9)}), IsEmpty());
}

// w8 takes w0, w1, w2 (40, 30, 20 before 15, 15). Then they have 20, 15, 10 left against 15, 15 of w3 and w4: w0, and
// of the three with 15 the lowest ids, w1 and w3.
TEST(Donors, SeveralComersAreSpread) {
  EXPECT_THAT(donors({40, 30, 20, 15, 15}, {w(8), w(9)}),
              ElementsAre(WorkerPair{w(0), w(8)}, WorkerPair{w(1), w(8)}, WorkerPair{w(2), w(8)},
                          WorkerPair{w(0), w(9)}, WorkerPair{w(1), w(9)}, WorkerPair{w(3), w(9)}));
}

// w1, the best, does not reach w9: the next three do. After one attempt in vain two are enough, and never fewer than
// one.
TEST(Donors, WhoDoesNotReachItIsNotAskedAndEachAttemptAsksForOneFewer) {
  const auto asked = [](std::uint32_t attempts) {
    const std::vector<WorkerId> others = {w(0), w(1), w(2), w(3), w(4)};
    const std::vector<WorkerId> comers = {w(9)};
    return choose_donors(
        others, comers,
        {[](WorkerId id) { return Rate::megabits_per_second(id == w(1) ? 100 : 10); },
         [](WorkerPair pair) { return pair.sender != w(1); }, [attempts](WorkerId) { return attempts; }});
  };
  EXPECT_THAT(asked(0), ElementsAre(WorkerPair{w(0), w(9)}, WorkerPair{w(2), w(9)}, WorkerPair{w(3), w(9)}));
  EXPECT_THAT(asked(1), ElementsAre(WorkerPair{w(0), w(9)}, WorkerPair{w(2), w(9)}));
  EXPECT_THAT(asked(2), ElementsAre(WorkerPair{w(0), w(9)}));
  EXPECT_THAT(asked(7), ElementsAre(WorkerPair{w(0), w(9)}));
}

}  // namespace
}  // namespace selmcast::sync
