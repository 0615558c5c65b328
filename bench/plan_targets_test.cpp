// The verdicts on made-up timings: the worst instance decides, and what was not measured is not claimed.
#include "bench/plan_targets.h"

#include <gtest/gtest.h>

namespace selmcast::bench {
namespace {

using plan::MulticastKind;

PlanTiming timing(std::string planner, std::size_t workers, double ms,
                  MulticastKind multicast = MulticastKind::unicast) {
  return {std::move(planner),
          {workers, multicast, Variant::aged},
          Duration::milliseconds(ms),
          9,
          true,
          Duration::seconds(1),
          10};
}

Verdict verdict_about(const PlanBench& bench, std::string_view words) {
  for (const Verdict& verdict : judge(bench)) {
    if (verdict.target.find(words) != std::string::npos) return verdict;
  }
  ADD_FAILURE() << "no verdict about " << words;
  return {};
}

TEST(PlanTargets, TheWorstInstanceDecides) {
  // 40 / 2 = 20x with unicast, 27 / 3 = 9x with network: less than 10x, missed.
  PlanBench bench;
  bench.timings = {timing("exact", 200, 2), timing("dinic", 200, 40),
                   timing("exact", 200, 3, MulticastKind::network),
                   timing("dinic", 200, 27, MulticastKind::network)};
  EXPECT_EQ(verdict_about(bench, "faster than dinic").met, false);
  EXPECT_EQ(verdict_about(bench, "faster than dinic").measured, "9x (n=200 network aged)");
  bench.timings[3].median = Duration::milliseconds(30);
  EXPECT_EQ(verdict_about(bench, "faster than dinic").met, true);
}

TEST(PlanTargets, CbcCountsWhereItFinishesLast) {
  // n = 50 was cut off; at n = 20 it took 900 ms against 1 ms: 900x.
  PlanBench bench;
  bench.timings = {timing("exact", 20, 1), timing("cbc", 20, 900), timing("exact", 50, 2),
                   timing("cbc", 50, 60000)};
  bench.timings[3].finished = false;
  EXPECT_EQ(verdict_about(bench, "faster than cbc").met, false);
  EXPECT_EQ(verdict_about(bench, "faster than cbc").measured, "900x (n=20 unicast aged)");
  bench.timings[3].finished = true;  // 30,000x
  EXPECT_EQ(verdict_about(bench, "faster than cbc").met, true);
}

TEST(PlanTargets, AQuickRunDoesNotKnowHowFarCbcGets) {
  // 569x at n = 30, which is the largest n of a quick run and not of CBC.
  PlanBench bench;
  bench.timings = {timing("exact", 30, 1), timing("cbc", 30, 569)};
  EXPECT_EQ(verdict_about(bench, "faster than cbc").met, false);
  bench.quick = true;
  EXPECT_EQ(verdict_about(bench, "faster than cbc").met, std::nullopt);
  EXPECT_EQ(verdict_about(bench, "faster than cbc").measured, "not measured");
  EXPECT_EQ(verdict_about(bench, "agree").met, true);  // holds at any size
}

TEST(PlanTargets, GrowthComparesAThousandWithTwoThousand) {
  PlanBench bench;
  bench.timings = {timing("exact", 1000, 10), timing("exact", 2000, 49)};
  EXPECT_EQ(verdict_about(bench, "n=2000").met, true);
  bench.timings[1].median = Duration::milliseconds(51);
  EXPECT_EQ(verdict_about(bench, "n=2000").met, false);
}

TEST(PlanTargets, MemoryIsThatOfTheGreediestVariant) {
  PlanBench bench;
  bench.memory = {{"exact", {kMemoryWorkers, MulticastKind::unicast, Variant::plain}, std::size_t{1} << 30},
                  {"exact", {kMemoryWorkers, MulticastKind::unicast, Variant::aged}, std::size_t{1} << 31}};
  EXPECT_EQ(verdict_about(bench, "GiB").met, false);  // 2 GiB is not less than 2 GiB
  bench.memory.pop_back();
  EXPECT_EQ(verdict_about(bench, "GiB").measured, "1 GiB (n=10000 unicast plain)");
  EXPECT_EQ(verdict_about(bench, "GiB").met, true);
}

TEST(PlanTargets, AFasterButDifferentOptimumIsFound) {
  PlanBench bench;
  bench.timings = {timing("exact", 200, 2), timing("dinic", 200, 40)};
  EXPECT_EQ(verdict_about(bench, "agree").met, true);
  bench.timings[0].receiver_count = 9;
  EXPECT_EQ(verdict_about(bench, "agree").met, false);
  bench.timings[0].receiver_count = 10;
  bench.timings[0].completion = Duration::seconds(1.001);
  EXPECT_EQ(verdict_about(bench, "agree").met, false);
}

TEST(PlanTargets, NothingIsClaimedWithoutExact) {
  PlanBench bench;
  bench.timings = {timing("dinic", 200, 40), timing("cbc", 20, 900), timing("literal", 1000, 40)};
  for (const Verdict& verdict : judge(bench)) {
    EXPECT_FALSE(verdict.met.has_value()) << verdict.target;
    EXPECT_EQ(verdict.measured, "not measured");
  }
}

}  // namespace
}  // namespace selmcast::bench
