#include "selmcast/testbed/description.h"

#include <gtest/gtest.h>

#include <utility>

namespace selmcast::testbed {
namespace {

using net::LinkRate;

Description two_hosts() {
  Description description;
  description.hosts = {{"w0", LinkRate::megabits_per_second(100), LinkRate::megabits_per_second(50)}, {"w1"}};
  return description;
}

std::string complaint_about(const Description& description) {
  const auto good = validate(description);
  return good ? "" : good.error().message;
}

TEST(Description, WhatIsRightPasses) {
  Description description = two_hosts();
  const Duration at = Duration::seconds(1);
  description.events = {{at, ChangeRates{"w1", LinkRate::megabits_per_second(1), {}}},
                        {at, Cut{"w0"}},
                        {at, Heal{"w0"}},
                        {at, Traffic{"w0", "w1", LinkRate::megabits_per_second(5), Duration::seconds(2)}}};
  EXPECT_EQ(complaint_about(description), "");
}

TEST(Description, WhatIsWrongIsNamedByItsKey) {
  const auto with = [](auto change) {
    Description description = two_hosts();
    change(description);
    return complaint_about(description);
  };
  EXPECT_EQ(with([](Description& d) { d.hosts.clear(); }), "hosts: must name at least one host");
  EXPECT_EQ(with([](Description& d) { d.hosts[1].name = "a.b"; }),
            "hosts[1].name: 1 to 20 letters, digits, '-' and '_'");
  EXPECT_EQ(with([](Description& d) { d.hosts[1].name = "w0"; }), "hosts[1].name: the name w0 stands twice");
  EXPECT_EQ(with([](Description& d) { d.hosts[0].uplink = LinkRate::bits_per_second(1); }),
            "hosts[0].uplink_line_bps: must be between 6e+04 and 1e+11 bit/s");
  EXPECT_EQ(with([](Description& d) { d.round_trip = Duration::seconds(2.1); }),
            "round_trip_seconds: must be between 0 and 2");
  EXPECT_EQ(with([](Description& d) { d.queue = Duration(); }),
            "queue_seconds: must be between 0.001 and 10");
  EXPECT_EQ(with([](Description& d) {
              d.events = {{Duration::seconds(1), Cut{"w9"}}};
            }),
            "events[0].host: there is no host w9");
  EXPECT_EQ(with([](Description& d) {
              d.events = {{Duration::seconds(-1), Cut{"w0"}}};
            }),
            "events[0].at_seconds: must not be negative");
  EXPECT_EQ(with([](Description& d) {
              d.events = {{Duration(), ChangeRates{"w0", {}, {}}}};
            }),
            "events[0]: a change of rates needs uplink_line_bps or downlink_line_bps");
  EXPECT_EQ(with([](Description& d) {
              d.events = {
                  {Duration(), Traffic{"w0", "w0", LinkRate::megabits_per_second(1), Duration::seconds(1)}}};
            }),
            "events[0].to: must differ from .from");
}

TEST(Description, AddressesFollowTheOrderOfHosts) {
  EXPECT_EQ(address_of(0), "10.77.0.1");
  EXPECT_EQ(find_host(two_hosts(), "w1"), 1U);
  EXPECT_FALSE(find_host(two_hosts(), "w2").has_value());
}

}  // namespace
}  // namespace selmcast::testbed
