#include "selmcast/sync/liars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr WorkerId kWorker(1);

TEST(Liars, AnHonestReportIsBelieved) {
  Liars liars;
  // Reported 0.1 s after it ended: 2 * 1.9 + 0.5 >= 2.
  const Liars::Times times = liars.hear(kWorker, {s(0.2), s(1.9)}, s(2));
  EXPECT_EQ(times.started, s(0.2));
  EXPECT_EQ(times.finished, s(1.9));
  EXPECT_THAT(liars.named(), IsEmpty());
}

TEST(Liars, NothingTookLongerThanThePlanIsOld) {
  Liars liars;
  const Liars::Times times = liars.hear(kWorker, {s(5), s(9)}, s(2));
  EXPECT_EQ(times.started, s(2));
  EXPECT_EQ(times.finished, s(2));
}

TEST(Liars, WhoClaimsToBeFastIsPlannedByTheManagersClockAndNamedOnceAfterThreeClaims) {
  Liars liars;
  for (int k = 0; k < 10; ++k) {
    for (const std::uint32_t other : {0U, 2U}) liars.hear(WorkerId(other), {s(0.1), s(0.2)}, s(0.3));
    // 2 * 0.02 + 0.5 = 0.54 < 2.
    const Liars::Times times = liars.hear(kWorker, {s(0.01), s(0.02)}, s(2));
    EXPECT_EQ(times.started, s(0.01));
    EXPECT_EQ(times.finished, k < 2 ? s(0.02) : s(2));
    const auto named = liars.named();
    EXPECT_THAT(named, SizeIs(k == 2 ? 1 : 0));
    if (!named.empty()) {
      EXPECT_THAT(named[0].why, HasSubstr("took 0.02 s, and reports it after 2 s"));
    }
  }
}

// A disk that takes a second for each commit makes all reports old.
TEST(Liars, AManagerThatIsSlowToHearDoubtsNobody) {
  Liars liars;
  for (int k = 0; k < 10; ++k) {
    for (const std::uint32_t worker : {0U, 1U, 2U})
      EXPECT_EQ(liars.hear(WorkerId(worker), {s(0.1), s(0.2)}, s(3)).finished, s(0.2));
  }
  EXPECT_THAT(liars.named(), IsEmpty());
}

TEST(Liars, AReportThatWasLateOnceIsForgotten) {
  Liars liars;
  for (int k = 0; k < 10; ++k) {
    for (const std::uint32_t other : {0U, 2U}) liars.hear(WorkerId(other), {s(0.1), s(0.2)}, s(0.3));
    liars.hear(kWorker, {s(0.1), s(0.2)}, s(3));
    liars.hear(kWorker, {s(0.1), s(0.2)}, s(3));
    liars.hear(kWorker, {s(0.1), s(0.2)}, s(0.3));
  }
  EXPECT_THAT(liars.named(), IsEmpty());
}

TEST(Liars, ALinkThatCarriesAHundredthOfWhatWasDeclaredIsNamedOnce) {
  Liars liars;
  const auto mbps = [](double rate) { return Rate::megabits_per_second(rate); };
  const Liars::Link link{kWorker, mbps(100), mbps(800), mbps(100), mbps(8)};
  liars.look(link);
  EXPECT_THAT(liars.named(), IsEmpty());
  liars.look(link);
  const auto named = liars.named();
  ASSERT_THAT(named, SizeIs(1));
  EXPECT_EQ(named[0].worker, kWorker);
  EXPECT_THAT(named[0].why, HasSubstr("downlink carries 8.0 Mbit/s, and it declared 800"));
  for (int k = 0; k < 5; ++k) liars.look(link);
  EXPECT_THAT(liars.named(), IsEmpty());
}

TEST(Liars, ADeclarationThatIsWrongByAFactorOfTwoIsNoLie) {
  Liars liars;
  const Rate real = Rate::megabits_per_second(50), declared = Rate::megabits_per_second(100);
  for (int k = 0; k < 5; ++k) liars.look({kWorker, declared, declared, real, real});
  EXPECT_THAT(liars.named(), IsEmpty());
}

}  // namespace
}  // namespace selmcast::sync
