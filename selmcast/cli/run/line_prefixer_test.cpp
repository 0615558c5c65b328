#include "selmcast/cli/run/line_prefixer.h"

#include <gtest/gtest.h>

namespace selmcast::run {
namespace {

TEST(LinePrefixer, EachLineGetsThePrefixWhateverThePiecesItComesIn) {
  LinePrefixer lines("[3] ");
  EXPECT_EQ(lines.take("one\ntw"), "[3] one\n");
  EXPECT_EQ(lines.take("o"), "");
  EXPECT_EQ(lines.take("\n\nfour\n"), "[3] two\n[3] \n[3] four\n");
  EXPECT_EQ(lines.finish(), "");
}

TEST(LinePrefixer, WhatIsLeftAtTheEndIsALine) {
  LinePrefixer lines("[0] ");
  EXPECT_EQ(lines.take("no line end"), "");
  EXPECT_EQ(lines.finish(), "[0] no line end\n");
  EXPECT_EQ(lines.finish(), "");
}

TEST(LinePrefixer, ALineWithoutEndDoesNotGrowWithoutBound) {
  LinePrefixer lines("> ");
  const std::string most(LinePrefixer::kLineBytesMax, 'x');
  EXPECT_EQ(lines.take(most + "y"), "> " + most + "\n");
  EXPECT_EQ(lines.finish(), "> y\n");
}

}  // namespace
}  // namespace selmcast::run
