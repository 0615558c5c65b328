#include "selmcast/maxmin/fluid.h"

#include <gtest/gtest.h>

#include <array>
#include <span>
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

TEST(Fluid, WhoeverChangesTheLinkThatHoldsItBackKeepsWhatItHasCarried) {
  // Link 0 (100 byte/s): a and b at 50 each. After 2 s a (100 bytes) is done, b has 400 - 100 = 300 left and is held
  // back by link 1 (60 byte/s): 5 s more.
  Fluid fluid;
  const std::array links{fluid.add_link(bytes_per_second(100)), fluid.add_link(bytes_per_second(60))};
  fluid.start(std::span(links).first(1), Bytes(100));
  const FlowId b = fluid.start(links, Bytes(400));
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 2, 1e-9);
  fluid.advance(fluid.next_completion());
  EXPECT_EQ(fluid.remaining(b), Bytes(300));
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 7, 1e-9);
}

TEST(Fluid, AnotherWeightCountsFromNowOn) {
  // 100 byte/s, a and b at 50 each for 1 s: 250 and 250 left. Then a weighs 4: 80 and 20. a is done 250 / 80 = 3.125 s
  // later; b has 250 - 62.5 = 187.5 left and the link to itself: 1.875 s more.
  Fluid fluid;
  const std::array link{fluid.add_link(bytes_per_second(100))};
  const FlowId a = fluid.start(link, Bytes(300));
  fluid.start(link, Bytes(300));
  EXPECT_TRUE(fluid.advance(Instant::at_seconds(1)).empty());
  fluid.set_claim(a, {.weight = 4});
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 4.125, 1e-9);
  const auto first = fluid.advance(fluid.next_completion());
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0], a);
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 6, 1e-9);
}

TEST(Fluid, StandsStillBehindAnEarlierPriorityAndGoesOnAfterwards) {
  // 100 byte/s: first (200 bytes) is alone for 1 s and has 100 left, then stands still for the 3 s of the urgent one's
  // 300 bytes, then needs 1 s more.
  Fluid fluid;
  const std::array link{fluid.add_link(bytes_per_second(100))};
  const FlowId first = fluid.start(link, Bytes(200), {.priority = 2});
  fluid.advance(Instant::at_seconds(1));
  fluid.start(link, Bytes(300), {.priority = 1});
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 4, 1e-9);
  EXPECT_EQ(fluid.rate(first), Rate());
  fluid.advance(fluid.next_completion());
  EXPECT_EQ(fluid.remaining(first), Bytes(100));
  EXPECT_NEAR(fluid.next_completion().in_seconds(), 5, 1e-9);
}

// A clock at 4e9 bit/s would show 8e11 bits after 200 s, where doubles are 1.2e-4 bits apart: more than the millionth
// of a byte that remaining() takes for nothing. It is put back.
TEST(Fluid, KeepsCountingBytesExactlyWhenMuchHasFlowed) {
  // 1e9 byte/s; the large flow has 1e12 bytes. Each small one of 1e8 takes 0.2 s at half the rate; 1000 of them, with
  // nothing between: 1e11 bytes each in 200 s.
  Fluid fluid;
  const std::array link{fluid.add_link(bytes_per_second(1e9))};
  const FlowId large = fluid.start(link, Bytes(1'000'000'000'000));
  for (int k = 1; k <= 1000; ++k) {
    const FlowId small = fluid.start(link, Bytes(100'000'000));
    fluid.next_completion();  // puts it on the clock
    EXPECT_EQ(fluid.remaining(small), Bytes(100'000'000));
    ASSERT_EQ(fluid.advance(fluid.next_completion()).size(), 1U);
  }
  EXPECT_NEAR(fluid.now().in_seconds(), 200, 1e-9);
  EXPECT_NEAR(static_cast<double>(fluid.remaining(large).count()), 9e11, 1);
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
