#include "selmcast/cli/report/plan_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "selmcast/cli/report/report_testing.h"

namespace selmcast::report {
namespace {

using testing::HasSubstr;
using testing::Not;

RunFolder small_folder() {
  auto read = read_run_folder(SELMCAST_REPORT_DATA "/small");
  EXPECT_TRUE(read) << read.error().message;
  return read.value_or(RunFolder{});
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(PlanPicture, BusyTimesAreLoadOverTheBandwidthThatThePlanWasMadeWith) {
  const RunFolder folder = small_folder();
  const BusyTimes busy = busy_times(view_plan(folder.scenario, folder.runs[0], 1));
  // Round 1: a to b, a to c, b to c, 8 Mbit each; believed before it: downlinks b 16, c 20; uplinks 80
  // Mbit/s.
  EXPECT_DOUBLE_EQ(busy.uplink[0].in_seconds(), 0.2);
  EXPECT_DOUBLE_EQ(busy.downlink[1].in_seconds(), 0.5);
  EXPECT_DOUBLE_EQ(busy.downlink[2].in_seconds(), 0.8);
  EXPECT_DOUBLE_EQ(busy.downlink[0].in_seconds(), 0);
  EXPECT_EQ(busy.longest, busy.downlink[2]);
}

TEST(PlanPicture, WithNetworkMulticastASendersUplinkCarriesOneCopy) {
  const RunFolder folder = small_folder();
  PlanView view = view_plan(folder.scenario, folder.runs[0], 1);
  view.multicast = plan::MulticastKind::network;
  EXPECT_DOUBLE_EQ(busy_times(view).uplink[0].in_seconds(), 0.1);
  EXPECT_EQ(xml_fault(draw_plan(view, common_scale({&view, 1}))), "");
}

TEST(PlanPicture, DrawsOneRibbonADeliveryAndMarksTheBindingLink) {
  const RunFolder folder = small_folder();
  const PlanView view = view_plan(folder.scenario, folder.runs[0], 1);
  const std::string svg = draw_plan(view, common_scale({&view, 1}));
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_EQ(count(svg, "<path "), 3u);
  EXPECT_EQ(count(svg, ">binds<"), 1u);
  EXPECT_THAT(svg, HasSubstr("c: downlink 20 Mbit/s, busy 0.800 s of 0.800 s; this link binds"));
  EXPECT_THAT(svg, HasSubstr("a to c: required, 8 Mbit/s, 1 MB"));
  EXPECT_THAT(svg, HasSubstr("t = 0.800 s predicted, 2.000 s measured"));
}

TEST(PlanPicture, CancelledDeliveriesAreDashedAndSayWhy) {
  const RunFolder folder = small_folder();
  const PlanView view = view_plan(folder.scenario, folder.runs[0], 0);
  const std::string svg = draw_plan(view, common_scale({&view, 1}));
  EXPECT_EQ(count(svg, "stroke-dasharray"), 1u);
  EXPECT_THAT(svg, HasSubstr("cancelled: c left"));
}

TEST(PlanPicture, ARoundWithoutDeliveriesIsAPictureToo) {
  const RunFolder folder = small_folder();
  const PlanView view = view_plan(folder.scenario, folder.runs[0], 2);
  const std::string svg = draw_plan(view, common_scale({&view, 1}));
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_THAT(svg, Not(HasSubstr("binds")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(PlanPicture, TypicalPlansShowTheSameRoundOfOnePacedRunAPlanner) {
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 6, .seeds = 2});
  const auto read = read_run_folder(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  const auto views = typical_plans(*read);
  ASSERT_EQ(views.size(), 3u);
  EXPECT_EQ(views[0].planner, "paper");
  EXPECT_EQ(views[1].planner, "random");
  EXPECT_EQ(views[2].planner, "broadcast");
  EXPECT_EQ(views[1].round, views[0].round);
  EXPECT_EQ(views[2].round, views[0].round);
  EXPECT_EQ(views[2].deliveries.size(), 8u * 7u);
  EXPECT_EQ(xml_fault(draw_side_by_side(views)), "");
}

TEST(PlanPicture, WithoutACommonRoundEachPlannerShowsItsOwn) {
  RunFolder folder = small_folder();
  folder.runs[0].plan.planner = "exact";
  folder.runs[0].rounds.erase(folder.runs[0].rounds.begin());  // deliveries in round 1 alone
  const auto views = typical_plans(folder);                    // paper-s2 delivers in rounds 0 and 1
  ASSERT_EQ(views.size(), 2u);
  folder.runs[2].rounds.pop_back();
  const auto apart = typical_plans(folder);
  ASSERT_EQ(apart.size(), 2u);
  EXPECT_EQ(apart[0].round, Round(1));
  EXPECT_EQ(apart[1].round, Round(0));
}

TEST(PlanPicture, NothingDeliveredNothingShown) {
  EXPECT_TRUE(typical_plans(RunFolder{}).empty());
  EXPECT_EQ(xml_fault(draw_side_by_side({})), "");
}

TEST(PlanPicture, ThirtyTwoBroadcastingWorkersStayInsideTheirBoxes) {
  const TemporaryFolder folder;
  write_sample(folder.path(), {.workers = 32, .rounds = 1, .unpaced = false});
  const auto read = read_run_folder(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  const PlanView view = view_plan(read->scenario, read->runs[2], 0);
  const std::string svg = draw_plan(view, common_scale({&view, 1}));
  EXPECT_EQ(xml_fault(svg), "");
  // Boxes begin 78 pixels down and end 32 * 17 pixels further.
  for (std::size_t at = svg.find("d=\"M"); at != std::string::npos; at = svg.find("d=\"M", at + 1)) {
    const double height = std::stod(svg.substr(svg.find(',', at) + 1));
    ASSERT_GE(height, 78);
    ASSERT_LE(height, 78 + 32 * 17);
  }
}

}  // namespace
}  // namespace selmcast::report
