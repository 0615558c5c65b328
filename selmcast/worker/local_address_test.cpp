#include "selmcast/worker/local_address.h"

#include <gtest/gtest.h>

namespace selmcast::worker {
namespace {

TEST(SplitAddress, TakesNamesAndAddressesOfBothKinds) {
  EXPECT_EQ(split_address("localhost:7070")->host, "localhost");
  EXPECT_EQ(split_address("127.0.0.1:1")->port, "1");
  EXPECT_EQ(split_address("[::1]:65535")->host, "::1");
}

TEST(SplitAddress, SaysHowToWriteItOtherwise) {
  for (const char* bad : {"", ":", "host", "host:", ":7070", "host:0", "host:65536", "host:123456", "host:-1",
                          "host:7x", "::1:7070", "[]:7070", "host: 7"}) {
    const auto parts = split_address(bad);
    ASSERT_FALSE(parts.has_value()) << bad;
    EXPECT_EQ(parts.error().code, ErrorCode::invalid_input);
    EXPECT_NE(parts.error().message.find("host:port"), std::string::npos);
  }
}

TEST(LocalAddress, TowardsThisMachineIsLoopback) {
  EXPECT_EQ(local_address_towards({"127.0.0.1", "7070"}), "127.0.0.1");
  EXPECT_EQ(local_address_towards({"localhost", "7070"}).value_or("").find("127."), 0u);
}

TEST(LocalAddress, AHostThatIsNoneIsNamed) {
  // A space stands in no host name, so no resolver is asked.
  const auto found = local_address_towards({"no such host", "7070"});
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::unavailable);
  EXPECT_NE(found.error().message.find("no such host"), std::string::npos);
}

TEST(LocalAddress, OfAnInterfaceIsItsFirst) {
  EXPECT_EQ(address_of_interface("lo"), "127.0.0.1");
  const auto none = address_of_interface("eth99");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::invalid_input);
  EXPECT_NE(none.error().message.find("with one are: "), std::string::npos);
  EXPECT_NE(none.error().message.find("lo"), std::string::npos);
}

}  // namespace
}  // namespace selmcast::worker
