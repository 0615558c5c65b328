#include "selmcast/sync/liars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "selmcast/sync/round_machine.h"
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

// Four workers with 40 Mbit/s, but for w2's downlink of 8, which is declared as 800; and w2 says that every delivery
// took a millisecond. 8 Mbit over its downlink take a second each, over others 0.2 s.
TEST(LiarInATraining, IsBlamedInPlaceOfItsSenders) {
  RoundSettings settings;
  settings.planner = plan::find_planner("paper");
  settings.min_receivers = MinReceivers::count(1);
  settings.max_age = 3;
  settings.bursts = false;
  RoundMachine machine(settings);
  const auto mbps = [](double rate) { return Rate::megabits_per_second(rate); };
  constexpr WorkerId kLiar(2);
  for (std::uint32_t id = 0; id < 4; ++id)
    machine.join(w(id), {"w", mbps(40), mbps(w(id) == kLiar ? 800 : 40), kModel, 8}, at(0));
  double now = 0;
  std::vector<Doubted> doubted;
  std::vector<Estimate> estimates;
  for (int round = 0; round < 12; ++round) {
    std::vector<RoundPlanned> plans;
    for (std::uint32_t id = 0; id < 4; ++id)
      for (RoundPlanned& plan : all<RoundPlanned>(machine.ready(w(id), machine.round(), at(now)).value()))
        plans.push_back(std::move(plan));
    ASSERT_THAT(plans, SizeIs(1));
    std::vector<Transfer> transfers = plans[0].transfers;
    const double to_liar = static_cast<double>(std::ranges::count(transfers, kLiar, &Transfer::receiver));
    const auto seconds = [&](const Transfer& t) {
      const double alone = (t.bytes / t.allocated).in_seconds();
      return t.receiver == kLiar ? std::max(alone, to_liar) : alone;
    };
    std::ranges::sort(transfers, {}, seconds);
    for (const Transfer& t : transfers) {
      const double took = seconds(t);
      const Duration claimed = t.receiver == kLiar ? s(0.001) : s(took);
      const auto actions =
          machine.delivered(t.receiver, {t.id, t.bytes, s(0), claimed}, at(now + took)).value();
      for (const RoundEnded& ended : all<RoundEnded>(actions)) estimates = ended.estimates;
      for (Doubted& one : all<Doubted>(actions)) doubted.push_back(std::move(one));
    }
    now += seconds(transfers.back());
  }
  for (const Doubted& one : doubted) EXPECT_EQ(one.worker, kLiar) << one.why;
  EXPECT_THAT(doubted, SizeIs(2));  // for its measurements, and for its declaration
  for (const Estimate& it : estimates) {
    EXPECT_TRUE(it.worker == kLiar || it.uplink > mbps(39)) << it.uplink.mbps();
    EXPECT_NEAR(it.downlink.mbps(), it.worker == kLiar ? 8 : 40, 0.5);
  }
}

}  // namespace
}  // namespace selmcast::sync
