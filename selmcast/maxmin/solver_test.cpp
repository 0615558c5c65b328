#include "selmcast/maxmin/solver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/rng.h"
#include "selmcast/maxmin/brute_filling_testing.h"

namespace selmcast::maxmin {
namespace {

using testing::brute_rates;
using testing::PlainFlow;

// Capacities in bit/s, small and round.
struct Net {
  explicit Net(const std::vector<double>& capacities, Solver::Method method = Solver::Method::choose)
      : solver(method) {
    for (const double c : capacities) links.push_back(solver.add_link(Rate::bits_per_second(c)));
  }
  FlowId flow(const std::vector<std::size_t>& on, Claim claim = {}) {
    std::vector<LinkId> ids;
    for (const std::size_t l : on) ids.push_back(links[l]);
    return solver.add_flow(ids, claim);
  }
  double rate(FlowId flow) const { return solver.rate(flow).bps(); }
  void capacity(std::size_t link, double value) {
    solver.set_capacity(links[link], Rate::bits_per_second(value));
  }

  Solver solver;
  std::vector<LinkId> links;
};

TEST(MaxMinSolver, SharesOneLinkEqually) {
  Net net({12});
  const FlowId a = net.flow({0});
  const FlowId b = net.flow({0});
  const FlowId c = net.flow({0});
  EXPECT_EQ(net.solver.solve().flows.size(), 3U);
  for (const FlowId f : {a, b, c}) EXPECT_DOUBLE_EQ(net.rate(f), 4);
}

TEST(MaxMinSolver, GivesWhatABottleneckLeavesToTheOthers) {
  // a crosses both links. Link 1 is full at level 4 / 2 = 2: a = c = 2. Link 0 has 10 - 2 = 8 left for b.
  Net net({10, 4});
  const FlowId a = net.flow({0, 1});
  const FlowId b = net.flow({0});
  const FlowId c = net.flow({1});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(a), 2);
  EXPECT_DOUBLE_EQ(net.rate(b), 8);
  EXPECT_DOUBLE_EQ(net.rate(c), 2);
}

TEST(MaxMinSolver, AMulticastHasTheRateOfItsSlowestReceiverUntilThatIsDropped) {
  // Uplink 10; downlinks 8, 3, 6. With all three receivers 3; without the slowest min(10, 8, 6) = 6.
  Net net({10, 8, 3, 6});
  const FlowId multicast = net.flow({0, 1, 2, 3});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(multicast), 3);
  net.solver.take_off(multicast, net.links[2]);
  EXPECT_EQ(net.solver.solve().flows.size(), 1U);
  EXPECT_DOUBLE_EQ(net.rate(multicast), 6);
  net.solver.take_off(multicast, net.links[1]);
  net.solver.take_off(multicast, net.links[3]);
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(multicast), 10);
}

TEST(MaxMinSolver, ServesPrioritiesInOrderAndWastesNothing) {
  // Link 0 (10): the first takes min(10, 6) = 6 because of link 1, the second the other 4, the third nothing.
  Net net({10, 6});
  const FlowId first = net.flow({0, 1}, {.priority = 1});
  const FlowId second = net.flow({0}, {.priority = 2});
  const FlowId third = net.flow({0}, {.priority = 3});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(first), 6);
  EXPECT_DOUBLE_EQ(net.rate(second), 4);
  EXPECT_DOUBLE_EQ(net.rate(third), 0);
  // The third overtakes: all 10 are its own.
  net.solver.set_claim(third, {.priority = 0});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(third), 10);
  EXPECT_DOUBLE_EQ(net.rate(first), 0);
  EXPECT_DOUBLE_EQ(net.rate(second), 0);
  net.solver.remove_flow(third);
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(first), 6);
  EXPECT_DOUBLE_EQ(net.rate(second), 4);
}

TEST(MaxMinSolver, KeepsReservationsAndSharesTheRest) {
  // Reservations 6 and 3 of a link of 18: level 18 / 9 = 2, so 12 and 6. A third flow of weight 9 brings the level to
  // 18 / 18 = 1: everybody has just what is reserved.
  Net net({18});
  const FlowId a = net.flow({0}, {.weight = 6});
  const FlowId b = net.flow({0}, {.weight = 3});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(a), 12);
  EXPECT_DOUBLE_EQ(net.rate(b), 6);
  const FlowId c = net.flow({0}, {.weight = 9});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(a), 6);
  EXPECT_DOUBLE_EQ(net.rate(b), 3);
  EXPECT_DOUBLE_EQ(net.rate(c), 9);
}

