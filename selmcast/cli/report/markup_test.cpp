#include "selmcast/cli/report/markup.h"

#include <gtest/gtest.h>

#include "selmcast/cli/report/gnuplot.h"
#include "selmcast/cli/report/report_testing.h"

namespace selmcast::report {
namespace {

TEST(Markup, EscapesWhatMeansSomethingInXml) {
  EXPECT_EQ(escape_xml(R"(<b a="1" c='2'>&)"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
}

TEST(Markup, ReplacesControlCharactersOfEveryKind) {
  // A terminal escape, a C1 control (U+009B as UTF-8) and a line end.
  EXPECT_EQ(printable("a\x1b[31mb"), "a\xEF\xBF\xBD[31mb");
  EXPECT_EQ(printable("a\xC2\x9B"
                      "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(printable("a\nb"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(Markup, CutsByCharactersAndNeverInsideOne) {
  EXPECT_EQ(printable("äöüß", 4), "äöüß");
  EXPECT_EQ(printable("äöüß", 3), "äö…");
  EXPECT_EQ(text_width("äö…"), 3u);
}

TEST(Markup, CutsBeforeItEscapesSoThatNoEntityIsHalved) { EXPECT_EQ(escape_xml("&&&&", 3), "&amp;&amp;…"); }

TEST(Markup, GnuplotStringsEndWhereTheyShould) {
  EXPECT_EQ(gnuplot_quote("it's `date`\n"), "'it''s `date`\xEF\xBF\xBD'");
}

// The checker that the other tests lean on must itself be able to say no.
TEST(XmlCheck, FindsWhatIsNotWellFormed) {
  EXPECT_EQ(xml_fault("<?xml version=\"1.0\"?><!-- c --><a x='1'><b/>t &amp; u</a>"), "");
  EXPECT_NE(xml_fault("<a><b></a></b>"), "");
  EXPECT_NE(xml_fault("<a>"), "");
  EXPECT_NE(xml_fault("<a x=1></a>"), "");
  EXPECT_NE(xml_fault("<a>fish & chips</a>"), "");
  EXPECT_NE(xml_fault("<a>1 < 2</a>"), "");
  EXPECT_NE(xml_fault("<a t=\"<\"></a>"), "");
  EXPECT_NE(xml_fault("<a>\x01</a>"), "");
  EXPECT_NE(xml_fault("no element"), "");
}

}  // namespace
}  // namespace selmcast::report
