#include "selmcast/cli/ssp_plan_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "selmcast/cli/ssp_plan_json.h"
#include "selmcast/cli/ssp_plan_table.h"

namespace selmcast::cli {
namespace {

using ::testing::HasSubstr;

// All links 1 byte/s. a is ready and needs one receiver for 4 bytes. b still sends 1 byte to c and 4 to d, and needs
// nobody any more. keep_fraction 0.5 of 4 bytes keeps c.
plan::SspProblem problem() {
  const Rate rate = Rate::bits_per_second(8);
  plan::SspProblem result;
  for (const auto* name : {"a", "b", "c", "d"})
    result.base.workers.push_back({name, rate, rate, name[0] == 'a' ? 1 : 0, Bytes(4)});
  result.keep_fraction = 0.5;
  result.active = {
      {WorkerIndex(1), Duration(), {}, {{WorkerIndex(2), Bytes(1)}, {WorkerIndex(3), Bytes(4)}}}};
  return result;
}

SspPlanReport report(const PlanRequest& request = {}) {
  auto result = run_ssp_planner(problem(), *plan::find_ssp_planner("paper"), request);
  EXPECT_TRUE(result.has_value());
  return *result;
}

TEST(RunSspPlanner, RefusesAPlanThatBreaksAConstraint) {
  const plan::SspPlanner lazy{
      "lazy", [](const plan::SspProblem&, Rng&) -> plan::SspOutcome {
        return plan::SspPlanned{
            {{{WorkerIndex(0), {}, {}}, {WorkerIndex(1), {}, {WorkerIndex(2), WorkerIndex(3)}}}}};
      }};
  const auto refused = run_ssp_planner(problem(), lazy, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::rejected);
  EXPECT_THAT(refused.error().message, HasSubstr("planner lazy failed the checker"));
  EXPECT_THAT(refused.error().message, HasSubstr("a has 0 receivers and still needs 1"));
}

TEST(SspPlanAsJson, HasAllKeysOfTheSchema) {
  // b keeps c, t_b = 1 s, so d is dropped. a takes the lightest: b and d with 4/1 s before c with 5/1 s; b is first.
  // t_a = 4 s, no room for another on its uplink.
  const auto json = nlohmann::json::parse(plan_as_json(problem(), report()));
  EXPECT_EQ(json["schema"], "selmcast.plan/1");
  EXPECT_EQ(json["planner"], "paper");
  EXPECT_EQ(json["status"], "feasible");
  EXPECT_EQ(json["completion_seconds"], 4);
  EXPECT_EQ(json["lower_bound_seconds"], 4);
  EXPECT_EQ(json["receiver_count"], 2);
  EXPECT_EQ(json["mean_receivers"], 1);
  EXPECT_EQ(json["receivers"], (nlohmann::json{{"a", {"b"}}, {"b", {"c"}}}));
  EXPECT_EQ(json["dropped"], (nlohmann::json{{"b", {"d"}}}));
  EXPECT_GE(json["plan_seconds"].get<double>(), 0);
  EXPECT_FALSE(json.contains("explanation"));
}

TEST(SspPlanAsJson, ExplainsOnRequest) {
  const auto json = nlohmann::json::parse(plan_as_json(problem(), report({.explain = true})))["explanation"];
  EXPECT_EQ(json["binds"], (nlohmann::json{{"link", "uplink"}, {"worker", "a"}}));
  EXPECT_EQ(json["selected"]["b"],
            nlohmann::json::parse(R"([{"receiver": "c", "reason": "kept", "remaining_bytes": 1}])"));
}

TEST(SspPlanAsTable, ShowsWhoGoesOnAndWhoIsDropped) {
  const std::string table = plan_as_table(problem(), report({.explain = true}));
  EXPECT_THAT(table, HasSubstr("a is ready"));
  EXPECT_THAT(table, HasSubstr("completion   4 s, set by the uplink of a: 4 bytes at 8 bit/s\n"));
  EXPECT_THAT(table, HasSubstr("receivers    2 with 2 senders, 1 dropped\n"));
  EXPECT_THAT(table, HasSubstr(" c (not d)\n"));
  EXPECT_THAT(table, HasSubstr("b, running\n  to c: kept (already running, and not cut off)\n  dropped d"));
}

TEST(SspPlan, PassesOnThatNoPlanExists) {
  const SspPlanReport none{"none", plan::Infeasible{"a cannot reach anybody"}, Duration(), false};
  const auto json = nlohmann::json::parse(plan_as_json(problem(), none));
  EXPECT_EQ(json["status"], "infeasible");
  EXPECT_EQ(json["reason"], "a cannot reach anybody");
  EXPECT_EQ(plan_as_table(problem(), none),
            "no plan exists: a cannot reach anybody\n0 deliveries are needed, 0 can be made\n");
}

TEST(SspPlan, NamesWhatCannotBeReached) {
  // a is ready and has to reach c, whose downlink is down; b's transfer to c is not required and is dropped.
  plan::SspProblem cut_off = problem();
  cut_off.base.workers[2].downlink = Rate();
  for (const plan::SspPlanner& planner : plan::ssp_planners()) {
    cut_off.base.required = {};
    const auto planned = run_ssp_planner(cut_off, planner, {});
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    EXPECT_TRUE(std::holds_alternative<CheckedSspPlan>(planned->outcome)) << planner.name;

    cut_off.base.required = {{WorkerIndex(0), WorkerIndex(2)}};
    const auto report = run_ssp_planner(cut_off, planner, {});
    ASSERT_TRUE(report.has_value()) << report.error().message;
    const auto json = nlohmann::json::parse(plan_as_json(cut_off, *report));
    EXPECT_EQ(json["infeasible"]["senders"], nlohmann::json({"a"})) << planner.name;
    EXPECT_EQ(json["infeasible"]["receivers"], nlohmann::json({"c"})) << planner.name;
    EXPECT_EQ(json["infeasible"]["needed"], 1) << planner.name;
  }
}

}  // namespace
}  // namespace selmcast::cli
