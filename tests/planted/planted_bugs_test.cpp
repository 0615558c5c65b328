// That the arena would notice: cores with one bug of bugs.txt each must be caught within 100 seeds.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <string>

#include "selmcast/arena/arena.h"
#include "tests/planted/bugs.h"
#include "tests/planted/planted.h"

namespace {
std::string_view planted_bug;
}
bool planted(std::string_view bug) { return bug == planted_bug; }
void plant(std::string_view bug) { planted_bug = bug; }

namespace selmcast::arena {
namespace {

// All three ways to train, in turn, every fourth by IP multicast; overlap, planners, policies and mixings as the seed
// draws them.
ArenaResult run(std::uint64_t seed) {
  constexpr Sync kSyncs[] = {Sync::bsp, Sync::ssp, Sync::asp};
  ArenaSettings settings;
  settings.seed = seed;
  settings.sync = kSyncs[seed % 3];
  settings.network = seed % 4 == 3;
  return run_arena(settings);
}

struct PlantedBugs : ::testing::TestWithParam<PlantedBug> {
  void TearDown() override { plant(""); }
};

TEST_P(PlantedBugs, AreFoundWithinAHundredSeeds) {
  plant(GetParam().name);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const ArenaResult result = run(seed);
    if (result.content()) continue;
    const std::string& first = result.violations.empty() ? result.stuck.front() : result.violations.front();
    std::cout << GetParam().name << " (" << GetParam().what << "): seed " << seed << ": " << first << "\n";
    return;
  }
  ADD_FAILURE() << "nobody noticed: " << GetParam().what;
}

INSTANTIATE_TEST_SUITE_P(EachOf, PlantedBugs, ::testing::ValuesIn(kPlantedBugs),
                         [](const auto& bug) { return std::string(bug.param.name); });

TEST(NothingPlanted, NothingIsFound) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const ArenaResult result = run(seed);
    EXPECT_TRUE(result.content()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace selmcast::arena
