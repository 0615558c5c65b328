// SIGINT, SIGTERM and SIGHUP as a flag to look at, for commands that must tidy up before they end.
#pragma once

#include <signal.h>

#include <atomic>

namespace selmcast::cli {

class StopFlag {
 public:
  static void arm() {
    struct sigaction action {};
    action.sa_handler = [](int number) { received() = number; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  }
  static bool is_set() { return received().load() != 0; }

 private:
  static std::atomic<int>& received() {
    static std::atomic<int> number = 0;
    return number;
  }
};

}  // namespace selmcast::cli
