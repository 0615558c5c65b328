#include "selmcast/testbed/commands.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>

namespace selmcast::testbed {
namespace {

using net::LinkRate;
using ::testing::ElementsAre;

std::vector<std::string> texts(const Commands& commands) {
  std::vector<std::string> result;
  for (const Command& command : commands) result.push_back(to_text(command));
  return result;
}

Commands all_commands(const Description& description, std::string_view id) {
  Commands commands = switch_commands(description, id);
  for (std::size_t k = 0; k < description.hosts.size(); ++k) {
    for (const auto part : {namespace_commands, cable_commands, host_commands})
      std::ranges::copy(part(description, id, k), std::back_inserter(commands));
  }
  return commands;
}

Description one_host() {
  Description description;
  description.hosts = {{"w0", LinkRate::megabits_per_second(100), LinkRate::megabits_per_second(50)}};
  description.multicast = false;
  return description;
}

TEST(Commands, OneHostFromNothing) {
  EXPECT_THAT(
      texts(all_commands(one_host(), "42")),
      ElementsAre(
          "ip netns add smtb-42.switch", "ip -n smtb-42.switch link set lo up",
          "ip -n smtb-42.switch link add br0 type bridge", "ip -n smtb-42.switch link set br0 up",
          "ip netns add smtb-42-w0",
          "ip -n smtb-42.switch link add v0 type veth peer name eth0 netns smtb-42-w0",
          "ip -n smtb-42.switch link set v0 master br0 up", "ip -n smtb-42-w0 link set lo up",
          "ip -n smtb-42-w0 addr add 10.77.0.1/24 dev eth0", "ip -n smtb-42-w0 link set eth0 up",
          "ip -n smtb-42-w0 route add 224.0.0.0/4 dev eth0",
          "ip -n smtb-42-w0 route change 10.77.0.0/24 dev eth0 proto kernel scope link src 10.77.0.1 congctl "
          "cubic",
          "tc -n smtb-42-w0 qdisc replace dev eth0 root handle 1: tbf rate 100000000bit burst 32768b latency "
          "50000us",
          "tc -n smtb-42.switch qdisc replace dev v0 root handle 1: tbf rate 50000000bit burst 32768b "
          "latency "
          "50000us"));
}

TEST(Commands, NothingIsMadeOutsideNamespaces) {
  Description description = one_host();
  description.hosts.push_back({"w1"});
  description.multicast = true;
  for (const Command& command : all_commands(description, "7")) {
    const bool makes_namespace = command[1] == "netns";
    EXPECT_TRUE(makes_namespace || (command[1] == "-n" && command[2].starts_with("smtb-7")))
        << to_text(command);
  }
}

TEST(Commands, TheQuerierIsSetUpBeforeTheBridgeIsUp) {
  Description description = one_host();
  description.multicast = true;
  const auto all = texts(all_commands(description, "7"));
  const auto place = [&](const std::string& text) { return std::ranges::find(all, text) - all.begin(); };
  EXPECT_LT(place("ip -n smtb-7.switch link set br0 type bridge mcast_query_response_interval 50 "
                  "mcast_startup_query_interval 50"),
            place("ip -n smtb-7.switch link set br0 type bridge mcast_querier 1"));
  EXPECT_LT(place("ip -n smtb-7.switch link set br0 type bridge mcast_querier 1"),
            place("ip -n smtb-7.switch link set br0 up"));
}

TEST(Commands, HandlesTellDownlinksApartAndAreHexadecimal) {
  Description description = one_host();
  for (int k = 1; k < 16; ++k) description.hosts.push_back({"w" + std::to_string(k)});
  EXPECT_THAT(
      texts(downlink_commands(description, "7", 15, LinkRate::megabits_per_second(2))),
      ElementsAre(
          "tc -n smtb-7.switch qdisc replace dev v15 root handle 10: tbf rate 2000000bit burst 32768b "
          "latency 50000us"));
  EXPECT_TRUE(uplink_commands(description, "7", 3, LinkRate::unlimited()).empty());
}

TEST(Commands, ACutIsSilent) {
  EXPECT_THAT(texts(cut_commands("7", 2)), ElementsAre("bridge -n smtb-7.switch link set dev v2 state 0"));
  EXPECT_THAT(texts(heal_commands("7", 2)), ElementsAre("bridge -n smtb-7.switch link set dev v2 state 3"));
}

TEST(Commands, IdsAreFoundInNamesAndOnlyThere) {
  EXPECT_EQ(id_in(switch_namespace("42")), "42");
  EXPECT_EQ(id_in(host_namespace("42", "w-1")), "42");
  for (const char* other : {"smtb-", "smtb-x-w0", "smtb-42", "smtb-42.other", "other-42-w0", ""})
    EXPECT_FALSE(id_in(other).has_value()) << other;
}

}  // namespace
}  // namespace selmcast::testbed
