#include "selmcast/sync/prospect.h"

#include <gtest/gtest.h>

#include <array>

namespace selmcast::sync {
namespace {

Rate rate(double bytes_a_second) { return Rate::bits_per_second(8 * bytes_a_second); }
WorkerIndex w(std::uint32_t i) { return WorkerIndex(i); }

// Downlinks 10, 6, 8 bytes a second; a multicast of 60 bytes to w0 and w1 takes 6 of each until 10 s.
class ProspectTest : public testing::Test {
 protected:
  ProspectTest() {
    forecast_.restart(std::array{rate(10), rate(6), rate(8)});
    forecast_.add(Bytes(60), Rate::unlimited(), std::array{w(0), w(1)});
  }
  Forecast forecast_;
};

TEST_F(ProspectTest, NetworkGoesAtThePaceOfTheSlowest) {
  Prospect prospect(forecast_, plan::MulticastKind::network, Bytes(100), rate(9));
  EXPECT_EQ(prospect.end(), Duration());
  // w2: 8 a second. With w0: 4 for 10 s, then 8 for 7.5 s.
  EXPECT_DOUBLE_EQ(prospect.end_with(w(2)).in_seconds(), 12.5);
  prospect.to(w(2));
  EXPECT_DOUBLE_EQ(prospect.end_with(w(0)).in_seconds(), 17.5);
  prospect.to(w(0));
  EXPECT_DOUBLE_EQ(prospect.end().in_seconds(), 17.5);
  // Within 20 s: 4 a second for 10 s, whatever the limit; the other 60 bytes in 10 s need 6 a second.
  EXPECT_NEAR(prospect.lowest_limit(Duration::seconds(20)).bytes_per_second(), 6, 1e-4);
}

TEST_F(ProspectTest, UnicastSharesTheUplinkAndEndsWithTheLast) {
  Prospect prospect(forecast_, plan::MulticastKind::unicast, Bytes(100), rate(9));
  EXPECT_DOUBLE_EQ(prospect.end_with(w(2)).in_seconds(), 12.5);
  prospect.to(w(2));
  // 4.5 for each: w2 100 / 4.5 = 22.2 s; w0 4 for 10 s, then 60 / 4.5: 23.3 s.
  EXPECT_DOUBLE_EQ(prospect.end_with(w(0)).in_seconds(), 10 + 60 / 4.5);
  prospect.to(w(0));
  EXPECT_DOUBLE_EQ(prospect.end().in_seconds(), 10 + 60 / 4.5);
  // All three, 3 each: w1 nothing for 10 s, then 100 / 3 s.
  EXPECT_DOUBLE_EQ(prospect.end_with(w(1)).in_seconds(), 10 + 100 / 3.0);
  // To both within 30 s: w0's last 60 bytes in 20 s need 3 a second, but w2 needs 100 / 30, and then w0 has 33 bytes in
  // the first 10 s. So each 100 / 30 and the uplink twice that.
  EXPECT_NEAR(prospect.lowest_limit(Duration::seconds(30)).bytes_per_second(), 200 / 30.0, 1e-4);
}

}  // namespace
}  // namespace selmcast::sync
