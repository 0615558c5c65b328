// IP multicast in the arena: what cores make of receivers that cannot join, are handed over, or fall silent.
#include <gtest/gtest.h>

#include "selmcast/arena/arena.h"
#include "selmcast/arena/arena_testing.h"

namespace selmcast::arena {
namespace {

ArenaSettings network(std::uint64_t seed, Sync sync) {
  ArenaSettings settings;
  settings.seed = seed;
  settings.sync = sync;
  settings.network = true;
  return settings;
}

constexpr Sync kSyncs[] = {Sync::bsp, Sync::ssp, Sync::asp};

TEST(NetworkArena, WithoutFaultsEverybodyFinishes) {
  std::uint64_t grouped = 0;
  for (const Sync sync : kSyncs) {
    for (std::uint64_t seed = 1; seed <= 15 / kShare; ++seed) {
      ArenaSettings settings = network(seed, sync);
      settings.faults = kNoFaults;
      const ArenaResult result = run_arena(settings);
      EXPECT_TRUE(result.content()) << "seed " << seed << "\n" << described(result);
      EXPECT_EQ(result.rounds_done, 12u * result.workers) << "seed " << seed;
      // Who is done leaves, and what was on its way to it is cancelled: not where all are in step.
      if (sync == Sync::bsp) {
        EXPECT_EQ(result.cancelled, 0u) << "seed " << seed;
      }
      EXPECT_EQ(result.handed_over, 0u);
      grouped += result.grouped;
    }
  }
  EXPECT_GT(grouped, 5000 / kShare);
}

TEST(NetworkArena, FaultsNeverBreakAPromise) {
  for (const Sync sync : kSyncs) {
    std::uint64_t grouped = 0, handed_over = 0, unheard = 0, told_slow = 0, dropped = 0, new_rates = 0;
    for (std::uint64_t seed = 100; seed < 100 + 30 / kShare; ++seed) {
      const ArenaResult result = run_arena(network(seed, sync));
      EXPECT_TRUE(result.content()) << static_cast<int>(sync) << ", seed " << seed << "\n"
                                    << described(result);
      grouped += result.grouped;
      handed_over += result.handed_over;
      unheard += result.unheard;
      told_slow += result.told_slow;
      dropped += result.dropped;
      new_rates += result.new_rates;
    }
    EXPECT_GT(grouped, 2000 / kShare);
    EXPECT_GT(handed_over, 100 / kShare);
    EXPECT_GT(unheard, 50 / kShare);
    EXPECT_GT(told_slow, 10 / kShare);
    if (sync == Sync::bsp) continue;
    EXPECT_GT(dropped, 50 / kShare);
    EXPECT_GT(new_rates, 500 / kShare);
  }
}

TEST(NetworkArena, TheSameSeedTellsTheSameStory) {
  for (const Sync sync : kSyncs)
    EXPECT_EQ(run_arena(network(42, sync)).story, run_arena(network(42, sync)).story);
}

}  // namespace
}  // namespace selmcast::arena
