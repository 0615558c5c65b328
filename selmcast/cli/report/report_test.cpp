// The whole report over made-up folders: what is written, what it contains, and what hostile input cannot do.
#include "selmcast/cli/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "selmcast/cli/exit_status.h"
#include "selmcast/cli/report/plot_script.h"
#include "selmcast/cli/report/plots.h"
#include "selmcast/cli/report/report_command.h"
#include "selmcast/cli/report/report_page.h"
#include "selmcast/cli/report/report_testing.h"

namespace selmcast::report {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

bool gnuplot_is_here() {
  static const bool here = [] {
    const TemporaryFolder folder;
    return run_gnuplot({}, "print 1\n", folder.path()).has_value();
  }();
  return here;
}

// A name that tries to leave a tag, an attribute, a gnuplot string, a shell and a style.
constexpr const char* kHostile =
    "<script>alert(1)</script>\"' onload=\"x` `touch owned`'; system('touch owned') #\n\\{@x}";

TEST(Report, WritesEveryFileWholeAndWellFormed) {
  if (!gnuplot_is_here()) FAIL() << "gnuplot is not installed: scripts/install_dependencies.sh";
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 10, .seeds = 2});
  const auto written = write_report(folder.path());
  ASSERT_TRUE(written) << written.error().message;
  for (const char* file :
       {"report.html", "plans.svg", "plan-paper.svg", "plan-random.svg", "plan-broadcast.svg", "accuracy.svg",
        "synchronisation.svg", "prediction.svg", "links.svg", "bandwidth.svg"})
    EXPECT_EQ(xml_fault(folder.read(file)), "") << file;
  for (const char* file : {"accuracy.png", "synchronisation.png"})
    EXPECT_THAT(folder.read(file), testing::StartsWith("\x89PNG")) << file;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    EXPECT_THAT(entry.path().filename().string(), Not(testing::StartsWith("."))) << "left behind";
}

TEST(Report, PageNamesEachRunAndStandsAlone) {
  if (!gnuplot_is_here()) FAIL() << "gnuplot is not installed: scripts/install_dependencies.sh";
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 24, .seeds = 3});
  ASSERT_TRUE(write_report(folder.path()));
  const std::string page = folder.read("report.html");
  for (const char* run : {"paper-s1", "random-s2", "broadcast-s3", "paper-unpaced-s1"})
    EXPECT_THAT(page, HasSubstr(">" + std::string(run) + "<"));
  EXPECT_THAT(page, HasSubstr("w0 left after"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("fill=\"black\"")));  // could not be read in the dark
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  // Nothing points out of the page: the only addresses are the names of XML's own spaces.
  for (std::size_t at = page.find("http"); at != std::string::npos; at = page.find("http", at + 1))
    EXPECT_TRUE(page.substr(at).starts_with("http://www.w3.org/") ||
                page.substr(at).starts_with("http-equiv"))
        << page.substr(at, 60);
}

TEST(Report, TheSameFolderGivesTheSamePage) {
  if (!gnuplot_is_here()) FAIL() << "gnuplot is not installed: scripts/install_dependencies.sh";
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 4});
  ASSERT_TRUE(write_report(folder.path()));
  const std::string page = folder.read("report.html");
  const std::string numbers = folder.read("summary.json");
  ASSERT_TRUE(write_report(folder.path()));
  EXPECT_EQ(folder.read("report.html"), page);
  EXPECT_EQ(folder.read("summary.json"), numbers);
}

TEST(Report, HostileNamesActNowhere) {
  if (!gnuplot_is_here()) FAIL() << "gnuplot is not installed: scripts/install_dependencies.sh";
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 22, .name_suffix = kHostile});
  const auto written = write_report(folder.path());
  ASSERT_TRUE(written) << written.error().message;
  const std::string page = folder.read("report.html");
  EXPECT_EQ(xml_fault(page), "");
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("onload=\"")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)"));
  for (const char* file : {"links.svg", "bandwidth.svg", "plans.svg"})
    EXPECT_EQ(xml_fault(folder.read(file)), "") << file;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    EXPECT_NE(entry.path().filename(), "owned") << entry.path();
}

TEST(Report, APlannersNameStaysInsideTheFolder) {
  RunFolder record = *read_run_folder(SELMCAST_REPORT_DATA "/small");
  for (RunRecord& run : record.runs) run.plan.planner = "../../x";
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "a/b");
  const fs::path inside = folder.path() / "a/b";
  static_cast<void>(
      write_report(inside, record, summarise(record), {.gnuplot = {.program = "no-such-gnuplot"}}));
  EXPECT_TRUE(fs::exists(inside / "plan-------x-0.svg"));
  EXPECT_FALSE(fs::exists(folder.path() / "x.svg"));
}

TEST(Report, WithoutGnuplotTheRestIsWrittenAndTheErrorSaysWhatToInstall) {
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 3});
  const auto written = write_report(folder.path(), {.gnuplot = {.program = "no-such-gnuplot"}});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::unavailable);
  EXPECT_THAT(written.error().message, HasSubstr("apt-get install gnuplot-nox"));
  EXPECT_THAT(folder.read("report.html"), HasSubstr("The plots are missing."));
  EXPECT_EQ(xml_fault(folder.read("report.html")), "");
  EXPECT_THAT(folder.read("summary.json"), HasSubstr("selmcast.demo/1"));
}

