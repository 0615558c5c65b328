// Holds this repository's tree to tidy_rules.h, and its C++ to .clang-format where clang-format 14 is installed (other
// versions format differently).
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/tidy/tidy_rules.h"

namespace selmcast::tidy {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = SELMCAST_SOURCE_DIR;

bool is_text_of_ours(const fs::path& path) {
  static constexpr std::array<std::string_view, 11> kExtensions = {
      ".h", ".c", ".cpp", ".proto", ".txt", ".md", ".sh", ".cmake", ".in", ".py", ".pyi"};
  return std::find(kExtensions.begin(), kExtensions.end(), path.extension().string()) != kExtensions.end();
}

std::vector<SourceFile> read_tree() {
  std::vector<fs::path> paths;
  for (const char* folder :
       {"selmcast", "bench", "tests", "examples", "cmake", "docs", "scripts", "python"}) {
    if (!fs::exists(kRoot / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (entry.is_regular_file() && is_text_of_ours(entry.path())) paths.push_back(entry.path());
    }
  }
  for (const auto& entry : fs::directory_iterator(kRoot)) {
    const auto name = entry.path().filename();
    if (entry.is_regular_file() && (is_text_of_ours(entry.path()) || name == "demo" || name == "test"))
      paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<SourceFile> files;
  for (const fs::path& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    files.push_back({fs::relative(path, kRoot).generic_string(), text.str()});
  }
  return files;
}

// Its standard output and error together, and whether it ended with status 0.
struct CommandResult {
  bool succeeded = false;
  std::string output;
};

CommandResult run(const std::string& command) {
  CommandResult result;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    result.output.append(buffer.data(), count);
  const int status = pclose(pipe);
  result.succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return result;
}

bool has_clang_format_14() {
  return run("clang-format --version").output.find("version 14.") != std::string::npos;
}

TEST(Tree, KeepsToTheRules) {
  const auto files = read_tree();
  ASSERT_GT(files.size(), 100U) << "the tree was not found under " << kRoot;
  for (const Finding& finding : check_tree(files)) ADD_FAILURE() << to_string(finding);
}

TEST(Tree, IsFormatted) {
  if (!has_clang_format_14()) FAIL() << "clang-format 14 is not installed: scripts/install_dependencies.sh";
  std::string command = "cd '" + kRoot.string() + "' && clang-format --dry-run -Werror --ferror-limit=1";
  for (const SourceFile& file : read_tree()) {
    if (file.path.ends_with(".h") || file.path.ends_with(".cpp")) command += " '" + file.path + "'";
  }
  const CommandResult result = run(command);
  EXPECT_TRUE(result.succeeded) << "run scripts/format.sh\n" << result.output;
}

TEST(Tree, FormattingThatIsOffWouldBeNoticed) {
  if (!has_clang_format_14()) FAIL() << "clang-format 14 is not installed: scripts/install_dependencies.sh";
  const std::string check =
      "cd '" + kRoot.string() + "' && clang-format --dry-run -Werror --assume-filename=a.cpp";
  EXPECT_TRUE(run("printf 'int a = 1;\\n' | (" + check + ")").succeeded);
  EXPECT_FALSE(run("printf 'int  a=1;\\n' | (" + check + ")").succeeded);
}

}  // namespace
}  // namespace selmcast::tidy
