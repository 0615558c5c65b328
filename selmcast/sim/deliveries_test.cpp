#include "selmcast/sim/deliveries.h"

#include <gtest/gtest.h>

#include <vector>

namespace selmcast::sim {
namespace {

using plan::MulticastKind;
using plan::Pair;

WorkerIndex w(std::uint32_t index) { return WorkerIndex(index); }
Rate byte_rate(double value) { return Rate::bits_per_second(8 * value); }

// Three workers; all links 100 byte/s but the downlink of worker 2, which has 20.
struct Three {
  explicit Three(MulticastKind kind) : deliveries(kind, uplink, downlink) {}
  std::vector<Pair> next() {
    const auto ended = deliveries.advance(deliveries.next_end());
    return {ended.begin(), ended.end()};
  }
  double now() const { return deliveries.now().in_seconds(); }

  std::vector<Rate> uplink = std::vector<Rate>(3, byte_rate(100));
  std::vector<Rate> downlink = {byte_rate(100), byte_rate(100), byte_rate(20)};
  Deliveries deliveries;
};

TEST(Deliveries, ANetworkMulticastEndsEverywhereWithItsSlowestReceiver) {
  Three three(MulticastKind::network);
  three.deliveries.start(w(0), Bytes(100), std::vector{w(1), w(2)}, {});
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(1)}, {w(0), w(2)}}));
  EXPECT_NEAR(three.now(), 5, 1e-9);  // 100 / 20
  EXPECT_FALSE(three.deliveries.is_sending(w(0)));
}

TEST(Deliveries, UnicastReceiversEndOneByOne) {
  // 20 byte/s to worker 2, the other 80 of the uplink to worker 1: 100 / 80 = 1.25 s and 100 / 20 = 5 s.
  Three three(MulticastKind::unicast);
  three.deliveries.start(w(0), Bytes(100), std::vector{w(1), w(2)}, {});
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(1)}}));
  EXPECT_NEAR(three.now(), 1.25, 1e-9);
  EXPECT_EQ(three.deliveries.receivers(w(0)), (std::vector{w(2)}));
  EXPECT_NEAR(three.deliveries.time_left(w(0)).in_seconds(), 3.75, 1e-9);
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(2)}}));
  EXPECT_NEAR(three.now(), 5, 1e-9);
}

TEST(Deliveries, ADroppedReceiverOfANetworkMulticastSpeedsUpTheRest) {
  // After 1 s 20 bytes are out at 20 byte/s; without worker 2 the 80 left take 0.8 s.
  Three three(MulticastKind::network);
  three.deliveries.start(w(0), Bytes(100), std::vector{w(1), w(2)}, {});
  three.deliveries.advance(Instant::at_seconds(1));
  std::vector<plan::SspCandidate> candidates(2);
  three.deliveries.read_remaining(w(0), candidates);
  EXPECT_EQ(candidates[0].remaining, Bytes(80));
  EXPECT_EQ(candidates[1].remaining, Bytes(80));
  three.deliveries.drop({w(0), w(2)});
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(1)}}));
  EXPECT_NEAR(three.now(), 1.8, 1e-9);
}

TEST(Deliveries, DroppingTheLastReceiverEndsTheMulticast) {
  for (const MulticastKind kind : {MulticastKind::network, MulticastKind::unicast}) {
    Three three(kind);
    three.deliveries.start(w(0), Bytes(100), std::vector{w(1), w(2)}, {});
    three.deliveries.drop({w(0), w(1)});
    three.deliveries.drop({w(0), w(2)});
    EXPECT_FALSE(three.deliveries.is_sending(w(0)));
    EXPECT_EQ(three.deliveries.next_end(), Instant::never());
  }
}

TEST(Deliveries, ANewBandwidthHoldsFromNowOn) {
  // Half of it to worker 2 after 1 s: the 80 bytes left take 8 s at 10 byte/s.
  Three three(MulticastKind::network);
  three.deliveries.start(w(0), Bytes(100), std::vector{w(2)}, {});
  three.deliveries.advance(Instant::at_seconds(1));
  three.downlink[2] = byte_rate(10);
  three.deliveries.set_bandwidth(three.uplink, three.downlink);
  EXPECT_NEAR(three.deliveries.next_end().in_seconds(), 9, 1e-9);
}

TEST(Deliveries, WhoHasPriorityIsServedFirst) {
  // Workers 0 and 1 both send to 2. The second has priority and takes all 20 byte/s: done at 5 s, the other at 10 s.
  Three three(MulticastKind::unicast);
  three.deliveries.start(w(0), Bytes(100), std::vector{w(2)}, {.priority = 9});
  three.deliveries.start(w(1), Bytes(100), std::vector{w(2)}, {.priority = 3});
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(1), w(2)}}));
  EXPECT_NEAR(three.now(), 5, 1e-9);
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(2)}}));
  EXPECT_NEAR(three.now(), 10, 1e-9);
}

// 0 -> 1 -> 2: worker 2's flow of 100 bytes at 20 byte/s ends after 5 s, worker 1's at 100 byte/s after 1 s.
TEST(Deliveries, ARelayedReceiverIsDoneAfterItsParent) {
  Three three(MulticastKind::relay);
  three.deliveries.start_relayed(w(0), Bytes(100), std::vector{w(1), w(2)}, std::vector{w(0), w(1)}, {});
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(1)}}));
  EXPECT_NEAR(three.now(), 1, 1e-9);
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(2)}}));
  EXPECT_NEAR(three.now(), 5, 1e-9);
}

// 0 -> 2 -> 1: worker 1's own flow would be done after 1 s, but what it gets comes through worker 2's 20 byte/s.
TEST(Deliveries, NobodyIsDoneBeforeWhoSendsToHim) {
  Three three(MulticastKind::relay);
  three.deliveries.start_relayed(w(0), Bytes(100), std::vector{w(1), w(2)}, std::vector{w(2), w(0)}, {});
  EXPECT_EQ(three.next(), (std::vector<Pair>{}));
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(1)}, {w(0), w(2)}}));
  EXPECT_NEAR(three.now(), 5, 1e-9);
}

// As above, but worker 2 is dropped after 2 s, with 60 of its 100 bytes to come. Worker 1 cannot have more than it: the
// sender sends it these 60 at 100 byte/s.
TEST(Deliveries, WhoLosesItsParentGoesOnFromTheSenderWithWhatRemains) {
  Three three(MulticastKind::relay);
  three.deliveries.start_relayed(w(0), Bytes(100), std::vector{w(1), w(2)}, std::vector{w(2), w(0)}, {});
  three.deliveries.advance(three.deliveries.next_end());
  three.deliveries.advance(Instant::at_seconds(2));
  three.deliveries.stop_forwarding(w(2));
  three.deliveries.drop({w(0), w(2)});
  EXPECT_EQ(three.next(), (std::vector<Pair>{{w(0), w(1)}}));
  EXPECT_NEAR(three.now(), 2.6, 1e-9);
  EXPECT_FALSE(three.deliveries.is_sending(w(0)));
}

}  // namespace
}  // namespace selmcast::sim