TEST(MaxMinSolver, FollowsACapacityDownToNothingAndBack) {
  Net net({10, 4});
  const FlowId a = net.flow({0});
  const FlowId b = net.flow({0, 1});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(a), 6);
  net.capacity(1, 0);
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(a), 10);
  EXPECT_DOUBLE_EQ(net.rate(b), 0);
  net.capacity(1, 8);  // no longer what binds
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(a), 5);
  EXPECT_DOUBLE_EQ(net.rate(b), 5);
}

TEST(MaxMinSolver, ReportsTheLevelsThatChanged) {
  Net net({10, 6});
  const FlowId a = net.flow({0});
  const FlowId b = net.flow({1});
  net.solver.solve();
  EXPECT_TRUE(net.solver.solve().empty());  // nothing happened
  net.capacity(1, 3);
  const auto changes = net.solver.solve();
  ASSERT_EQ(changes.links.size(), 1U);
  EXPECT_EQ(changes.links[0], net.links[1]);
  EXPECT_DOUBLE_EQ(net.solver.level(net.links[1]).bps(), 3);
  EXPECT_TRUE(changes.flows.empty()) << "nobody has another bottleneck";
  EXPECT_DOUBLE_EQ(net.rate(a), 10);
  EXPECT_DOUBLE_EQ(net.rate(b), 3);
}

TEST(MaxMinSolver, ReportsTheFlowsThatGoByAnotherLink) {
  // Link 0: a = b = 5 < 8. Without a, b has 8 of link 1.
  Net net({10, 8});
  const FlowId a = net.flow({0});
  const FlowId b = net.flow({0, 1});
  net.solver.solve();
  EXPECT_EQ(net.solver.bottleneck(b), net.links[0]);
  net.solver.remove_flow(a);
  const auto changes = net.solver.solve();
  ASSERT_EQ(changes.flows.size(), 1U);
  EXPECT_EQ(changes.flows[0], b);
  EXPECT_EQ(net.solver.bottleneck(b), net.links[1]);
  EXPECT_DOUBLE_EQ(net.rate(b), 8);
  // Behind an earlier priority it goes by none.
  net.solver.set_claim(b, {.priority = 1});
  net.flow({0});
  net.solver.solve();
  EXPECT_EQ(net.solver.bottleneck(b), std::nullopt);
  EXPECT_DOUBLE_EQ(net.rate(b), 0);
}

TEST(MaxMinSolver, DoesNotLookAtLinksBelowTheChange) {
  // Link 0 is full at level 2 / 2 = 1: a = b = 1. Link 1 has 10 - 1 = 9 left for c and d: 4.5 each.
  Net net({2, 10, 50}, Solver::Method::follow);
  const FlowId a = net.flow({0, 1});
  const FlowId b = net.flow({0});
  const FlowId c = net.flow({1});
  const FlowId d = net.flow({1});
  const FlowId far = net.flow({2});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(c), 4.5);
  // e makes link 1 full at (10 - 1) / 3 = 3: above a's and b's level 1, and far is not connected. Looked at: link 1.
  const FlowId e = net.flow({1});
  net.solver.solve();
  EXPECT_EQ(net.solver.last_relaxed(), 1U);
  for (const FlowId f : {c, d, e}) EXPECT_DOUBLE_EQ(net.rate(f), 3);
  for (const FlowId f : {a, b}) EXPECT_DOUBLE_EQ(net.rate(f), 1);
  EXPECT_DOUBLE_EQ(net.rate(far), 50);
}

TEST(MaxMinSolver, DoesNotLookAtLinksThatOnlyShareALinkWithThoseThatChange) {
  // Link 0: a = b = 5. Link 2: c = d = 4. Link 1, which b and c share, is never full.
  Net net({10, 100, 8}, Solver::Method::follow);
  const FlowId a = net.flow({0});
  const FlowId b = net.flow({0, 1});
  const FlowId c = net.flow({1, 2});
  const FlowId d = net.flow({2});
  net.solver.solve();
  const FlowId e = net.flow({0});  // a = b = e = 10 / 3
  net.solver.solve();
  EXPECT_EQ(net.solver.last_relaxed(), 1U);
  for (const FlowId f : {a, b, e}) EXPECT_DOUBLE_EQ(net.rate(f), 10.0 / 3);
  for (const FlowId f : {c, d}) EXPECT_DOUBLE_EQ(net.rate(f), 4);
}

