// For tests of the arena: trainings of many seeds, each of which must keep all promises.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include "selmcast/arena/arena.h"

namespace selmcast::arena {

// Of the seeds, under AddressSanitizer: a training takes four times as long there, and a third sees the same code.
#ifdef __SANITIZE_ADDRESS__
inline constexpr std::uint64_t kShare = 3;
#else
inline constexpr std::uint64_t kShare = 1;
#endif

// What is wrong with it, and its last events.
inline std::string described(const ArenaResult& result) {
  std::string text;
  for (const std::string& violation : result.violations) text += "violation: " + violation + "\n";
  for (const std::string& what : result.stuck) text += what + "\n";
  const std::size_t from = result.story.size() > 60 ? result.story.size() - 60 : 0;
  for (std::size_t k = from; k < result.story.size(); ++k) text += result.story[k] + "\n";
  return text;
}

inline std::uint64_t lost_of(const ArenaResult& result) {
  return result.workers - std::min(result.workers, result.survivors);
}

// Looks at each of `seeds` trainings, once it has kept its promises.
template <class Look>
void for_seeds(ArenaSettings settings, std::uint64_t first, std::uint64_t seeds, Look look) {
  for (settings.seed = first; settings.seed < first + seeds; ++settings.seed) {
    const ArenaResult result = run_arena(settings);
    EXPECT_TRUE(result.content()) << "seed " << settings.seed << "\n" << described(result);
    look(result);
    if (::testing::Test::HasFailure()) {
      std::cout << "the first seed with a failure: " << settings.seed << "\n";
      return;
    }
  }
}

}  // namespace selmcast::arena
