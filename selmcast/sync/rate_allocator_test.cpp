#include "selmcast/sync/rate_allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "selmcast/base/rng.h"

namespace selmcast::sync {
namespace {

using plan::MulticastKind;
using plan::Plan;
using plan::Problem;

constexpr double kTolerance = 1e-9;

WorkerIndex index(std::size_t i) { return WorkerIndex(static_cast<std::uint32_t>(i)); }

struct Bandwidth {
  double up_mbps;
  double down_mbps;
};

// One megabit (125,000 bytes) from everybody, so that a rate of r Mbit/s delivers in 1 / r seconds.
Problem problem_of(MulticastKind kind, const std::vector<Bandwidth>& workers) {
  Problem problem{.multicast = kind, .workers = {}, .required = {}, .ages = {}};
  for (const Bandwidth& b : workers) {
    problem.workers.push_back({.name = "w" + std::to_string(problem.size()),
                               .uplink = Rate::megabits_per_second(b.up_mbps),
                               .downlink = Rate::megabits_per_second(b.down_mbps),
                               .min_receivers = 0,
                               .volume = Bytes(125'000)});
  }
  return problem;
}

Plan plan_of(const std::vector<std::vector<std::size_t>>& receivers) {
  Plan plan;
  for (const auto& of_sender : receivers) {
    plan.selections.emplace_back();
    for (const std::size_t j : of_sender) plan.selections.back().push_back({index(j)});
  }
  return plan;
}

std::vector<double> mbps(const std::vector<PairRate>& rates) {
  std::vector<double> result;
  for (const PairRate& r : rates) result.push_back(r.rate.mbps());
  return result;
}

auto near_all(const std::vector<double>& expected) {
  return testing::Pointwise(testing::DoubleNear(1e-9), expected);
}

TEST(RateAllocator, EmptyPlanHasNoRates) {
  EXPECT_TRUE(
      allocate_rates(problem_of(MulticastKind::unicast, {{1, 1}, {1, 1}}), plan_of({{}, {}})).empty());
}

TEST(RateAllocator, UnicastSharesTheFullLinkAndGivesTheRestToOthers) {
  // w0 -> w1, w0 -> w2, w3 -> w2; uplink of w0 is 10, downlink of w2 is 30, all else 100.
  // Uplink of w0 is full first, at 10 / 2 = 5 each (w2's downlink would be at 30 / 2 = 15).
  // Then w3 -> w2 grows alone to 30 - 5 = 25.
  const auto problem = problem_of(MulticastKind::unicast, {{10, 100}, {100, 100}, {100, 30}, {100, 100}});
  const auto rates = allocate_rates(problem, plan_of({{1, 2}, {}, {}, {2}}));
  EXPECT_THAT(mbps(rates), near_all({5, 5, 25}));
  EXPECT_EQ(rates[2].pair, (plan::Pair{index(3), index(2)}));
}

TEST(RateAllocator, WhoAMulticastDoesNotReachHasAFlowOfItsOwnBesideIt) {
  // w0 to w1, w2 and w3, of whom w2 is not reached: a shared copy to w1 and w3, one to w2, over an uplink of 12. Both
  // grow to 5, where w3's downlink is full; then w2's alone to 7.
  auto problem = problem_of(MulticastKind::network, {{12, 100}, {100, 100}, {100, 100}, {100, 5}});
  problem.unreached = {{index(0), index(2)}, {index(3), index(0)}};
  const auto rates = allocate_rates(problem, plan_of({{1, 2, 3}, {}, {}, {0}}));
  // w3 -> w0, not reached either, is alone on 100 and 100.
  EXPECT_THAT(mbps(rates), near_all({5, 7, 5, 100}));
}

TEST(RateAllocator, NetworkMulticastIsOneFlowAtTheRateOfItsTightestReceiver) {
  // w0 -> {w1, w2}, w3 -> w2. One flow of w0 loads its uplink (10) once. Downlinks: w1 4, w2 30.
  // w1 is full at 4, so the whole multicast of w0 gets 4; w3 -> w2 gets 30 - 4 = 26.
  const auto problem = problem_of(MulticastKind::network, {{10, 100}, {100, 4}, {100, 30}, {100, 100}});
  EXPECT_THAT(mbps(allocate_rates(problem, plan_of({{1, 2}, {}, {}, {2}}))), near_all({4, 4, 26}));
}

TEST(RateAllocator, SharesAreInProportionToVolumeSoThatTheyEndTogether) {
  // w0 sends 3 megabits, w1 sends 1, both to w2 with downlink 8: rates 6 and 2, both end after 0.5 s.
  auto problem = problem_of(MulticastKind::unicast, {{100, 100}, {100, 100}, {100, 8}});
  problem.workers[0].volume = Bytes(375'000);
  EXPECT_THAT(mbps(allocate_rates(problem, plan_of({{2}, {2}, {}}))), near_all({6, 2}));
}

// ---- properties on random plans
// -----------------------------------------------------------------------------

struct Case {
  Problem problem;
  Plan plan;
};

Case random_case(Rng& rng) {
  const std::size_t n = 2 + rng.below(9);
  const auto kind = rng.below(2) == 0 ? MulticastKind::unicast : MulticastKind::network;
  Case result{problem_of(kind, std::vector<Bandwidth>(n)), {}};
  const bool equal_volumes = rng.below(2) == 0;
  const bool few_bandwidths = rng.below(2) == 0;  // makes links full at the same moment
  for (auto& worker : result.problem.workers) {
    const auto draw = [&] {
      return few_bandwidths ? 10.0 * static_cast<double>(1 + rng.below(3)) : rng.uniform(1, 1000);
    };
    worker.uplink = Rate::megabits_per_second(draw());
    worker.downlink = Rate::megabits_per_second(draw());
    if (!equal_volumes) worker.volume = Bytes(1 + static_cast<std::int64_t>(rng.below(1'000'000)));
  }
  const double density = rng.uniform();
  for (std::size_t i = 0; i < n; ++i) {
    result.plan.selections.emplace_back();
    for (std::size_t j = 0; j < n; ++j) {
      if (j != i && rng.uniform() < density) result.plan.selections[i].push_back({index(j)});
    }
  }
  return result;
}

// Sums over links, computed from the definition: uplinks first, then downlinks.
struct LinkSums {
  std::vector<double> used;       // bit/s
  std::vector<double> load;       // bits
  std::vector<double> bandwidth;  // bit/s
};

LinkSums sums(const Case& c, const std::vector<PairRate>& rates) {
  const std::size_t n = c.problem.size();
  LinkSums s{std::vector<double>(2 * n), std::vector<double>(2 * n), std::vector<double>(2 * n)};
  for (std::size_t i = 0; i < n; ++i) {
    s.bandwidth[i] = c.problem.workers[i].uplink.bps();
    s.bandwidth[n + i] = c.problem.workers[i].downlink.bps();
  }
  for (std::size_t k = 0; k < rates.size(); ++k) {
    const std::size_t i = position(rates[k].pair.sender);
    const std::size_t j = n + position(rates[k].pair.receiver);
    const double bits = c.problem.workers[i].volume.in_bits();
    const bool counts_for_uplink = c.problem.multicast == MulticastKind::unicast || k == 0 ||
                                   rates[k - 1].pair.sender != rates[k].pair.sender;
    for (const std::size_t l : counts_for_uplink ? std::vector{i, j} : std::vector{j}) {
      s.used[l] += rates[k].rate.bps();
      s.load[l] += bits;
    }
  }
  return s;
}

TEST(RateAllocator, LastDeliveryEndsExactlyAtTheCompletionTime) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const Case c = random_case(rng);
    const auto rates = allocate_rates(c.problem, c.plan);
    const LinkSums s = sums(c, rates);
    double completion = 0;
    for (std::size_t l = 0; l < s.load.size(); ++l)
      completion = std::max(completion, s.load[l] / s.bandwidth[l]);
    double last = 0;
    for (const PairRate& r : rates)
      last = std::max(last, (c.problem.worker(r.pair.sender).volume / r.rate).in_seconds());
    EXPECT_NEAR(last, completion, kTolerance * completion);
  }
}

TEST(RateAllocator, NoLinkIsOverCommittedAndEveryFlowCrossesAFullOne) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const Case c = random_case(rng);
    const auto rates = allocate_rates(c.problem, c.plan);
    const LinkSums s = sums(c, rates);
    const auto full = [&](std::size_t l) { return s.used[l] >= s.bandwidth[l] * (1 - kTolerance); };
    for (std::size_t l = 0; l < s.used.size(); ++l)
      EXPECT_LE(s.used[l], s.bandwidth[l] * (1 + kTolerance)) << l;
    for (std::size_t k = 0; k < rates.size(); ++k) {
      // A network multicast is frozen by any of its receivers' links.
      bool frozen = full(position(rates[k].pair.sender));
      for (const PairRate& other : rates) {
        const bool same_flow = c.problem.multicast == MulticastKind::unicast
                                   ? other.pair == rates[k].pair
                                   : other.pair.sender == rates[k].pair.sender;
        frozen = frozen || (same_flow && full(c.problem.size() + position(other.pair.receiver)));
      }
      EXPECT_TRUE(frozen) << "flow " << k;
    }
  }
}

// The rival: grows all levels in small steps of 1/2000 of the last possible level, checking every link at
// each.
std::vector<double> filled_in_small_steps(const Case& c, double step) {
  std::vector<PairRate> rates;
  for (std::size_t i = 0; i < c.problem.size(); ++i) {
    for (const auto& selection : c.plan.selections[i])
      rates.push_back({{index(i), selection.receiver}, Rate()});
  }
  const bool network = c.problem.multicast == MulticastKind::network;
  std::vector<bool> frozen(rates.size());
  while (std::ranges::count(frozen, false) > 0) {
    auto grown = rates;
    for (std::size_t k = 0; k < rates.size(); ++k) {
      if (!frozen[k])
        grown[k].rate +=
            Rate::bits_per_second(step * c.problem.worker(rates[k].pair.sender).volume.in_bits());
    }
    const LinkSums s = sums(c, grown);
    std::vector<bool> blocked(rates.size());
    for (std::size_t k = 0; k < rates.size(); ++k) {
      for (const std::size_t l :
           {position(rates[k].pair.sender), c.problem.size() + position(rates[k].pair.receiver)}) {
        if (!frozen[k] && s.used[l] > s.bandwidth[l]) blocked[k] = true;
      }
    }
    for (std::size_t k = 0; k < rates.size(); ++k) {
      for (std::size_t m = 0; m < rates.size(); ++m) {
        if (network && blocked[m] && rates[m].pair.sender == rates[k].pair.sender) frozen[k] = true;
      }
      frozen[k] = frozen[k] || blocked[k];
      if (!frozen[k]) rates[k].rate = grown[k].rate;
    }
  }
  return mbps(rates);
}

TEST(RateAllocator, AgreesWithFillingInSmallSteps) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    Case c = random_case(rng);
    for (auto& worker : c.problem.workers) {  // bandwidths and volumes near to one another keep the steps few
      worker.uplink = Rate::megabits_per_second(rng.uniform(50, 150));
      worker.downlink = Rate::megabits_per_second(rng.uniform(50, 150));
      worker.volume = Bytes(100'000 + static_cast<std::int64_t>(rng.below(100'000)));
    }
    // A step adds at most 200,000 bytes * 8 * 0.2 = 0.32 Mbit/s to one flow and 10 times that to a link;
    // errors of early freezes pass on to later ones, so allow a few Mbit/s of the 50 to 150.
    const auto expected = filled_in_small_steps(c, 0.2);
    EXPECT_THAT(mbps(allocate_rates(c.problem, c.plan)),
                testing::Pointwise(testing::DoubleNear(4), expected));
  }
}

}  // namespace
}  // namespace selmcast::sync
