// Every rule finds a planted violation and leaves its innocent twin alone.
#include "tests/tidy/tidy_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace selmcast::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kHeaderTop = "// What it is.\n#pragma once\n";

std::string include(const std::string& path) { return "#include \"" + path + "\"\n"; }
std::string system_include(const std::string& path) { return "#include <" + path + ">\n"; }

TEST(Tidy, AFileBelongsToTheLayerOfItsFolder) {
  EXPECT_EQ(layer_of("selmcast/plan/plan.h"), "plan");
  EXPECT_EQ(layer_of("selmcast/cli/report/page.cpp"), "cli/report");
  EXPECT_EQ(layer_of("tests/tidy/tidy_rules.h"), "");
  EXPECT_EQ(layer_of("gtest/gtest.h"), "");
}

struct Arrow {
  const char* from;
  const char* to;
};

TEST(Tidy, LayersMayUseWhatTheyReachDownwards) {
  for (const auto& [from, to] : std::initializer_list<Arrow>{{"plan", "base"},
                                                             {"sync", "plan"},
                                                             {"mip", "plan"},
                                                             {"manager", "sync"},
                                                             {"manager", "wire"},
                                                             {"net", "wire"},
                                                             {"worker", "net"},
                                                             {"worker", "plan"},
                                                             {"arena", "manager"},
                                                             {"train", "worker"},
                                                             {"cli", "arena"}}) {
    const SourceFile file = {"selmcast/" + std::string(from) + "/a.cpp",
                             include("selmcast/" + std::string(to) + "/b.h")};
    EXPECT_THAT(check_layers(file), IsEmpty()) << from << " -> " << to;
  }
}

TEST(Tidy, AnIncludeOfALayerAboveIsFoundWithItsLine) {
  for (const auto& [from, to] : std::initializer_list<Arrow>{{"base", "plan"},
                                                             {"plan", "sync"},
                                                             {"plan", "mip"},
                                                             {"sync", "wire"},
                                                             {"sync", "net"},
                                                             {"wire", "net"},
                                                             {"net", "worker"},
                                                             {"net", "plan"},
                                                             {"manager", "worker"},
                                                             {"manager", "net"},
                                                             {"worker", "sync"},
                                                             {"worker", "manager"},
                                                             {"train", "net"},
                                                             {"cli", "train"}}) {
    const SourceFile file = {
        "selmcast/" + std::string(from) + "/a.cpp",
        include("selmcast/base/units.h") + include("selmcast/" + std::string(to) + "/b.h")};
    const auto findings = check_layers(file);
    ASSERT_THAT(findings, SizeIs(1)) << from << " -> " << to;
    EXPECT_EQ(findings[0].line, 2);
  }
}

TEST(Tidy, TestsKeepToTheLayersToo) {
  EXPECT_THAT(check_layers({"selmcast/plan/a_test.cpp", include("selmcast/sync/age_table.h")}), SizeIs(1));
}

TEST(Tidy, AFolderOfNoLayerIsFound) { EXPECT_THAT(check_layers({"selmcast/misc/a.cpp", ""}), SizeIs(1)); }

TEST(Tidy, OnlyTheTrainerIncludesLibTorch) {
  EXPECT_THAT(check_layers({"selmcast/worker/a.cpp", system_include("torch/torch.h")}), SizeIs(1));
  EXPECT_THAT(check_layers({"selmcast/train/model.cpp", system_include("torch/torch.h")}), IsEmpty());
}

TEST(Tidy, PureCodeReachesNoClockFileOrSocket) {
  for (const char* header :
       {"iostream", "fstream", "chrono", "cstdio", "filesystem", "thread", "random", "sys/socket.h",
        "asio.hpp", "asio/io_context.hpp", "grpcpp/grpcpp.h", "unistd.h"}) {
    const std::string text = system_include(header);
    for (const char* path : {"selmcast/plan/a.cpp", "selmcast/sync/a.h", "selmcast/manager/manager_core.cpp",
                             "selmcast/worker/worker_core.h"}) {
      EXPECT_THAT(check_purity({path, text}), SizeIs(1)) << path << " " << header;
    }
    EXPECT_THAT(check_purity({"selmcast/net/link.cpp", text}), IsEmpty()) << header;
    EXPECT_THAT(check_purity({"selmcast/plan/plan_test.cpp", text}), IsEmpty()) << header;
  }
  EXPECT_THAT(
      check_purity({"selmcast/plan/a.cpp", system_include("vector") + system_include("fmt/format.h")}),
      IsEmpty());
}

TEST(Tidy, AHeaderHasACommentAtTheTopAndPragmaOnce) {
  EXPECT_THAT(check_header({"selmcast/base/a.h", kHeaderTop}), IsEmpty());
  EXPECT_THAT(check_header({"selmcast/base/a.h", "#pragma once\n// What it is.\n"}), SizeIs(2));
  EXPECT_THAT(check_header({"selmcast/base/a.h", "// What it is.\nint a;\n"}), SizeIs(1));
  EXPECT_THAT(check_header({"selmcast/base/a.cpp", "int a;\n"}), IsEmpty());
}

TEST(Tidy, AFileMayHave450Lines) {
  std::string text;
  for (int line = 0; line < 450; ++line) text += "int a;\n";
  EXPECT_THAT(check_text({"selmcast/base/a.cpp", text}), IsEmpty());
  EXPECT_THAT(check_text({"selmcast/base/a.cpp", text + "int a;\n"}), SizeIs(1));
  EXPECT_THAT(check_text({"docs/planning.md", text + "int a;\n"}), IsEmpty());
}

