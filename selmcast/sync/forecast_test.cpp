#include "selmcast/sync/forecast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "selmcast/base/rng.h"
#include "selmcast/maxmin/fluid.h"

namespace selmcast::sync {
namespace {

// A byte a second is 8 bit/s.
Rate rate(double bytes_a_second) { return Rate::bits_per_second(8 * bytes_a_second); }
WorkerIndex w(std::uint32_t i) { return WorkerIndex(i); }

TEST(Forecast, LeavesTheNextWhatTheFirstDoesNotUse) {
  // Downlinks 10, 6, 8. First: 60 bytes to 0 and 1 at the pace of the slower, 6: until 10 s.
  Forecast forecast;
  forecast.restart(std::array{rate(10), rate(6), rate(8)});
  EXPECT_DOUBLE_EQ(forecast.add(Bytes(60), Rate::unlimited(), std::array{w(0), w(1)}).in_seconds(), 10);
  // Second: 100 bytes to 0 and 2. Downlink 0 leaves 4 for 10 s (40 bytes), then 10; downlink 2 lets 8:
  // 60 bytes in 7.5 s.
  EXPECT_DOUBLE_EQ(forecast.add(Bytes(100), Rate::unlimited(), std::array{w(0), w(2)}).in_seconds(), 17.5);
  // Third: to 0: nothing for 10 s, then 10 - 8 = 2 for 7.5 s (15 bytes), then 10: 35 bytes take 10 + 7.5 + 2.
  EXPECT_DOUBLE_EQ(forecast.add(Bytes(35), Rate::unlimited(), std::array{w(0)}).in_seconds(), 19.5);
}

TEST(Forecast, KnowsLimitsAndLinksThatAreDown) {
  Forecast forecast;
  forecast.restart(std::array{rate(10), rate(0)});
  EXPECT_DOUBLE_EQ(forecast.add(Bytes(20), rate(4), std::array{w(0)}).in_seconds(), 5);
  EXPECT_EQ(forecast.add(Bytes(1), rate(4), std::array{w(0), w(1)}), Duration::infinite());
  // What never moves takes nothing: 10 - 4 are free for 5 s.
  EXPECT_DOUBLE_EQ(forecast.add(Bytes(30), Rate::unlimited(), std::array{w(0)}).in_seconds(), 5);
}

TEST(Forecast, TellsTheTimeOfAMulticastBeforeItIsAdded) {
  Forecast forecast;
  forecast.restart(std::array{rate(10), rate(6), rate(8)});
  forecast.add(Bytes(60), Rate::unlimited(), std::array{w(0), w(1)});
  Forecast::Path path(forecast);
  path.to(w(2));
  EXPECT_DOUBLE_EQ(path.time(Bytes(80), Rate::unlimited()).in_seconds(), 10);
  EXPECT_DOUBLE_EQ(path.time(Bytes(80), rate(4)).in_seconds(), 20);
  // With 0 as well: the second of the first test.
  EXPECT_DOUBLE_EQ(path.time_with(w(0), Bytes(100), Rate::unlimited()).in_seconds(), 17.5);
  path.to(w(0));
  EXPECT_DOUBLE_EQ(path.time(Bytes(100), Rate::unlimited()).in_seconds(), 17.5);
  // To 0 alone: 4 a second for 10 s, then 6 s at 10.
  EXPECT_DOUBLE_EQ(forecast.time_alone(w(0), Bytes(100), Rate::unlimited()).in_seconds(), 16);
}

TEST(Forecast, ComesTrueInANetworkWithStrictPriorities) {
  // Random multicasts with limits over uneven links, all started at once: the fluid's ends are the foretold ones.
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const std::size_t n = 2 + rng.below(8);
    std::vector<Rate> down;
    maxmin::Fluid fluid;
    for (std::size_t j = 0; j < n; ++j) {
      down.push_back(rate(rng.uniform(1, 20)));
      fluid.add_link(down.back());
    }
    Forecast forecast;
    forecast.restart(down);
    std::vector<double> foretold;
    std::vector<maxmin::FlowId> flows;
    const std::uint64_t multicasts = 1 + rng.below(6);
    for (std::uint64_t f = 0; f < multicasts; ++f) {
      const Rate limit = rate(rng.uniform(1, 30));
      const Bytes volume(1000 + static_cast<std::int64_t>(rng.below(100'000)));
      std::vector<WorkerIndex> receivers;
      std::vector<maxmin::LinkId> links{fluid.add_link(limit)};
      for (std::uint32_t j = 0; j < n; ++j) {
        if (rng.below(2) == 0 && !(receivers.empty() && j + 1 == n)) continue;
        receivers.push_back(w(j));
        links.push_back(maxmin::LinkId(j));
      }
      foretold.push_back(forecast.add(volume, limit, receivers).in_seconds());
      flows.push_back(fluid.start(links, volume, {.priority = f + 1}));
    }
    std::vector<double> ended(foretold.size(), -1);
    while (fluid.flows() > 0) {
      const Instant at = fluid.next_completion();
      for (const maxmin::FlowId flow : fluid.advance(at)) {
        const auto place = std::ranges::find(flows, flow) - flows.begin();
        ended[static_cast<std::size_t>(place)] = at.in_seconds();
      }
    }
    for (std::size_t f = 0; f < foretold.size(); ++f) EXPECT_NEAR(ended[f], foretold[f], 1e-6 * foretold[f]);
  }
}

}  // namespace
}  // namespace selmcast::sync