TEST(MaxMinSolver, RelaxesEachLinkOfAChainOnce) {
  // f_k crosses links k and k + 1 of 1, 2, 4, 8, 16, and has what f_{k-1} leaves of link k: f_0 = 1, f_1 = 2 - 1 = 1,
  // f_2 = 4 - 1 = 3, f_3 = 8 - 3 = 5. The rest of link 4, 16 - 5 = 11, is for g.
  Net net({1, 2, 4, 8, 16}, Solver::Method::follow);
  std::vector<FlowId> flows;
  for (std::size_t k = 0; k < 4; ++k) flows.push_back(net.flow({k, k + 1}));
  const FlowId g = net.flow({4});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(flows[3]), 5);
  EXPECT_DOUBLE_EQ(net.rate(g), 11);
  // Link 0 falls to .5: f_1 = 1.5, f_2 = 2.5, f_3 = 5.5, g = 10.5. Each link is relaxed once, in order.
  net.capacity(0, 0.5);
  net.solver.solve();
  EXPECT_EQ(net.solver.last_relaxed(), 5U);
  EXPECT_DOUBLE_EQ(net.rate(flows[1]), 1.5);
  EXPECT_DOUBLE_EQ(net.rate(flows[2]), 2.5);
  EXPECT_DOUBLE_EQ(net.rate(flows[3]), 5.5);
  EXPECT_DOUBLE_EQ(net.rate(g), 10.5);
}

TEST(MaxMinSolver, TakesOverAFlowThatCannotKeepItsRate) {
  // Link 0: a = b = 5. c has all of link 2, 14; on link 1 that makes 5 + 14 < 20. Without a, b would have 10 of link 0:
  // if c stayed, link 1 were full at level 20 - 14 = 6, below c's 14. So both grow there: 20 / 2 = 10.
  Net net({10, 20, 14});
  const FlowId a = net.flow({0});
  const FlowId b = net.flow({0, 1});
  const FlowId c = net.flow({1, 2});
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(c), 14);
  net.solver.remove_flow(a);
  net.solver.solve();
  EXPECT_DOUBLE_EQ(net.rate(b), 10);
  EXPECT_DOUBLE_EQ(net.rate(c), 10);
  EXPECT_EQ(net.solver.bottleneck(c), net.links[1]);
}

// A random network under random changes, beside the plain description of the same.
class Play {
 public:
  Play(std::uint64_t seed, bool whole, Solver::Method method) : rng_(seed), whole_(whole), solver_(method) {
    const std::size_t links = 2 + rng_.below(12);
    priorities_ = rng_.below(2) == 0 ? 1 : 2 + rng_.below(40);
    weighted_ = rng_.below(2) == 0;
    for (std::size_t l = 0; l < links; ++l) {
      capacities_.push_back(some_capacity());
      links_.push_back(solver_.add_link(Rate::bits_per_second(capacities_.back())));
    }
  }

  void change() {
    const std::uint64_t dice = rng_.below(100);
    if (dice < 45 || flows_.empty()) return add();
    const std::size_t f = rng_.below(flows_.size());
    if (dice < 70) return remove(f);
    if (dice < 80) return take_off(f);
    if (dice < 90) return set_claim(f);
    const std::size_t l = rng_.below(capacities_.size());
    capacities_[l] = rng_.below(10) == 0 ? 0 : some_capacity();
    solver_.set_capacity(links_[l], Rate::bits_per_second(capacities_[l]));
  }

  void solve_and_compare() {
    const Solver::Changes changes = solver_.solve();
    for (const FlowId id : changes.flows)
      ASSERT_NE(std::ranges::find(ids_, id), ids_.end()) << "a flow was reported that is gone";
    for (const LinkId link : links_) {
      const double level = solver_.level(link).bps();
      const bool reported = std::ranges::find(changes.links, link) != changes.links.end();
      ASSERT_TRUE(level == level_before_[link.value()] || reported) << "link " << link.value();
      level_before_[link.value()] = level;
    }
    const std::vector<double> expected = brute_rates(capacities_, flows_);
    for (std::size_t f = 0; f < ids_.size(); ++f) {
      const double rate = solver_.rate(ids_[f]).bps();
      // A rate of rounding errors left over by higher priorities is as good as none: hence the scale of the link.
      ASSERT_NEAR(rate, expected[f], 1e-9 * expected[f] + 1e-10) << "flow " << f;
      // What Fluid goes by.
      const std::optional<LinkId> bottleneck = solver_.bottleneck(ids_[f]);
      ASSERT_EQ(rate, bottleneck ? flows_[f].weight * solver_.level(*bottleneck).bps() : 0) << "flow " << f;
      const bool reported = std::ranges::find(changes.flows, ids_[f]) != changes.flows.end();
      ASSERT_TRUE(reported || goes_by_[ids_[f].value()] == bottleneck) << "flow " << f;
      goes_by_[ids_[f].value()] = bottleneck;
    }
  }

