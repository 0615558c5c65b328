// Follows a text file that another process appends to: whole new lines, as they come.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace selmcast::cli {

class LineTail {
 public:
  explicit LineTail(std::filesystem::path path) : path_(std::move(path)) {}

  // Lines completed since the last call. A file that does not exist yet has none.
  std::vector<std::string> read() {
    std::vector<std::string> lines;
    if (!file_.is_open()) file_.open(path_);
    if (!file_.is_open()) return lines;
    file_.clear();
    char buffer[1 << 16];
    while (file_.read(buffer, sizeof buffer), file_.gcount() > 0) {
      partial_.append(buffer, static_cast<std::size_t>(file_.gcount()));
    }
    std::size_t from = 0;
    for (std::size_t end; (end = partial_.find('\n', from)) != std::string::npos; from = end + 1) {
      lines.push_back(partial_.substr(from, end - from));
    }
    partial_.erase(0, from);
    return lines;
  }

 private:
  std::filesystem::path path_;
  std::ifstream file_;
  std::string partial_;
};

}  // namespace selmcast::cli
