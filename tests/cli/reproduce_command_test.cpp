// Runs the program `selmcast reproduce` as a user does. Needs gnuplot, as it does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ReproduceCommand : public ::testing::Test {
 protected:
  ReproduceCommand() { fs::create_directories(folder_); }
  ~ReproduceCommand() override { fs::remove_all(folder_); }

  // Exit status; standard output and error are in out.txt and err.txt.
  int run(const std::string& arguments) const {
    const std::string command = "cd '" + folder_.string() + "' && '" + SELMCAST_BINARY + "' reproduce " +
                                arguments + " > out.txt 2> err.txt < /dev/null";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string contents(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const fs::path folder_ =
      fs::path(::testing::TempDir()) / ("selmcast_reproduce_" + std::to_string(::getpid()));
};

TEST_F(ReproduceCommand, LeavesPicturesNumbersAndAPage) {
  ASSERT_EQ(run("fig5 fig6 --trials 2 --out figures"), 0) << contents("err.txt");
  for (const std::string name : {"fig5a", "fig5b", "fig6", "fig6_mu_1_p"}) {
    EXPECT_THAT(contents("figures/" + name + ".svg"), HasSubstr("</svg>")) << name;
    EXPECT_THAT(contents("figures/" + name + ".png"), StartsWith("\x89PNG")) << name;
    EXPECT_THAT(contents("figures/" + name + ".csv"), StartsWith("curve,source,planner,x,")) << name;
    EXPECT_THAT(contents("figures/index.html"), HasSubstr("src=\"" + name + ".svg\"")) << name;
  }
  EXPECT_THAT(contents("out.txt"), HasSubstr("fig5a"));
}

TEST_F(ReproduceCommand, GivesTheSameBytesForTheSameSeed) {
  for (const std::string out : {"one", "two"}) ASSERT_EQ(run("fig5 --trials 2 --seed 7 --out " + out), 0);
  ASSERT_EQ(run("fig5 --trials 2 --seed 8 --out three"), 0);
  for (const std::string name : {"/fig5b.csv", "/fig5b.svg", "/index.html"})
    EXPECT_EQ(contents("one" + name), contents("two" + name)) << name;
  EXPECT_NE(contents("one/fig5b.csv"), contents("three/fig5b.csv"));
}

TEST_F(ReproduceCommand, EndsWithTwoOnWrongUsage) {
  const std::pair<std::string, std::string> cases[] = {
      {"fig2 --out x", "fig2"},
      {"fig5", "--out is required"},
      {"fig5 --out x --trials 1", "--trials"},
      {"fig5 --out out.txt/x", "out.txt/x: cannot be made"},
  };
  for (const auto& [arguments, message] : cases) {
    EXPECT_EQ(run(arguments), 2) << arguments;
    EXPECT_THAT(contents("err.txt"), HasSubstr(message)) << arguments;
  }
}

TEST_F(ReproduceCommand, ShowsHelp) {
  EXPECT_EQ(run("--help"), 0);
  EXPECT_THAT(contents("out.txt"), HasSubstr("Examples:"));
  EXPECT_THAT(contents("out.txt"), HasSubstr("fig13"));
}

}  // namespace
