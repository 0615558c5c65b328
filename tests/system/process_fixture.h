// For tests that start processes: a folder of their own, and nothing left of either when a test ends.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/system/process.h"

namespace selmcast::testing {

struct WithProcesses : ::testing::Test {
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("selmcast-" + std::to_string(getpid()) + "-" +
                                  ::testing::UnitTest::GetInstance()->current_test_info()->name());

  void SetUp() override {
    adopt_orphans();
    std::filesystem::create_directories(folder);
  }
  void TearDown() override {
    EXPECT_FALSE(has_children()) << "a process was left behind";
    std::filesystem::remove_all(folder);
  }
};

}  // namespace selmcast::testing
