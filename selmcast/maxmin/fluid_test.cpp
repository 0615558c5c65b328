#include "selmcast/maxmin/fluid.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"

namespace selmcast::maxmin {
namespace {

Rate bytes_per_second(double value) { return Rate::bits_per_second(8 * value); }

TEST(Fluid, WhoIsLeftAloneGoesFaster) {
  // 100 byte/s for two flows of 100 and 300 bytes: 50 each until the first is done at 2 s; then the second has 200
  // bytes left at 100 byte/s: 4 s.
  Fluid fluid;
  const std::array link{fluid.add_link(bytes_per_second(100))};
  const FlowId small = fluid.start(link, Bytes(100));
  const FlowId large = fluid.start(link, Bytes(300));
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 2, 1e-9);
  const auto first = fluid.advance(fluid.next_completion());
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0], small);
  EXPECT_EQ(fluid.remaining(large), Bytes(200));
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 4, 1e-9);
  EXPECT_EQ(fluid.advance(fluid.next_completion()).size(), 1U);
  EXPECT_EQ(fluid.next_completion(), Instant::never());
}

TEST(Fluid, AStoppedFlowLeavesItsShareToTheOthers) {
  // Three flows of 300 bytes at 100 / 3 each. After 3 s each has 200 left; one is stopped: 50 each, 4 s more.
  Fluid fluid;
  const std::array link{fluid.add_link(bytes_per_second(100))};
  fluid.start(link, Bytes(300));
  const FlowId stopped = fluid.start(link, Bytes(300));
  fluid.start(link, Bytes(300));
  EXPECT_TRUE(fluid.advance(Instant::at_seconds(3)).empty());
  fluid.stop(stopped);
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 7, 1e-9);
  EXPECT_EQ(fluid.advance(fluid.next_completion()).size(), 2U) << "equal shares are done together";
}

TEST(Fluid, ADroppedReceiverNoLongerHoldsTheMulticastBack) {
  // 100 bytes to receivers of 100 and 10 byte/s: after 5 s 50 are carried; without the slow one 0.5 s more.
  Fluid fluid;
  const std::array links{fluid.add_link(bytes_per_second(100)), fluid.add_link(bytes_per_second(100)),
                         fluid.add_link(bytes_per_second(10))};
  const FlowId multicast = fluid.start(links, Bytes(100));
  fluid.advance(Instant::at_seconds(5));
  fluid.take_off(multicast, links[2]);
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 5.5, 1e-9);
}

TEST(Fluid, StandsStillWhileALinkIsDownAndGoesOnAfterwards) {
  Fluid fluid;
  const std::array link{fluid.add_link(bytes_per_second(100))};
  const FlowId flow = fluid.start(link, Bytes(300));
  fluid.advance(Instant::at_seconds(1));
  fluid.set_capacity(link[0], Rate());
  EXPECT_EQ(fluid.next_completion(), Instant::never());
  fluid.advance(Instant::at_seconds(10));
  EXPECT_EQ(fluid.remaining(flow), Bytes(200));
  fluid.set_capacity(link[0], bytes_per_second(50));
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 14, 1e-9);  // 10 + 200 / 50
}

// Every byte that a busy link could carry is carried: one link, random volumes and arrivals, never idle. The last
// flow is done when all bytes through the link are, whoever got which share.
TEST(Fluid, CarriesAllBytesInTheTimeTheLinkNeeds) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Fluid fluid;
    const std::array link{fluid.add_link(bytes_per_second(1000))};
    std::int64_t total = 0;
    const auto start = [&] {
      const auto volume = static_cast<std::int64_t>(1 + rng.below(1000000));
      total += volume;
      fluid.start(link, Bytes(volume), {.weight = rng.uniform(1, 3)});
    };
    start();
    for (int i = 0; i < 200; ++i) {
      // Somebody else comes before the link is idle.
      const Instant next = fluid.next_completion();
      const Instant arrival = fluid.now() + (next - fluid.now()) * rng.uniform();
      EXPECT_TRUE(fluid.advance(arrival).size() <= 1);
      start();
    }
    while (fluid.flows() > 0) fluid.advance(fluid.next_completion());
    EXPECT_NEAR(fluid.now().in_seconds(), static_cast<double>(total) / 1000, 1e-6);
  }
}

}  // namespace
}  // namespace selmcast::maxmin