TEST(Report, AFolderWhoseRunsNeverStartedStillHasAPage) {
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 3});
  for (const char* run : {"paper-s1", "random-s1", "broadcast-s1", "paper-unpaced-s1"})
    fs::remove_all(folder.path() / run);
  const auto written = write_report(folder.path(), {.gnuplot = {.program = "no-such-gnuplot"}});
  EXPECT_TRUE(written) << written.error().message;  // nothing to plot, so nobody misses gnuplot
  EXPECT_THAT(folder.read("report.html"), HasSubstr("left no rounds"));
}

TEST(Report, ReportsOverAFileThatWasCutShort) {
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 5});
  const fs::path journal = folder.path() / "paper-s1" / "journal.jsonl";
  fs::resize_file(journal, fs::file_size(journal) - 40);
  static_cast<void>(write_report(folder.path(), {.gnuplot = {.program = "no-such-gnuplot"}}));
  const std::string page = folder.read("report.html");
  EXPECT_THAT(page, HasSubstr("journal.jsonl is cut short"));
  EXPECT_THAT(page, HasSubstr("ended after 4 of 5 rounds"));
}

TEST(Gnuplot, FailuresCarryWhatItPrinted) {
  if (!gnuplot_is_here()) FAIL() << "gnuplot is not installed: scripts/install_dependencies.sh";
  const TemporaryFolder folder;
  const auto run = run_gnuplot({}, "plot nonsense_function(\n", folder.path());
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().message, HasSubstr("gnuplot: failed: "));
  EXPECT_THAT(run.error().message, HasSubstr("script.gp"));
}

TEST(Gnuplot, AChildThatDoesNotEndIsKilled) {
  if (!gnuplot_is_here()) FAIL() << "gnuplot is not installed: scripts/install_dependencies.sh";
  const TemporaryFolder folder;
  // Without the limit this test would never end, and the watchdog of the test runner would say so.
  const auto run =
      run_gnuplot({.limit = Duration::milliseconds(200)}, "while (1) { x = 1 }\n", folder.path());
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, ErrorCode::timeout);
}

TEST(Plots, WorstDeclaredDownlinksComeFirst) {
  // a: declared 16 for 8 (factor 2), b: exact, c: declared 8 for 32 (factor 4).
  const RunFolder folder = *read_run_folder(SELMCAST_REPORT_DATA "/small");
  EXPECT_THAT(worst_declared(folder.scenario, 2), ElementsAre(WorkerIndex(2), WorkerIndex(0)));
}

TEST(Plots, AxesOfWholeThingsHaveWholeTicsAndTenAtMost) {
  for (const auto& [most, step] : std::vector<std::pair<double, int>>{{0, 1},
                                                                      {1, 1},
                                                                      {10, 1},
                                                                      {11, 2},
                                                                      {20, 2},
                                                                      {21, 5},
                                                                      {50, 5},
                                                                      {51, 10},
                                                                      {100, 10},
                                                                      {101, 20},
                                                                      {501, 100}})
    EXPECT_EQ(whole_tics('x', most), "set xtics " + std::to_string(step)) << most;
  EXPECT_THAT(name_tics({"w0: 5", "it's"}), testing::EndsWith("('w0: 5' 0, 'it''s' 1)"));
}

TEST(Plots, APlannerWearsOneColourEverywhere) {
  const TemporaryFolder folder;
  write_sample(folder.path(), {.rounds = 3, .seeds = 2});
  const RunFolder record = *read_run_folder(folder.path());
  const auto plots = make_plots(record, summarise(record));
  ASSERT_EQ(plots.size(), 7u);
  for (const Plot& plot : plots) EXPECT_THAT(plot.script, HasSubstr("lc rgb '#d55e00'")) << plot.name;
}

TEST(InlineSvg, SwapsColoursForVariablesAndKeepsIdsApart) {
  const std::string svg =
      "<?xml version=\"1.0\"?>\n<svg><path id='p' stroke='rgb( 31,  41,  51)'/><text fill=\"rgb(31,41,51)\"/>"
      "<use xlink:href='#p' fill=\"#0072b2\"/></svg>";
  EXPECT_EQ(inline_svg(svg, "f1-"),
            "<svg><path id='f1-p' stroke='var(--ink)'/><text fill=\"var(--ink)\"/>"
            "<use xlink:href='#f1-p' fill=\"var(--blue)\"/></svg>");
}

int command_status(const std::string& folder) {
  CLI::App app;
  int status = -1;
  add_report_command(app, status);
  app.parse("report " + folder);
  return status;
}

TEST(ReportCommand, ExitStatusTellsWrongInputFromDone) {
  const TemporaryFolder folder;
  EXPECT_EQ(command_status(folder.path().string()), cli::kExitUsage);
  write_sample(folder.path(), {.rounds = 2});
  EXPECT_EQ(command_status(folder.path().string()), gnuplot_is_here() ? cli::kExitDone : cli::kExitFailed);
}

}  // namespace
}  // namespace selmcast::report
