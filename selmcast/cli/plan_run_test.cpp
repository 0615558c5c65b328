#include "selmcast/cli/plan_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "selmcast/cli/plan_json.h"
#include "selmcast/cli/plan_table.h"

namespace selmcast::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

plan::Problem two_workers() {
  const Rate rate = Rate::bits_per_second(8);
  return {.multicast = plan::MulticastKind::unicast,
          .workers = {{"a", rate, rate, 1, Bytes(2)}, {"b", rate, rate, 0, Bytes(2)}},
          .required = {},
          .ages = {}};
}

TEST(RunPlanner, RefusesAPlanThatBreaksAConstraint) {
  const plan::Planner lazy{"lazy", "", [](const plan::Problem&, Rng&) -> plan::Outcome {
                             return plan::Planned{plan::Plan{{{}, {}}}, plan::Status::optimal};
                           }};
  const auto report = run_planner(two_workers(), lazy, {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::rejected);
  EXPECT_THAT(report.error().message, HasSubstr("planner lazy failed the checker"));
  EXPECT_THAT(report.error().message, HasSubstr("a has 0 receivers and needs 1"));
}

TEST(RunPlanner, RefusesAPlanThatNamesUnknownWorkers) {
  const plan::Planner wild{
      "wild", "", [](const plan::Problem&, Rng&) -> plan::Outcome {
        return plan::Planned{plan::Plan{{{{WorkerIndex(1), {}}, {WorkerIndex(99), {}}}, {}}}};
      }};
  EXPECT_THAT(run_planner(two_workers(), wild, {.explain = true}).error().message,
              HasSubstr("worker number 99"));
}

TEST(RunPlanner, PassesOnThatNoPlanExists) {
  const plan::Planner none{
      "none", "", [](const plan::Problem&, Rng&) -> plan::Outcome {
        return plan::Infeasible{"worker a cannot reach anybody", {WorkerIndex(0)}, {}, 1, 0};
      }};
  plan::Problem problem = two_workers();
  problem.workers[0].uplink = Rate();
  const auto report = run_planner(problem, none, {});
  ASSERT_TRUE(report.has_value());
  const auto json = nlohmann::json::parse(plan_as_json(problem, *report));
  EXPECT_EQ(json["status"], "infeasible");
  EXPECT_EQ(json["reason"], "worker a cannot reach anybody");
  EXPECT_EQ(json["infeasible"], nlohmann::json::parse(R"({"reason": "worker a cannot reach anybody",
    "senders": ["a"], "receivers": [], "needed": 1, "available": 0})"));
  EXPECT_FALSE(json.contains("receivers"));
  EXPECT_EQ(plan_as_table(problem, *report),
            "no plan exists: worker a cannot reach anybody\n1 deliveries are needed, 0 can be made\n");
  // With all links up the same claim is our bug.
  EXPECT_EQ(run_planner(two_workers(), none, {}).error().code, ErrorCode::rejected);
}

TEST(PlanAsJson, HasNoNumberForWhatNeverEnds) {
  plan::Problem problem = two_workers();
  problem.workers[0].downlink = Rate();
  problem.workers[1].uplink = Rate();
  const auto report = run_planner(problem, *plan::find_planner("paper"), {.explain = true});
  ASSERT_TRUE(report.has_value());
  // a -> b is all that can be sent; b -> a would end never.
  const auto json = nlohmann::json::parse(plan_as_json(problem, *report));
  EXPECT_EQ(json["receiver_count"], 1);
  EXPECT_EQ(json["explanation"]["links"]["b"]["uplink_seconds"], 0);
  const auto refused = json["explanation"]["not_selected"]["b"][0];
  EXPECT_EQ(refused["because"], "both");
  EXPECT_EQ(refused["uplink_seconds"], nullptr);
  EXPECT_EQ(refused["downlink_seconds"], nullptr);
  const std::string table = plan_as_table(problem, *report);
  EXPECT_THAT(table, HasSubstr("not a: b's uplink is down, a's downlink is down"));
  EXPECT_THAT(table, Not(HasSubstr("inf")));
  EXPECT_THAT(table, Not(HasSubstr("nan")));
}

TEST(PlanAsJson, HasAllKeysOfTheSchema) {
  const auto report = run_planner(two_workers(), *plan::find_planner("auto"), {});
  ASSERT_TRUE(report.has_value());
  const auto json = nlohmann::json::parse(plan_as_json(two_workers(), *report));
  EXPECT_EQ(json["schema"], "selmcast.plan/1");
  EXPECT_EQ(json["planner"], plan::best_planner(two_workers()).name);
  // 2 bytes at 1 byte/s: a -> b, and b -> a is spare.
  EXPECT_EQ(json["completion_seconds"], 2);
  EXPECT_EQ(json["lower_bound_seconds"], 2);
  EXPECT_EQ(json["receiver_count"], 2);
  EXPECT_EQ(json["mean_receivers"], 1);
  EXPECT_EQ(json["receivers"], (nlohmann::json{{"a", {"b"}}, {"b", {"a"}}}));
  EXPECT_EQ(json["dropped"], nlohmann::json::object());
  EXPECT_GE(json["plan_seconds"].get<double>(), 0);
  EXPECT_FALSE(json.contains("explanation"));
}

TEST(PlanAsJson, WritesTheRateOfEveryDelivery) {
  // a's uplink, 1 byte/s, carries 2 bytes in 2 s: 8 bit/s. For unicast per receiver, for network one for all.
  auto problem = two_workers();
  problem.multicast = plan::MulticastKind::unicast;
  auto json =
      nlohmann::json::parse(plan_as_json(problem, *run_planner(problem, *plan::find_planner("paper"), {})));
  EXPECT_EQ(json["rates_bps"]["a"]["b"], 8.0);
  problem.multicast = plan::MulticastKind::network;
  json =
      nlohmann::json::parse(plan_as_json(problem, *run_planner(problem, *plan::find_planner("paper"), {})));
  EXPECT_EQ(json["rates_bps"]["a"], 8.0);
}

TEST(PlanAsJson, NamesCopiesForThoseWhomTheMulticastDoesNotReach) {
  // a to b and c, 2 bytes each at 1 byte/s: b shares the multicast's copy with nobody, c has its own. 4 bytes: 4 s.
  auto problem = two_workers();
  problem.workers.push_back(problem.workers[1]);
  problem.workers.back().name = "c";
  problem.workers[0].min_receivers = 2;
  problem.multicast = plan::MulticastKind::network;
  problem.unreached = {{WorkerIndex(0), WorkerIndex(2)}};
  const auto report = run_planner(problem, *plan::find_planner("exact"), {.explain = true});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  const auto json = nlohmann::json::parse(plan_as_json(problem, *report));
  EXPECT_EQ(json["status"], "optimal");
  EXPECT_EQ(json["completion_seconds"], 4);
  EXPECT_EQ(json["lower_bound_seconds"], 4);
  EXPECT_EQ(json["own_copies"], (nlohmann::json{{"a", {"c"}}}));
  EXPECT_EQ(json["rates_bps"]["a"]["b"], 4.0);
  EXPECT_EQ(json["rates_bps"]["a"]["c"], 4.0);
  EXPECT_THAT(plan_as_table(problem, *report), HasSubstr("\"a*\": a has its own"));
  EXPECT_THAT(plan_as_table(problem, *report), HasSubstr(" b c*"));
}

TEST(PlanAsTable, NamesWhatBinds) {
  auto report = run_planner(two_workers(), *plan::find_planner("paper"), {.explain = true});
  ASSERT_TRUE(report.has_value());
  const std::string table = plan_as_table(two_workers(), *report);
  EXPECT_THAT(table, HasSubstr("completion   2 s, set by the uplink of a: 2 bytes at 8 bit/s\n"));
  EXPECT_THAT(table, HasSubstr("lower bound  2 s (completion is 100.0 % of it), set by the uplink of a"));
  EXPECT_THAT(table, HasSubstr("b\n  to a: spare"));
  EXPECT_THAT(table, Not(HasSubstr("not ")));
}

TEST(PlanAsTable, SaysWhatMoreBandwidthWouldBuy) {
  // exact proves that a's uplink binds: 2 bytes at 1 byte/s are 2 s. Twice as fast it buys nothing: b's downlink, with
  // its 1 byte/s, takes 2 s as well.
  const PlanRequest request{.seed = 1, .explain = true, .more_bandwidth = Rate::bits_per_second(8)};
  const auto report = run_planner(two_workers(), *plan::find_planner("exact"), request);
  ASSERT_TRUE(report.has_value());
  const auto json = nlohmann::json::parse(plan_as_json(two_workers(), *report))["explanation"];
  EXPECT_EQ(json["what_binds"], "the uplink of a under the receivers that it needs");
  EXPECT_EQ(json["more_bandwidth"]["step_bps"], 8);
  EXPECT_EQ(json["more_bandwidth"]["left_out"], 0);
  const std::string table = plan_as_table(two_workers(), *report);
  EXPECT_THAT(table, HasSubstr("\nWhat binds: the uplink of a under the receivers that it needs\n"
                               "With 8e-06 Mbit/s more at one link alone, the best first:\n"
                               "  uplink of a: 2 s, 2 receivers\n"));
}

TEST(PlanAsTable, SaysSoIfNothingIsSent) {
  plan::Problem idle = two_workers();
  idle.workers[0].min_receivers = 0;
  const auto report = run_planner(idle, *plan::find_planner("paper"), {.explain = true});
  ASSERT_TRUE(report.has_value());
  EXPECT_THAT(plan_as_table(idle, *report), HasSubstr("nobody"));
  EXPECT_EQ(nlohmann::json::parse(plan_as_json(idle, *report))["explanation"]["binds"], nullptr);
}

// w2 to w6 send 3, 3, 2, 2, 2 bytes to w0 or w1 (1 byte/s; the others have next to nothing): 6 and 6, 6 s, and both
// downlinks are full: the five receivers are all.
plan::Problem partition(std::size_t idle_workers) {
  const Rate fast = Rate::bits_per_second(8000), one = Rate::bits_per_second(8),
             slow = Rate::bits_per_second(0.08);
  plan::Problem problem{.multicast = plan::MulticastKind::unicast,
                        .workers = {{"w0", fast, one, 0, Bytes(1)}, {"w1", fast, one, 0, Bytes(1)}},
                        .required = {},
                        .ages = {}};
  for (const int volume : {3, 3, 2, 2, 2})
    problem.workers.push_back({"w" + std::to_string(problem.size()), fast, slow, 1, Bytes(volume)});
  for (std::size_t k = 0; k < idle_workers; ++k)
    problem.workers.push_back({"idle" + std::to_string(k), slow, slow, 0, Bytes(1)});
  return problem;
}

TEST(RunPlanner, ProvesTheOptimumOfSmallUnequalProblems) {
  const auto problem = partition(0);
  const auto report = run_planner(problem, *plan::find_planner("exact"),
                                  {.explain = true, .time_limit = Duration::seconds(600)});
  ASSERT_TRUE(report.has_value());
  const auto json = nlohmann::json::parse(plan_as_json(problem, *report));
  EXPECT_EQ(json["status"], "optimal");
  EXPECT_EQ(json["completion_seconds"], 6.0);
  EXPECT_EQ(json["gap"], 0.0);
  EXPECT_EQ(json["count_bound"], 5);
  EXPECT_EQ(json["receiver_count"], 5);
  EXPECT_THAT(plan_as_table(problem, *report),
              HasSubstr("at most 0 % above the least time, and at most 5 receivers"));
}

TEST(RunPlanner, ClaimsNoOptimumForLargeUnequalProblems) {
  const auto problem = partition(60);
  const auto report = run_planner(problem, *plan::find_planner("exact"), {});
  ASSERT_TRUE(report.has_value());
  const auto json = nlohmann::json::parse(plan_as_json(problem, *report));
  EXPECT_EQ(json["status"], "feasible");
  EXPECT_GE(json["gap"].get<double>(), 0);
  EXPECT_FALSE(json.contains("count_bound"));
}

TEST(RunPlanner, OnlyExactWithUnequalVolumesHasAGap) {
  for (const auto* name : {"search", "paper", "auto"}) {
    const auto report = run_planner(partition(0), *plan::find_planner(name), {});
    EXPECT_FALSE(nlohmann::json::parse(plan_as_json(partition(0), *report)).contains("gap")) << name;
  }
  const auto report = run_planner(two_workers(), *plan::find_planner("exact"), {});
  EXPECT_FALSE(nlohmann::json::parse(plan_as_json(two_workers(), *report)).contains("gap"));
}

}  // namespace
}  // namespace selmcast::cli
