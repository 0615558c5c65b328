// Trainings without rounds in common, on the simulated network with its faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "selmcast/arena/arena.h"
#include "selmcast/arena/arena_testing.h"
#include "selmcast/sync/online_policy.h"

namespace selmcast::arena {
namespace {

ArenaSettings of(Sync sync, std::uint64_t seed, bool calm = false) {
  ArenaSettings settings;
  settings.sync = sync;
  settings.seed = seed;
  if (calm) settings.faults = kNoFaults;
  return settings;
}

TEST(OnlineArena, WithoutFaultsEverybodyFinishesAndOnlyPlansCutAnythingOff) {
  for (const Sync sync : {Sync::ssp, Sync::asp}) {
    for_seeds(of(sync, 0, true), 1, 8, [&](const ArenaResult& result) {
      EXPECT_EQ(result.survivors, result.workers);
      EXPECT_EQ(result.rounds_done, 12u * result.workers);
      EXPECT_GT(result.deliveries, 0u);
    });
  }
}

TEST(OnlineArena, FaultsNeverBreakAPromise) {
  std::uint64_t cancelled = 0, lost = 0, dropped = 0, new_rates = 0, widest_lead = 0, overlaps = 0;
  for (const Sync sync : {Sync::ssp, Sync::asp}) {
    for_seeds(of(sync, 0), 100, 21 / kShare, [&](const ArenaResult& result) {
      cancelled += result.cancelled;
      dropped += result.dropped;
      overlaps += result.overlap ? 1 : 0;
      new_rates += result.new_rates;
      lost += lost_of(result);
      widest_lead = std::max(widest_lead, result.widest_lead);
    });
  }
  // All of it did happen: otherwise this test would prove nothing.
  EXPECT_GT(cancelled, 40 / kShare);
  EXPECT_GT(dropped, 40 / kShare);
  EXPECT_GT(new_rates, 1000 / kShare);
  EXPECT_GT(lost, 20 / kShare);
  EXPECT_GT(widest_lead, 4u);
  EXPECT_GT(overlaps, 10 / kShare);
  EXPECT_LT(overlaps, 33 / kShare);
}

TEST(OnlineArena, EveryPolicyAndSizeTrains) {
  for (const std::string_view policy : sync::online_policy_names()) {
    for (const std::uint32_t workers : {1u, 2u, 3u, 16u}) {
      ArenaSettings settings = of(Sync::ssp, 9, true);
      settings.policy = policy;
      settings.workers = workers;
      settings.rounds = 5;
      const ArenaResult result = run_arena(settings);
      EXPECT_TRUE(result.content()) << policy << " n=" << workers << "\n" << described(result);
    }
  }
}

TEST(OnlineArena, TheSameSeedIsTheSameStory) {
  EXPECT_EQ(run_arena(of(Sync::ssp, 42)).story, run_arena(of(Sync::ssp, 42)).story);
  EXPECT_NE(run_arena(of(Sync::ssp, 42)).story, run_arena(of(Sync::ssp, 43)).story);
}

}  // namespace
}  // namespace selmcast::arena
