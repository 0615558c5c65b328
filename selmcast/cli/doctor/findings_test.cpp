#include "selmcast/cli/doctor/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace selmcast::doctor {
namespace {

using ::testing::HasSubstr;

Interface ethernet(const std::string& name, const std::string& address,
                   std::optional<int> mbps = std::nullopt) {
  return {.name = name,
          .addresses = {address},
          .mtu = 1500,
          .link_mbps = mbps,
          .up = true,
          .loopback = false,
          .multicast = true};
}

Connection connection(const std::string& to, const std::string& from, const std::string& interface) {
  return {.address = to,
          .local = from,
          .interface = interface,
          .path_mtu = 1500,
          .round_trip = Duration::milliseconds(1)};
}

// All in order: one interface, everybody near.
Facts sound() {
  Facts facts;
  facts.interfaces = {ethernet("eth0", "10.0.0.2", 1000)};
  facts.congestion_control = "bbr";
  facts.congestion_controls = {"bbr", "cubic"};
  facts.congestion_controls_had = {"bbr", "cubic"};
  facts.receive_buffer_max = facts.send_buffer_max = facts.socket_buffer_max = Bytes(8 << 20);
  facts.descriptors = facts.descriptors_max = 1 << 20;
  facts.clock_source = "tsc";
  facts.clock_synchronized = true;
  facts.manager = Reach{"10.0.0.1:7070", connection("10.0.0.1", "10.0.0.2", "eth0"), true};
  facts.peers = {{"10.0.0.3:7071", connection("10.0.0.3", "10.0.0.2", "eth0"), false}};
  return facts;
}

Finding about(const Facts& facts, const std::string& what) {
  const auto findings = judge(facts);
  const auto found = std::ranges::find(findings, what, &Finding::what);
  EXPECT_NE(found, findings.end()) << "nothing about " << what;
  return found == findings.end() ? Finding{} : *found;
}

TEST(Findings, OfASoundMachineAreGood) {
  for (const Finding& finding : judge(sound()))
    EXPECT_EQ(finding.verdict, Verdict::good) << finding.what << finding.found;
  EXPECT_EQ(worst(judge(sound())), Verdict::good);
  EXPECT_THAT(about(sound(), "interface").found, HasSubstr("eth0 (10.0.0.2, 1000 Mbit/s)"));
  // 1500 - 52 = 1448 of 1514 bytes.
  EXPECT_THAT(about(sound(), "MTU").found, HasSubstr("95.6 %"));
}

TEST(Findings, LoopbackIsNeverSilent) {
  Facts facts = sound();
  facts.manager->connection = connection("127.0.0.1", "127.0.0.1", "lo");
  EXPECT_EQ(about(facts, "interface").verdict, Verdict::note);
  EXPECT_THAT(about(facts, "interface").found, HasSubstr("only its processes can take part"));
  facts = sound();
  facts.peers[0].connection = connection("127.0.0.1", "127.0.0.1", "lo");
  EXPECT_EQ(about(facts, "peer 10.0.0.3:7071").verdict, Verdict::problem);
}

TEST(Findings, AFasterInterfaceBesideTheOneUsedIsNamed) {
  Facts facts = sound();
  facts.interfaces.push_back(ethernet("ib0", "10.1.0.2", 100'000));
  EXPECT_EQ(about(facts, "interface").verdict, Verdict::warning);
  EXPECT_THAT(about(facts, "interface").remedy, HasSubstr("data_host=10.1.0.2"));
}

TEST(Findings, ANarrowerPathThanTheInterfaceIsAWarning) {
  Facts facts = sound();
  facts.peers[0].connection->path_mtu = 1420;
  EXPECT_EQ(about(facts, "MTU").verdict, Verdict::warning);
  EXPECT_THAT(about(facts, "MTU").found, HasSubstr("1420 to 10.0.0.3, but 1500 on eth0"));
}

TEST(Findings, BuffersAreHeldAgainstBandwidthTimesRoundTrip) {
  // 1 Gbit/s x 40 ms = 5 MB in flight; a buffer is half overhead: 10 MB. 8.4 MB fill 8.39 x 8 / 2 / 0.04 = 839 Mbit/s.
  Facts facts = sound();
  facts.peers[0].connection->round_trip = Duration::milliseconds(40);
  const Finding finding = about(facts, "buffers");
  EXPECT_EQ(finding.verdict, Verdict::warning);
  EXPECT_THAT(finding.found, HasSubstr("839 of 1000 Mbit/s"));
  EXPECT_THAT(finding.remedy, HasSubstr("10000000"));
}

TEST(Findings, WithoutCubicAndRenoSaysHowToGetOne) {
  Facts facts = sound();
  facts.congestion_controls = {"bbr"};
  EXPECT_EQ(about(facts, "congestion control").verdict, Verdict::warning);
  EXPECT_THAT(about(facts, "congestion control").remedy,
              HasSubstr("tcp_allowed_congestion_control=\"bbr cubic\""));
  facts.congestion_controls_had = {"bbr"};
  EXPECT_THAT(about(facts, "congestion control").remedy, HasSubstr("modprobe tcp_cubic"));
}

TEST(Findings, SlowClocksAndFewDescriptorsAreSaid) {
  Facts facts = sound();
  facts.clock_source = "hpet";
  facts.descriptors = 1024;  // (1024 - 64) / 2 = 480 peers
  EXPECT_EQ(about(facts, "clock").verdict, Verdict::warning);
  EXPECT_THAT(about(facts, "open files").found, HasSubstr("480 peers"));
  EXPECT_THAT(about(facts, "open files").remedy, HasSubstr("ulimit -n 4096"));
}

TEST(Findings, WhoIsNotReachedIsAProblemWithItsOwnRemedy) {
  Facts facts = sound();
  facts.manager->connection = failure(ErrorCode::unavailable, "10.0.0.1:7070: Connection refused");
  facts.peers[0].connection = failure(ErrorCode::timeout, "10.0.0.3:7071: Connection timed out");
  EXPECT_EQ(about(facts, "manager").verdict, Verdict::problem);
  EXPECT_THAT(about(facts, "manager").remedy, HasSubstr("`selmcast manager --insecure-listen ADDRESS`"));
  EXPECT_THAT(about(facts, "peer 10.0.0.3:7071").remedy, HasSubstr("firewall"));
  EXPECT_EQ(worst(judge(facts)), Verdict::problem);
  facts = sound();
  facts.manager->answers_grpc = false;
  EXPECT_THAT(about(facts, "manager").found, HasSubstr("is no manager"));
}

// What was probed between this machine and two others, all well.
Facts probed() {
  Facts facts = sound();
  for (const char* peer : {"10.0.0.3", "10.0.0.4"}) facts.multicast.push_back({peer, 8, false, 8, 8, 0, 0});
  return facts;
}

TEST(Findings, MulticastThatPassesAndFloodsNobodyIsGoodForNetwork) {
  EXPECT_EQ(about(probed(), "multicast to 10.0.0.4").verdict, Verdict::good);
  EXPECT_THAT(about(probed(), "--multicast auto").found, HasSubstr("would use network"));
  Facts facts = probed();
  facts.multicast[1] = {"127.0.0.1", 8, true, 8, 8, 8, 8};  // on one machine nothing floods
  EXPECT_THAT(about(facts, "--multicast auto").found, HasSubstr("would use network"));
}

// 3 of 8 are too few, on either way.
TEST(Findings, MulticastThatDoesNotPassNamesThePeerAndFirewalls) {
  for (const bool there : {true, false}) {
    Facts facts = probed();
    (there ? facts.multicast[1].heard_there : facts.multicast[1].heard_here) = 3;
    EXPECT_EQ(about(facts, "multicast to 10.0.0.4").verdict, Verdict::note);
    EXPECT_THAT(about(facts, "--multicast auto").found,
                HasSubstr("does not pass between this machine and 10.0.0.4"));
    EXPECT_THAT(about(facts, "--multicast auto").remedy, HasSubstr("firewalls"));
  }
}

TEST(Findings, MulticastThatFloodsOrMayDoSoIsNoGoodForNetwork) {
  Facts facts = probed();
  facts.multicast[0].flooded_here = 8;
  EXPECT_THAT(about(facts, "--multicast auto").found, HasSubstr("floods between this machine and 10.0.0.3"));
  EXPECT_THAT(about(facts, "multicast to 10.0.0.3").remedy, HasSubstr("IGMP snooping"));
  facts = probed();
  for (MulticastReach& one : facts.multicast) one.flooded_here = one.flooded_there = std::nullopt;
  EXPECT_THAT(about(facts, "--multicast auto").found, HasSubstr("nobody may look"));
  facts.multicast[1].flooded_there = 0;  // one that may is enough
  EXPECT_THAT(about(facts, "--multicast auto").found, HasSubstr("would use network"));
}

TEST(Findings, WithoutAManagerSayWhichWaysThereAre) {
  Facts facts = sound();
  facts.manager.reset();
  facts.interfaces.push_back(ethernet("eth1", "10.1.0.2"));
  EXPECT_EQ(about(facts, "interface").verdict, Verdict::note);
  EXPECT_THAT(about(facts, "interface").found, HasSubstr("eth0 (10.0.0.2, 1000 Mbit/s); eth1 (10.1.0.2)"));
  facts.interfaces.clear();
  EXPECT_EQ(about(facts, "interface").verdict, Verdict::warning);
}

}  // namespace
}  // namespace selmcast::doctor
