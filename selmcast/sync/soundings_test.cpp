#include "selmcast/sync/soundings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "selmcast/plan/planner.h"
#include "selmcast/sync/round_machine.h"
#include "selmcast/sync/sync_testing.h"

namespace selmcast::sync::soundings {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

Rate mbps(double value) { return Rate::megabits_per_second(value); }
plan::Pair pair(std::uint32_t from, std::uint32_t to) { return {WorkerIndex(from), WorkerIndex(to)}; }

// Four workers with 100 Mbit/s each way but w3's downlink of 10; models of 20 MB. w0 sends to w1 and w2 at 50 each, w1
// to w2 at 50, w2 and w3 to w0 at 50: so the plan takes 3.2 s; w1, w2 and w3 have 50 of their uplinks to spare.
struct PlannedSoundings : ::testing::Test {
  PlannedSoundings() {
    for (std::uint32_t k = 0; k < 4; ++k) {
      problem.workers.push_back({to_string(w(k)), mbps(100), mbps(k == 3 ? 10 : 100), 0, Bytes(20'000'000)});
      estimator.join(w(k), mbps(100), mbps(k == 3 ? 10 : 100));
      ids.push_back(w(k));
    }
    for (const auto& it : {pair(0, 1), pair(0, 2), pair(1, 2), pair(2, 0), pair(3, 0)})
      allocated.push_back({it, mbps(50)});
  }
  std::vector<Sounding> plan(std::uint64_t round = 0) const {
    return plan_soundings(problem, allocated, estimator, {ids, Round(round)}, silent, out);
  }
  plan::Problem problem;
  BandwidthEstimator estimator;
  std::vector<WorkerId> ids;
  std::vector<PairRate> allocated;
  std::vector<bool> silent = std::vector<bool>(8);
  std::vector<plan::Pair> out;
};

TEST_F(PlannedSoundings, ASilentDownlinkGetsThriceItsEstimateFromWhoHasMostToSpare) {
  EXPECT_THAT(plan(), IsEmpty());
  silent[4 + 3] = true;
  const auto soundings = plan();
  ASSERT_THAT(soundings, SizeIs(1));
  EXPECT_EQ(soundings[0].pair, pair(1, 3));  // w0 has nothing to spare
  // If it carries 10, 30 Mbit/s times 0.3 s take 0.9 s.
  EXPECT_EQ(soundings[0].rate, mbps(30));
  EXPECT_EQ(soundings[0].bytes, mbps(30) * s(0.3));
  EXPECT_EQ(plan(2)[0].pair, pair(2, 3));  // not always the same
}

TEST_F(PlannedSoundings, SpareBandwidthIsTheLimitAndPairsThatRestAreLeftAlone) {
  silent[4 + 3] = true;
  estimator = {};
  for (std::uint32_t k = 0; k < 4; ++k) estimator.join(w(k), mbps(100), mbps(k == 3 ? 40 : 100));
  out = {pair(1, 3)};
  const auto soundings = plan();
  ASSERT_THAT(soundings, SizeIs(1));
  EXPECT_EQ(soundings[0].pair, pair(2, 3));
  EXPECT_EQ(soundings[0].rate, mbps(45));  // 0.9 * (100 - 50), less than 3 * 40
  estimator = {};
  for (std::uint32_t k = 0; k < 4; ++k) estimator.join(w(k), mbps(100), mbps(k == 3 ? 91 : 100));
  EXPECT_THAT(plan(), IsEmpty());  // 45 would not show whether it carries 91
}

TEST_F(PlannedSoundings, AShortRoundHasNone) {
  silent[4 + 3] = true;
  for (plan::WorkerSpec& worker : problem.workers) worker.volume = Bytes(1'200'000);
  // The plan takes 0.192 s; half of that at 10 Mbit/s is 0.032 s at 30: too short.
  EXPECT_THAT(plan(), IsEmpty());
}

// w2 sends nothing, and has an uplink of 20 by estimate; w3's downlink gets nothing.
TEST_F(PlannedSoundings, EverySilentLinkHasItsOwn) {
  std::erase_if(allocated, [](const PairRate& it) { return it.pair.sender == WorkerIndex(2); });
  estimator = {};
  for (std::uint32_t k = 0; k < 4; ++k)
    estimator.join(w(k), mbps(k == 2 ? 20 : 100), mbps(k == 3 ? 10 : 100));
  problem.workers[2].uplink = mbps(20);
  silent[2] = silent[4 + 3] = true;
  const auto soundings = plan();
  ASSERT_THAT(soundings, SizeIs(2));
  EXPECT_EQ(soundings[0].pair, pair(2, 0));  // w0's downlink: 100 - 50 (from w3)
  EXPECT_EQ(soundings[0].rate, mbps(45));    // of 60
  EXPECT_EQ(soundings[1].pair, pair(1, 3));
  EXPECT_EQ(soundings[1].rate, mbps(30));
}

TEST(Crossings, ALinkIsSilentAfterTwoRounds) {
  Crossings crossings;
  const LinkId link{w(1), Direction::down};
  EXPECT_FALSE(crossings.is_silent(link, Round(5)));  // not known before
  EXPECT_FALSE(crossings.is_silent(link, Round(6)));
  EXPECT_TRUE(crossings.is_silent(link, Round(7)));
  crossings.crossed(link, Round(7));
  EXPECT_FALSE(crossings.is_silent(link, Round(8)));
  EXPECT_TRUE(crossings.is_silent(link, Round(9)));
  crossings.leave(w(1));
  EXPECT_EQ(crossings.size(), 0U);
}

// Four workers with 100 Mbit/s each way but w3's downlink of 10, and pairs that must meet only every 40 rounds: nobody
// sends to w3 for that long. A model of 20 MB takes 1.6 s elsewhere.
struct SoundedRounds : ::testing::Test {
  SoundedRounds() {
    settings.planner = plan::find_planner("exact");
    settings.min_receivers = MinReceivers::count(1);
    settings.max_age = 40;
    settings.age_start = AgeStart::zero;
  }
  struct Played {
    std::size_t soundings = 0, to_w3 = 0;
    std::vector<double> w3;  // Mbit/s, after each round
    double seconds = 0;
  };
  // w3's downlink carries `truth` by round; every delivery comes as it is allocated, a sounding at its pace or what its
  // link carries.
  Played play(std::size_t rounds, const auto& truth) const {
    RoundMachine machine(settings);
    for (std::uint32_t k = 0; k < 4; ++k)
      machine.join(w(k), {to_string(w(k)), mbps(100), mbps(k == 3 ? 10 : 100), Bytes(20'000'000)}, Instant());
    Played played;
    Instant now;
    for (std::size_t round = 0; round < rounds; ++round) {
      std::vector<RoundPlanned> plans;
      for (std::uint32_t k = 0; k < 4; ++k)
        std::ranges::move(all<RoundPlanned>(machine.ready(w(k), Round(round), now).value()),
                          std::back_inserter(plans));
      const RoundPlanned& plan = plans.at(0);
      played.soundings += plan.soundings.size();
      for (const Transfer& t : plan.soundings) {
        EXPECT_EQ(t.receiver, w(3));
        const Rate rate = std::min(t.paced, mbps(truth(round)));
        const Duration takes = t.bytes / rate;
        Progress marks;
        for (std::size_t k = 1; k < kProgressParts; ++k)
          marks.push_back(takes * (static_cast<double>(k) / kProgressParts));
        const auto none = machine.delivered(t.receiver, {t.id, t.bytes, s(0), takes, marks}, now + takes);
        EXPECT_THAT(none.value(), IsEmpty());
      }
      for (const Transfer& t : plan.transfers) {
        played.to_w3 += t.receiver == w(3) ? 1 : 0;
        const auto actions = machine.delivered(t.receiver, {t.id, t.bytes, s(0), t.bytes / t.allocated},
                                               now + t.bytes / t.allocated);
        for (const RoundEnded& ended : all<RoundEnded>(actions.value())) {
          played.w3.push_back(ended.estimates[3].downlink.mbps());
          EXPECT_EQ(ended.transfers.size(), plan.transfers.size());
        }
      }
      played.seconds += plan.predicted.in_seconds();
      now = now + plan.predicted;
    }
    return played;
  }
  RoundSettings settings;
};

TEST_F(SoundedRounds, ARiseOfALinkThatGetsNothingIsKnownInTwoRounds) {
  const auto rises = [](std::size_t round) { return round < 6 ? 10.0 : 40.0; };
  const Played sounded = play(12, rises);
  EXPECT_NEAR(sounded.w3[5], 10, 0.1);
  // Three times 10 in the first, as far as 0.3 s show it, then more than it carries.
  EXPECT_NEAR(sounded.w3[6], 30, 3);
  EXPECT_NEAR(sounded.w3[7], 40, 0.5);
  EXPECT_EQ(sounded.to_w3, 0U);
  settings.soundings = false;
  const Played blind = play(12, rises);
  EXPECT_EQ(blind.soundings, 0U);
  EXPECT_NEAR(blind.w3.back(), 10, 0.1);
}

// A fall is believed when two looks agree.
TEST_F(SoundedRounds, SoIsAFall) {
  const Played sounded = play(8, [](std::size_t round) { return round < 4 ? 10.0 : 6.0; });
  EXPECT_NEAR(sounded.w3[3], 10, 0.1);
  EXPECT_NEAR(sounded.w3[5], 6, 0.1);
}

TEST_F(SoundedRounds, AreNoMeetings) {
  settings.max_age = 3;
  const Played played = play(12, [](std::size_t) { return 10.0; });
  EXPECT_GT(played.to_w3, 8U);  // in 12 rounds three senders must meet it thrice each, soundings or not
}

// What is open when everything else is there is cancelled with the round, what its sender or receiver gives up at once.
TEST_F(SoundedRounds, NothingWaitsForASounding) {
  for (const bool fails : {false, true}) {
    RoundMachine machine(settings);
    for (std::uint32_t k = 0; k < 4; ++k)
      machine.join(w(k), {to_string(w(k)), mbps(100), mbps(k == 3 ? 10 : 100), Bytes(20'000'000)}, Instant());
    bool sounded = false;
    for (std::size_t round = 0; round < 4; ++round) {
      std::optional<RoundPlanned> plan;
      for (std::uint32_t k = 0; k < 4; ++k)
        for (const RoundPlanned& it : all<RoundPlanned>(
                 machine.ready(w(k), Round(round), at(10. * static_cast<double>(round))).value()))
          plan = it;
      sounded = sounded || !plan->soundings.empty();
      for (const Transfer& t : plan->soundings) {
        if (!fails) continue;
        EXPECT_FALSE(machine.failed(w(t.sender.value() == 0 ? 1 : 0), {t.id, "", {}}, at(1)).has_value());
        EXPECT_THAT(all<TransferCancelled>(machine.failed(t.sender, {t.id, "lost", {}}, at(1)).value()),
                    SizeIs(1));
        EXPECT_THAT(machine.failed(t.sender, {t.id, "lost", {}}, at(1)).value(), IsEmpty());
      }
      Actions last;
      for (const Transfer& t : plan->transfers)
        last =
            machine
                .delivered(t.receiver, {t.id, t.bytes, s(0), s(1)}, at(10. * static_cast<double>(round) + 1))
                .value();
      ASSERT_THAT(all<RoundEnded>(last), SizeIs(1));
      EXPECT_THAT(all<TransferCancelled>(last), SizeIs(fails ? 0 : plan->soundings.size()));
      const RoundEnded ended = all<RoundEnded>(last)[0];
      for (const Settled& it : ended.soundings) {
        EXPECT_FALSE(it.committed);
        EXPECT_EQ(it.why, fails ? "lost" : "the round is over");
      }
    }
    EXPECT_TRUE(sounded);
  }
}

}  // namespace
}  // namespace selmcast::sync::soundings
