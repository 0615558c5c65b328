#include "selmcast/sync/multicast_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace selmcast::sync {
namespace {

using plan::MulticastKind;
using ::testing::HasSubstr;
using ::testing::Not;

struct Choice : ::testing::Test {
  std::vector<WorkerId> workers;
  ProbedNetwork network;

  // n workers that hear each other and can see that nothing floods.
  void make(std::uint32_t n) {
    for (std::uint32_t k = 0; k < n; ++k) workers.push_back(WorkerId(k));
    for (const WorkerId receiver : workers) {
      ProbeReport& report = network.reports[receiver];
      report.sees_floods = true;
      for (const WorkerId sender : workers) {
        if (sender != receiver) report.heard.insert(sender);
      }
    }
  }
  ProbeReport& report(std::uint32_t worker) { return network.reports.at(WorkerId(worker)); }
  void cut(std::uint32_t sender, std::uint32_t receiver) { report(receiver).heard.erase(WorkerId(sender)); }
  MulticastChoice choose(MulticastKind fallback = MulticastKind::relay) {
    network.workers = workers;
    return choose_multicast(network, fallback);
  }
};

TEST_F(Choice, NetworkWhereEverybodyHearsEverybodyAndNothingFloods) {
  make(4);
  const MulticastChoice chosen = choose();
  EXPECT_EQ(chosen.kind, MulticastKind::network);
  EXPECT_THAT(chosen.why, HasSubstr("only to those who have joined"));
  EXPECT_EQ(chosen.remedy, "");
}

TEST_F(Choice, UnicastForTwoWhateverTheNetworkDoes) {
  make(2);
  EXPECT_EQ(choose().kind, MulticastKind::unicast);
  cut(0, 1);
  EXPECT_EQ(choose().kind, MulticastKind::unicast);
}

TEST_F(Choice, NamesThePairThatMulticastDoesNotPass) {
  make(4);
  cut(2, 0);
  const MulticastChoice chosen = choose();
  EXPECT_EQ(chosen.kind, MulticastKind::relay);
  EXPECT_EQ(chosen.why, "multicast does not pass from w2 to w0");
  EXPECT_THAT(chosen.remedy, HasSubstr("firewall"));
  EXPECT_EQ(choose(MulticastKind::unicast).kind, MulticastKind::unicast);  // where there is no relay
}

TEST_F(Choice, NamesThoseThatHearNobodyAndThoseThatNobodyHears) {
  make(5);
  for (const std::uint32_t sender : {0, 1, 2, 4}) cut(sender, 3);
  EXPECT_EQ(choose().why, "no multicast of the others reaches w3");
  for (const std::uint32_t receiver : {0, 2, 3, 4}) cut(1, receiver);
  EXPECT_EQ(choose().why,
            "no multicast of the others reaches w3; multicast does not pass from w1 to anybody");
}

TEST_F(Choice, SaysSoWhereNoMulticastPassesAtAll) {
  make(4);
  for (auto& [receiver, report] : network.reports) report.heard.clear();
  EXPECT_THAT(choose().why, ::testing::StartsWith("no multicast passes between the workers"));
}

// Twelve pairs of which three are named.
TEST_F(Choice, AReasonStaysShort) {
  make(8);
  for (std::uint32_t receiver = 0; receiver < 6; ++receiver) {
    cut(6, receiver);
    cut(7, receiver);
  }
  EXPECT_THAT(choose().why, HasSubstr("and 9 more"));
}

TEST_F(Choice, WhoSaysNothingOrCannotListenDecidesAgainstIt) {
  make(4);
  network.reports.erase(WorkerId(1));
  EXPECT_EQ(choose().kind, MulticastKind::relay);
  EXPECT_EQ(choose().why, "w1 did not answer the probe in time");
  make(0);
  report(2).fault = "its address is not IPv4";
  EXPECT_THAT(choose().why, HasSubstr("cannot be used by w2 (its address is not IPv4)"));
}

TEST_F(Choice, NotNetworkWhereItFloods) {
  make(4);
  report(3).flooded = {WorkerId(0), WorkerId(3)};  // itself does not count
  const MulticastChoice chosen = choose();
  EXPECT_EQ(chosen.kind, MulticastKind::relay);
  EXPECT_THAT(chosen.why, HasSubstr("floods: from w0 to w3 came"));
  EXPECT_THAT(chosen.remedy, HasSubstr("IGMP snooping"));
}

TEST_F(Choice, OneThatCanSeeFloodsIsEnoughAndNoneIsNot) {
  make(3);
  report(0).sees_floods = report(1).sees_floods = false;
  EXPECT_EQ(choose().kind, MulticastKind::network);
  report(2).sees_floods = false;
  EXPECT_EQ(choose().kind, MulticastKind::relay);
  EXPECT_THAT(choose().remedy, HasSubstr("CAP_NET_RAW"));
  network.one_machine = true;
  EXPECT_EQ(choose().kind, MulticastKind::network);
  EXPECT_THAT(choose().why, Not(HasSubstr("joined")));
}

// Two racks of two; multicast stays within each. 8 Mbit (1 MB) each. What is needed: two receivers each.
struct Racks : Choice {
  void plan_for(const std::vector<std::pair<double, double>>& links_mbps, int receivers) {
    network.outlook.emplace();
    for (const auto& [up, down] : links_mbps) {
      const WorkerId id(static_cast<std::uint32_t>(network.outlook->ids.size()));
      network.outlook->ids.push_back(id);
      network.outlook->problem.workers.push_back({to_string(id), Rate::megabits_per_second(up),
                                                  Rate::megabits_per_second(down), receivers,
                                                  Bytes(1'000'000)});
    }
  }
  void make_racks(const std::vector<std::pair<double, double>>& links_mbps) {
    workers.clear();
    make(4);
    for (const std::uint32_t s : {0, 1, 2, 3}) {
      for (const std::uint32_t r : {0, 1, 2, 3}) {
        if (s / 2 != r / 2) cut(s, r);
      }
    }
    plan_for(links_mbps, 2);
  }
};

TEST_F(Racks, NetworkWithinAndTcpAcrossWhereThatIsQuickest) {
  // w1's uplink, 4, carries one copy in 2 s and two in 4; all others are fast. Its two receivers are, by network, one
  // copy for w0 and one for w2 or w3: 4 s. Relay: one copy from w1, to be sent on: 2 s.
  make_racks({{40, 40}, {4, 40}, {40, 40}, {40, 40}});
  const MulticastChoice slow = choose();
  EXPECT_EQ(slow.kind, MulticastKind::relay);
  EXPECT_THAT(slow.why,
              HasSubstr("; a round would take by network with TCP beside it 4.000 s, relay 2.000 s, "
                        "unicast 4.000 s"));
  EXPECT_THAT(slow.remedy, HasSubstr("firewall"));
  EXPECT_THAT(slow.unreached, ::testing::IsEmpty());

  // Fast uplinks: the downlinks, 8 at two models each, take 2 s by any kind. Network sends the fewest copies.
  make_racks({{80, 8}, {80, 8}, {80, 8}, {80, 8}});
  const MulticastChoice even = choose();
  EXPECT_EQ(even.kind, MulticastKind::network);
  EXPECT_THAT(even.groups, ::testing::ElementsAre("from w0 and w1: network to w0 and w1, TCP to w2 and w3",
                                                  "from w2 and w3: network to w2 and w3, TCP to w0 and w1"));
  EXPECT_EQ(even.unreached.size(), 8U);
  EXPECT_EQ(even.unreached.front(), (WorkerPair{WorkerId(0), WorkerId(2)}));
}

TEST_F(Racks, OneBehindAFirewallGetsTcpAndSendsByNetwork) {
  make(4);
  for (const std::uint32_t s : {0, 1, 2}) cut(s, 3);
  cut(0, 1);  // and one way between two others
  plan_for({{80, 8}, {80, 8}, {80, 8}, {80, 8}}, 1);
  const MulticastChoice chosen = choose();
  EXPECT_EQ(chosen.kind, MulticastKind::network);
  EXPECT_THAT(
      chosen.groups,
      ::testing::ElementsAre("from w0, w1 and w2: network to w0, w1 and w2, TCP to w3; but TCP from w0 to w1",
                             "from w3: network to w0, w1 and w2"));
  EXPECT_EQ(chosen.unreached.size(), 4U);
}

TEST_F(Racks, FallsBackWhereItFloodsOrNobodyMayLookOrNothingPasses) {
  make_racks({{80, 8}, {80, 8}, {80, 8}, {80, 8}});
  for (auto& [id, report] : network.reports) report.sees_floods = false;
  EXPECT_EQ(choose().kind, MulticastKind::relay);
  report(1).sees_floods = true;
  EXPECT_EQ(choose().kind, MulticastKind::network);
  report(0).flooded = {WorkerId(3)};
  EXPECT_EQ(choose().kind, MulticastKind::relay);
  report(0).flooded.clear();
  for (auto& [id, report] : network.reports) report.heard.clear();
  EXPECT_EQ(choose().kind, MulticastKind::relay);
  EXPECT_EQ(choose().why, "no multicast passes between the workers");
}

TEST_F(Racks, ManyWorkersAreComparedByTheirBounds) {
  // 100 workers, of which one hears nobody; each needs 10. Uplinks 80: a model takes 0.1 s, downlinks 8: ten take 10 s.
  make(100);
  for (std::uint32_t s = 0; s < 99; ++s) cut(s, 99);
  plan_for(std::vector<std::pair<double, double>>(100, {80, 8}), 10);
  EXPECT_EQ(choose().kind, MulticastKind::network);
  EXPECT_THAT(choose().why,
              HasSubstr("network with TCP beside it 10.000 s, relay 10.000 s, unicast 10.000 s"));
}

// Every pattern of who hears whom among three: network if and only if all six ways pass.
TEST_F(Choice, AllPatternsOfThree) {
  for (unsigned pattern = 0; pattern < 64; ++pattern) {
    workers.clear();
    make(3);
    unsigned bit = 0;
    for (const WorkerId receiver : workers) {
      for (const WorkerId sender : workers) {
        if (sender == receiver) continue;
        if ((pattern >> bit++ & 1) == 0) cut(sender.value(), receiver.value());
      }
    }
    const MulticastChoice chosen = choose();
    EXPECT_EQ(chosen.kind, pattern == 63 ? MulticastKind::network : MulticastKind::relay) << pattern;
    EXPECT_EQ(chosen.remedy.empty(), pattern == 63) << pattern;
    EXPECT_EQ(chosen, choose()) << pattern;
  }
}

}  // namespace
}  // namespace selmcast::sync
