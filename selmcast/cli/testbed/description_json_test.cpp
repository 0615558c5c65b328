#include "selmcast/cli/testbed/description_json.h"

#include <gmock/gmock.h>

#include <utility>

#include "selmcast/cli/testbed/host_runs.h"

namespace selmcast::testbed {
namespace {

using net::LinkRate;

TEST(DescriptionJson, AWholeFile) {
  const auto read = parse_description(R"({
    "schema": "selmcast.testbed/1",
    "hosts": [{"name": "a", "uplink_line_bps": 4e8, "downlink_line_bps": 2e7}, {"name": "b"}],
    "burst_bytes": 65536, "queue_seconds": 0.02, "round_trip_seconds": 0.08, "multicast": false,
    "events": [{"at_seconds": 2, "event": "rate", "host": "a", "downlink_line_bps": 1e7},
               {"at_seconds": 3, "event": "cut", "host": "b"}, {"at_seconds": 4, "event": "heal", "host": "b"},
               {"at_seconds": 5, "event": "traffic", "from": "a", "to": "b", "line_bps": 5e6, "seconds": 1.5}]})",
                                      "net.json");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->hosts[0],
            (Host{"a", LinkRate::megabits_per_second(400), LinkRate::megabits_per_second(20)}));
  EXPECT_TRUE(read->hosts[1].uplink.is_unlimited());
  EXPECT_EQ(read->burst, Bytes(65536));
  EXPECT_EQ(read->round_trip, Duration::milliseconds(80));
  EXPECT_FALSE(read->multicast);
  ASSERT_EQ(read->events.size(), 4U);
  EXPECT_EQ(read->events[0].what, Happening(ChangeRates{"a", {}, LinkRate::megabits_per_second(10)}));
  EXPECT_EQ(read->events[2].what, Happening(Heal{"b"}));
  EXPECT_EQ(read->events[3].what,
            Happening(Traffic{"a", "b", LinkRate::megabits_per_second(5), Duration::seconds(1.5)}));
}

TEST(DescriptionJson, WhatIsWrongIsNamedByFileAndKey) {
  const std::pair<const char*, const char*> bad[] = {
      {R"({"schema": "selmcast.testbed/2", "hosts": [{"name": "a"}]})", "schema"},
      {R"({"schema": "selmcast.testbed/1"})", "hosts"},
      {R"({"schema": "selmcast.testbed/1", "hosts": [{"name": "a", "uplink_bps": 1e6}]})",
       "hosts[0].uplink_bps"},
      {R"({"schema": "selmcast.testbed/1", "hosts": [{"name": "a", "uplink_line_bps": "x"}]})",
       "hosts[0].uplink_line_bps"},
      {R"({"schema": "selmcast.testbed/1", "hosts": [{"name": "a"}], "multicast": 1})", "multicast"},
      {R"({"schema": "selmcast.testbed/1", "hosts": [{"name": "a"}], "events": [{"event": "boom"}]})",
       "events[0].event"},
      {R"({"schema": "selmcast.testbed/1", "hosts": [{"name": "a"}],
           "events": [{"event": "cut", "host": "b", "at_seconds": 1}]})",
       "events[0].host: there is no host b"},
      {"{", ""}};
  for (const auto& [text, key] : bad) {
    const auto read = parse_description(text, "net.json");
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(read.error().message,
                testing::AllOf(testing::StartsWith("net.json"), testing::HasSubstr(key)));
  }
}

TEST(DescriptionOf, OneRateIsThatOfAllHosts) {
  const auto made = description_of({.hosts = 0, .uplinks_mbps = {400}, .downlinks_mbps = {100, 50}});
  ASSERT_TRUE(made.has_value()) << made.error().message;
  ASSERT_EQ(made->hosts.size(), 2U);
  EXPECT_EQ(made->hosts[1],
            (Host{"w1", LinkRate::megabits_per_second(400), LinkRate::megabits_per_second(50)}));
  EXPECT_FALSE(description_of({.hosts = 3, .uplinks_mbps = {}, .downlinks_mbps = {1, 2}}).has_value());
  EXPECT_FALSE(description_of({}).has_value());
}

TEST(CommandFor, WhatTorchrunSetsAndPlaceholders) {
  const auto description = description_of({.hosts = 2, .uplinks_mbps = {}, .downlinks_mbps = {}});
  ASSERT_TRUE(description.has_value());
  EXPECT_THAT(command_for(*description, 1, {"x", "{rank}-{host}-{address}/{hosts}"}),
              testing::ElementsAre("env", "SELMCAST_HOST=w1", "RANK=1", "WORLD_SIZE=2", "LOCAL_RANK=0",
                                   "MASTER_ADDR=10.77.0.1", "MASTER_PORT=29500", "x", "1-w1-10.77.0.2/2"));
}

}  // namespace
}  // namespace selmcast::testbed
