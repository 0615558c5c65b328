// For tests: a folder of its own, removed with everything in it at the end of its life.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "selmcast/base/check.h"

namespace selmcast::train {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "selmcast-train-XXXXXX").string();
    SELMCAST_CHECK(mkdtemp(name.data()) != nullptr, "no temporary folder can be made");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace selmcast::train
