// A process under test: its standard output and error in one pipe, read line by line; it never outlives the test.
// Thread rule: one owner.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace selmcast::testing {

class Process {
 public:
  // Starts argv[0] in a process group of its own. Ends the test program if that is impossible.
  explicit Process(const std::vector<std::string>& argv);
  ~Process();  // SIGKILL, if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  // The first line from here on that contains `text`; nothing if the output ends or the watchdog barks first.
  std::optional<std::string> line_with(const std::string& text);
  // The exit status, or 128 + the signal that ended it; nothing if the watchdog barks first. Reads all of the output.
  std::optional<int> wait();
  // All that was read so far.
  const std::string& output() const { return output_; }

 private:
  bool read_some();  // false: end of output, or the watchdog

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string output_;
  std::size_t looked_at_ = 0;
  std::optional<int> status_;
};

// Orphans of the processes under test become our children from now on, so that has_children() knows of them.
void adopt_orphans();
// Whether any child, or orphan of one, is left; reaps those that have ended.
bool has_children();

}  // namespace selmcast::testing
