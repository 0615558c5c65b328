// While something runs on a testbed: plays its events in time, samples its links, and writes down both.
//
// A thread of its own. The file is JSON lines (docs/testbed.md); times count from `clock_zero` on CLOCK_MONOTONIC, the
// clock of the run folder. Events count from start(). An event that cannot be carried out is told to `complain` and
// written down with the reason; the others go on.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/testbed/qdisc_counters.h"
#include "selmcast/testbed/testbed.h"
#include "selmcast/testbed/traffic.h"

namespace selmcast::testbed {

struct ConductorOptions {
  std::vector<Event> events;
  std::filesystem::path record;  // empty: none; "-": standard output
  Duration sample_every = Duration::milliseconds(200);
  Instant clock_zero;                                     // on CLOCK_MONOTONIC
  std::function<void(const std::string&)> complain = {};  // from the conductor's thread
};

class Conductor {
 public:
  // `bed` must outlive it. Error (io): the record cannot be written, or a namespace not entered.
  static Result<std::unique_ptr<Conductor>> start(Testbed& bed, ConductorOptions options);
  ~Conductor();  // stops; traffic that runs ends; takes a last sample

 private:
  Conductor(Testbed& bed, ConductorOptions options);
  void play();
  void sample();
  void perform(const Event& event);
  void write(const std::string& line);

  Testbed& bed_;
  ConductorOptions options_;
  std::vector<QdiscReader> uplinks_;    // by host
  std::vector<QdiscReader> downlinks_;  // one: the switch's
  std::vector<std::unique_ptr<RunningTraffic>> traffic_;
  std::FILE* file_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // under mutex_
  std::thread thread_;
};

// Pure: a happening as the object of a line, e.g. {"event": "rate", "host": "w1", "downlink_line_bps": 2e7,
// "downlink_bps": 1.9e7}. "downlink_bps" is the payload that fits.
std::string happening_json(const Happening& what, Instant at);

Instant monotonic_now();

}  // namespace selmcast::testbed