TEST(Tidy, ALineMayHave120Columns) {
  const std::string wide(120, 'x');
  EXPECT_THAT(check_text({"selmcast/base/a.cpp", wide + "\n"}), IsEmpty());
  EXPECT_THAT(check_text({"selmcast/base/a.cpp", "\n" + wide + "x\n"}),
              ElementsAre(Finding{"selmcast/base/a.cpp", 2, "more than 120 columns"}));
  // Two bytes, one column.
  EXPECT_THAT(check_text({"selmcast/base/a.cpp", std::string(119, 'x') + "\u00e9\n"}), IsEmpty());
}

TEST(Tidy, TabsBlanksAtTheEndAndAMissingNewlineAreFound) {
  EXPECT_THAT(check_text({"docs/a.md", "a\tb\n"}), SizeIs(1));
  EXPECT_THAT(check_text({"docs/a.md", "a \n"}), SizeIs(1));
  EXPECT_THAT(check_text({"docs/a.md", "a\r\n"}), SizeIs(1));
  EXPECT_THAT(check_text({"docs/a.md", "a"}), SizeIs(1));
  EXPECT_THAT(check_text({"docs/a.md", ""}), IsEmpty());
}

TEST(Tidy, NotesToSelfAndPathsOfAMachineAreFound) {
  // In pieces, so that this file passes its own test.
  const std::string note = std::string("// TO") + "DO: later\n";
  const std::string place = std::string("open(\"/ho") + "me/ann/x\")\n";
  EXPECT_THAT(check_words({"selmcast/base/a.cpp", "\n" + note}), SizeIs(1));
  EXPECT_THAT(check_words({"docs/a.md", place}), SizeIs(1));
  // A word that contains one, an address and a relative path are none.
  EXPECT_THAT(
      check_words({"selmcast/base/a.cpp", "MASTODON x = \"https://example.org/work/a\" + \"./work/b\";\n"}),
      IsEmpty());
}

TEST(Tidy, WhatCMakeDeclaresKeepsToTheLayers) {
  const std::string top = "selmcast_layer(sync\n  SOURCES a.cpp plan_helper.cpp\n  USES plan base";
  EXPECT_THAT(check_declared_layers({"selmcast/sync/CMakeLists.txt", top + "\n LIBS fmt::fmt)\n"}),
              IsEmpty());
  EXPECT_THAT(check_declared_layers({"selmcast/sync/CMakeLists.txt", top + " net)\n"}), SizeIs(1));
}

TEST(Tidy, ASourceThatNothingBuildsIsFound) {
  const SourceFile cmake = {"selmcast/base/CMakeLists.txt", "selmcast_layer(base SOURCES a.cpp)\n"};
  EXPECT_THAT(check_all_built({cmake, {"selmcast/base/a.cpp", ""}}), IsEmpty());
  EXPECT_THAT(check_all_built({cmake, {"selmcast/base/b.cpp", ""}}), SizeIs(1));
  // Part of a name is not the name.
  EXPECT_THAT(check_all_built({cmake, {"selmcast/base/.cpp", ""}}), SizeIs(1));
  const SourceFile above = {"CMakeLists.txt", "add_executable(x selmcast/base/b.cpp)\n"};
  EXPECT_THAT(check_all_built({cmake, above, {"selmcast/base/b.cpp", ""}}), IsEmpty());
}

TEST(Tidy, WhoIncludesAsioDeclaresIt) {
  const SourceFile file = {"selmcast/net/deep/a.cpp", "\n" + system_include("asio/buffer.hpp")};
  EXPECT_THAT(check_asio({file, {"selmcast/net/CMakeLists.txt", ""}}), SizeIs(1));
  EXPECT_THAT(check_asio({file, {"selmcast/wire/CMakeLists.txt", "selmcast_uses_asio()\n"}}), SizeIs(1));
  EXPECT_THAT(check_asio({file, {"selmcast/net/CMakeLists.txt", "selmcast_uses_asio()\n"}}), IsEmpty());
  EXPECT_THAT(check_asio({{"selmcast/net/b.cpp", "\n" + system_include("vector")}}), IsEmpty());
}

TEST(Tidy, TheWholeTreeIsHeldToEveryRule) {
  const std::vector<SourceFile> files = {
      {"selmcast/plan/CMakeLists.txt", "selmcast_layer(plan SOURCES b.cpp USES base sync)\n"},  // uses sync
      {"selmcast/plan/a.cpp", ""},                                                              // not built
      {"selmcast/plan/b.cpp",
       include("selmcast/sync/a.h") + system_include("chrono") + "int a; \n"},  // three
      {"selmcast/plan/c.h", std::string("// FIX") + "ME\n"},                    // two
  };
  EXPECT_THAT(check_tree(files), SizeIs(1 + 1 + 3 + 2));
}

TEST(Tidy, AFindingReadsLikeACompilersMessage) {
  EXPECT_EQ(to_string({"a.h", 3, "a tab"}), "a.h:3: a tab");
  EXPECT_EQ(to_string({"a.h", 0, "no #pragma once"}), "a.h: no #pragma once");
}

}  // namespace
}  // namespace selmcast::tidy
