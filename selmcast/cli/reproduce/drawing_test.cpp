#include "selmcast/cli/reproduce/drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "selmcast/cli/reproduce/page.h"

namespace selmcast::reproduce {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Panel panel() {
  Panel result{.name = "fig9_x", .title = "it's a title", .x_label = "k", .y_label = "y", .curves = {}};
  result.curves = {
      {"paper", Source::paper, "SelMcast (paper)", {{.x = 1, .y = 0.5}}},
      {"paper", Source::ours, "SelMcast, ours", {{.x = 1, .y = 0.25, .deviation = 0.125, .trials = 10}}}};
  return result;
}

TEST(Csv, HasARowAPoint) {
  EXPECT_EQ(to_csv(panel()),
            "curve,source,planner,x,category,y,deviation,trials,low,high\n"
            "SelMcast (paper),paper,paper,1,,0.5,,,,\n"
            "\"SelMcast, ours\",ours,paper,1,,0.25,0.125,10,,\n");
}

TEST(Csv, NamesTheCategoryOfBars) {
  Panel bars = panel();
  bars.style = Style::bars;
  bars.has_range = true;
  bars.categories = {"LSTM", "ResNet"};
  bars.curves.resize(1);
  bars.curves[0].points[0].low = 0.25;
  bars.curves[0].points[0].high = 0.75;
  EXPECT_THAT(to_csv(bars), HasSubstr("SelMcast (paper),paper,paper,1,ResNet,0.5,,,0.25,0.75\n"));
}

TEST(Draw, QuotesTextsAndTellsThePaperFromOurs) {
  const report::Plot plot = draw(panel());
  EXPECT_EQ(plot.name, "fig9_x");
  EXPECT_TRUE(plot.as_png);
  EXPECT_THAT(plot.script, HasSubstr("set title 'it''s a title'"));
  EXPECT_THAT(plot.script, HasSubstr("dt (6,5) pt 6"));  // the paper's
  EXPECT_THAT(plot.script, HasSubstr("dt 1 pt 7"));      // ours
  EXPECT_THAT(plot.script, Not(HasSubstr("logscale")));
}

TEST(Draw, KeepsZerosOutOfALogarithm) {
  Panel times = panel();
  times.is_log = true;
  times.curves[0].points[0].y = 0;
  EXPECT_THAT(draw(times).script, HasSubstr("\n1 1e-06 0 0\n"));
}

TEST(Page, SaysPerCurveWhetherItIsTheSame) {
  Figure figure{.name = "fig9", .title = "A <title>", .why = "because & so", .panels = {panel()}};
  const std::string page = make_page({figure}, {});
  EXPECT_THAT(page, HasSubstr("<h2 id=\"fig9\">Figure 9. A &lt;title&gt;</h2>"));
  EXPECT_THAT(page, HasSubstr("because &amp; so"));
  EXPECT_THAT(page, HasSubstr("differs at 1 of 1 points"));
  EXPECT_THAT(page, HasSubstr("<td>-50.0 %</td>"));
  EXPECT_THAT(page, HasSubstr("src=\"fig9_x.svg\""));
  figure.panels[0].is_judged = false;
  EXPECT_THAT(make_page({figure}, {}), Not(HasSubstr("<table>")));
}

}  // namespace
}  // namespace selmcast::reproduce
