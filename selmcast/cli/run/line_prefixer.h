// Cuts a stream of bytes into lines and puts a prefix before each: what several processes write stays apart.
// A line longer than kLineBytesMax is cut there. Pure. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace selmcast::run {

class LinePrefixer {
 public:
  static constexpr std::size_t kLineBytesMax = 64 * 1024;

  explicit LinePrefixer(std::string prefix) : prefix_(std::move(prefix)) {}

  // The lines that are complete now, each with prefix and line end.
  std::string take(std::string_view bytes) {
    std::string lines;
    for (const char byte : bytes) {
      if (byte != '\n') rest_.push_back(byte);
      if (byte == '\n' || rest_.size() >= kLineBytesMax) lines += line();
    }
    return lines;
  }
  // At the end of the stream: what is left, as a line; empty if nothing is.
  std::string finish() { return rest_.empty() ? std::string() : line(); }

 private:
  std::string line() { return prefix_ + std::exchange(rest_, {}) + "\n"; }

  std::string prefix_;
  std::string rest_;
};

}  // namespace selmcast::run
