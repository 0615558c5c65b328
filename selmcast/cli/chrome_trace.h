// A simulated training as a timeline, in the Trace Event Format that ui.perfetto.dev and chrome://tracing open.
//
// One process a worker. Its thread "work" has slices computing, sending and waiting (arguments: round, and of sending
// how many were reached); they do not overlap: with overlap, sending has a thread "multicast" of its own. Every
// delivery is an asynchronous slice of the receiver's process, named after the sender, that says how it ended. Times
// are microseconds of virtual time. Events are written as they come: memory does not grow with the run. Thread rule:
// one owner.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/sim/observer.h"
#include "selmcast/sim/simulation.h"

namespace selmcast::cli {

class ChromeTrace : public sim::Observer {
 public:
  // Of a run with these settings.
  ChromeTrace(const std::string& path, const sim::Settings& settings);
  void did(WorkerIndex worker, sim::Activity activity, sim::Span span, std::uint64_t round,
           std::size_t reached) override;
  void delivery(plan::Pair pair, sim::Span span, sim::DeliveryEnd end) override;
  // Error (io) if the file could not be written.
  Result<void> finish();

 private:
  void write(const std::string& event);

  std::string path_;
  bool overlap_;
  std::ofstream out_;
  bool first_ = true;
  std::uint64_t deliveries_ = 0;
};

}  // namespace selmcast::cli
