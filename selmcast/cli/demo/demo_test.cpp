#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "selmcast/cli/demo/progress.h"
#include "selmcast/cli/demo/scenario.h"
#include "selmcast/cli/line_tail.h"

namespace selmcast::demo {
namespace {

// Gone with this object.
struct TemporaryFile {
  std::filesystem::path path;
  explicit TemporaryFile(const std::string& text) {
    char name[] = "/tmp/selmcast-demo-test-XXXXXX";
    const int fd = mkstemp(name);
    EXPECT_GE(fd, 0);
    close(fd);
    std::ofstream(name) << text;
    path = name;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
};

TEST(Scenario, DownlinksSpreadGeometricallyUnderRoomierUplinks) {
  const auto links = make_links({.workers = 3,
                                 .slowest = Rate::megabits_per_second(20),
                                 .fastest = Rate::megabits_per_second(180),
                                 .declare_truth = true});
  std::vector<double> downlinks;
  for (const WorkerLinks& worker : links) {
    downlinks.push_back(worker.downlink.mbps());
    EXPECT_DOUBLE_EQ(worker.uplink.mbps(), 360);
    EXPECT_EQ(worker.declared_downlink, worker.downlink);
  }
  std::sort(downlinks.begin(), downlinks.end());
  EXPECT_DOUBLE_EQ(downlinks[0], 20);
  EXPECT_NEAR(downlinks[1], 60, 1e-9);  // sqrt(20 * 180)
  EXPECT_DOUBLE_EQ(downlinks[2], 180);
}

TEST(Scenario, DeclarationsAreWrongByAtMostTwoAndFollowTheSeed) {
  const auto a = make_links({.seed = 1}), again = make_links({.seed = 1}), other = make_links({.seed = 2});
  EXPECT_EQ(a[0].declared_downlink, again[0].declared_downlink);
  EXPECT_NE(a[0].declared_downlink, other[0].declared_downlink);
  for (const WorkerLinks& worker : a) {
    EXPECT_GE(worker.declared_downlink / worker.downlink, 0.5);
    EXPECT_LE(worker.declared_downlink / worker.downlink, 2.0);
  }
}

TEST(Scenario, OneSlowUplinkBoundsEveryPlan) {
  // 2 receivers * 1 MB * 8 / 20 Mbit/s = 0.8 s.
  const auto links = make_links({.pattern = LinkPattern::uneven_uplinks, .workers = 8});
  const plan::LowerBound bound = bound_on(links, 2, Bytes(1'000'000));
  EXPECT_EQ(bound.kind, plan::BoundKind::uplink);
  EXPECT_NEAR(bound.time.in_seconds(), 0.8, 1e-12);
}

TEST(Scenario, StragglersAreDealtByTheSeed) {
  const auto slow = deal_stragglers({{3, 1.5}, 8, 1});
  ASSERT_TRUE(slow.has_value());
  EXPECT_EQ(std::ranges::count(*slow, 3.0), 1);
  EXPECT_EQ(std::ranges::count(*slow, 1.5), 1);
  EXPECT_EQ(std::ranges::count(*slow, 1.0), 6);
  EXPECT_EQ(*slow, *deal_stragglers({{3, 1.5}, 8, 1}));
  bool differs = false;
  for (std::uint64_t seed = 2; seed < 12; ++seed) differs |= *slow != *deal_stragglers({{3, 1.5}, 8, seed});
  EXPECT_TRUE(differs);
}

TEST(Scenario, MoreStragglersThanWorkersAreRefused) {
  const auto slow = deal_stragglers({{3, 2, 2}, 2, 1});
  ASSERT_FALSE(slow.has_value());
  EXPECT_EQ(slow.error().message, "3 stragglers among 2 workers: give fewer");
  EXPECT_FALSE(deal_stragglers({{0.5}, 2, 1}).has_value());
}

TEST(Scenario, RunsOfRivalsStandNextToEachOther) {
  const auto runs = make_runs({{{"bsp", {"paper", "random"}, {"paper"}}}, {1, 2}});
  ASSERT_EQ(runs.size(), 6u);
  EXPECT_EQ(runs[0].name, "paper-s1");
  EXPECT_EQ(runs[1].name, "random-s1");
  EXPECT_EQ(runs[2].name, "paper-unpaced-s1");
  EXPECT_FALSE(runs[2].paced);
  EXPECT_EQ(runs[5].seed, 2u);
}

TEST(Scenario, RunsWithoutRoundsInCommonAreNamedAfterTheirRule) {
  const auto runs = make_runs({{{"bsp", {"paper"}, {}}, {"ssp", {"paper"}, {}}}, {1}});
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].name, "paper");
  EXPECT_EQ(runs[1].name, "ssp-paper");
  EXPECT_EQ(runs[1].sync, "ssp");
}

TEST(Scenario, LinksFromAFile) {
  const auto good =
      read_links(TemporaryFile(R"({"workers": [{"uplink_bps": 1e8, "downlink_bps": 2e7}]})").path);
  ASSERT_TRUE(good.has_value()) << good.error().message;
  EXPECT_EQ(good->at(0).declared_downlink, Rate::megabits_per_second(20));
  const std::pair<const char*, const char*> bad[] = {
      {R"({"workers": []})", "empty"},
      {R"({"worker": []})", "workers"},
      {R"({"workers": [{"uplink_bps": 1e8}]})", "workers[0].downlink_bps is missing"},
      {R"({"workers": [{"uplink_bps": -1, "downlink_bps": 2e7}]})", "workers[0].uplink_bps must be"},
      {R"({"workers": [{"uplink_bps": "x", "downlink_bps": 2e7}]})", "workers[0].uplink_bps is not a number"},
      {R"({"workers": [{"uplink": 1e8, "downlink_bps": 2e7}]})", "workers[0].uplink is not known"},
      {R"({"workers": [)", ""}};
  for (const auto& [text, complaint] : bad) {
    const auto result = read_links(TemporaryFile(text).path);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_input);
    EXPECT_NE(result.error().message.find(complaint), std::string::npos) << result.error().message;
  }
}

TEST(LineTail, GivesWholeLinesOnceEach) {
  const TemporaryFile file("one\ntw");
  const auto& path = file.path;
  cli::LineTail tail(path);
  EXPECT_EQ(tail.read(), (std::vector<std::string>{"one"}));
  EXPECT_TRUE(tail.read().empty());
  std::ofstream(path, std::ios::app) << "o\nthree\n";
  EXPECT_EQ(tail.read(), (std::vector<std::string>{"two", "three"}));
  EXPECT_TRUE(cli::LineTail("/nonexistent/file").read().empty());
}

TEST(Progress, SaysWhatIsKnown) {
  Progress progress;
  EXPECT_EQ(progress_text("paper", 30, progress), "paper          round  0/30  starting");
  progress = {.rounds_done = 12,
              .loss = 0.4512,
              .accuracy = 0.841,
              .sync_seconds = 0.193,
              .receivers = 2,
              .seconds = 3.2,
              .seconds_left = 4.4,
              .workers = 8};
  EXPECT_EQ(progress_text("paper", 30, progress),
            "paper          round 12/30  loss 0.451  accuracy 84.1 %  sync 0.193 s  2.0 receivers  3 s, "
            "about 4 s left");
}

}  // namespace
}  // namespace selmcast::demo