 private:
  double some_capacity() { return whole_ ? static_cast<double>(1 + rng_.below(6)) : rng_.uniform(1, 100); }
  Claim some_claim() { return {rng_.below(priorities_), weighted_ ? rng_.uniform(0.5, 4) : 1}; }
  void add() {
    std::vector<std::size_t> on(links_.size());
    for (std::size_t l = 0; l < on.size(); ++l) on[l] = l;
    rng_.shuffle(std::span(on));
    on.resize(1 + rng_.below(std::min<std::size_t>(5, on.size())));
    const Claim claim = some_claim();
    std::vector<LinkId> ids;
    for (const std::size_t l : on) ids.push_back(links_[l]);
    ids_.push_back(solver_.add_flow(ids, claim));
    flows_.push_back({on, claim.priority, claim.weight});
  }
  void remove(std::size_t f) {
    solver_.remove_flow(ids_[f]);
    ids_.erase(ids_.begin() + static_cast<std::ptrdiff_t>(f));
    flows_.erase(flows_.begin() + static_cast<std::ptrdiff_t>(f));
  }
  void take_off(std::size_t f) {
    auto& on = flows_[f].links;
    if (on.size() == 1) return;
    const auto victim = on.begin() + static_cast<std::ptrdiff_t>(rng_.below(on.size()));
    solver_.take_off(ids_[f], links_[*victim]);
    on.erase(victim);
  }
  void set_claim(std::size_t f) {
    const Claim claim = some_claim();
    solver_.set_claim(ids_[f], claim);
    flows_[f].priority = claim.priority;
    flows_[f].weight = claim.weight;
  }

  Rng rng_;
  bool whole_;
  std::uint64_t priorities_ = 1;
  bool weighted_ = false;
  Solver solver_;
  std::vector<LinkId> links_;
  std::vector<double> capacities_;
  std::map<std::uint32_t, double> level_before_;            // by link
  std::map<std::uint32_t, std::optional<LinkId>> goes_by_;  // by flow
  std::vector<FlowId> ids_;
  std::vector<PlainFlow> flows_;
};

// Small whole capacities bring ties, exact fits and links that are full at the same level.
TEST(MaxMinSolver, AgreesWithBruteFillingAfterEveryStepOfRandomSequences) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::array methods{Solver::Method::choose, Solver::Method::follow, Solver::Method::fill};
    Play play(seed, seed % 2 == 0, methods[seed % methods.size()]);
    Rng rng(seed + 1000000);
    for (int step = 0; step < 60; ++step) {
      const std::uint64_t changes = 1 + rng.below(3);
      for (std::uint64_t c = 0; c < changes; ++c) play.change();
      play.solve_and_compare();
      if (HasFatalFailure()) return;
    }
  }
}

// n alike workers, each with a network multicast to a few or many of the others, one replaced after the other: many
// more flows than are filled afresh at once, and hardly a link whose level is not another one's too.
TEST(MaxMinSolver, SettlesManyMulticastsOverLinksThatAreAllAlike) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const std::size_t n = 80;
    const std::vector<double> capacities(2 * n, 4e10);
    Net net(capacities);
    std::vector<PlainFlow> flows(n);
    std::vector<std::optional<FlowId>> ids(n);
    for (int step = 0; step < 400; ++step) {
      const std::size_t sender = rng.below(n);
      if (ids[sender]) net.solver.remove_flow(*ids[sender]);
      flows[sender] = {.links = {sender}, .priority = rng.below(1 + seed % 3 * 4)};
      for (std::size_t j = 0; j < n; ++j) {
        if (j != sender && rng.below(4) == 0) flows[sender].links.push_back(n + j);
      }
      ids[sender] = net.flow(flows[sender].links, {.priority = flows[sender].priority});
      for (std::size_t i = 0; i < n && step % 4 == 0; ++i) {
        if (!ids[i]) continue;
        flows[i].priority = rng.below(1 + seed % 3 * 4);
        net.solver.set_claim(*ids[i], {.priority = flows[i].priority});
      }
      net.solver.solve();
      if (step % 40 != 39) continue;
      std::vector<PlainFlow> running;
      std::vector<double> rates;
      for (std::size_t i = 0; i < n; ++i) {
        if (!ids[i]) continue;
        running.push_back(flows[i]);
        rates.push_back(net.rate(*ids[i]));
      }
      const std::vector<double> expected = brute_rates(capacities, running);
      for (std::size_t f = 0; f < rates.size(); ++f) ASSERT_NEAR(rates[f], expected[f], 1e-9 * 4e10) << f;
    }
  }
}

}  // namespace
}  // namespace selmcast::maxmin
