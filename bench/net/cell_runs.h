// Runs one contender on a testbed: ours (ours.cpp) or a rival (net_rivals.cpp). Blocks until it is done; every run has
// a bound, and no process of it is left however it ends.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "bench/net/net_cell.h"
#include "bench/net/net_setups.h"
#include "selmcast/testbed/child_process.h"
#include "selmcast/testbed/testbed.h"

namespace selmcast::bench {

struct CellOptions {
  const NetSetup* setup = nullptr;
  const testbed::Testbed* bed = nullptr;  // made of setup->network
  NetContender contender;
  std::size_t repeats = 5;
  std::filesystem::path folder;    // of this cell: journals, logs; exists
  std::filesystem::path selmcast;  // the program
  std::function<bool()> interrupted = [] { return false; };
};

Result<NetCell> run_ours(const CellOptions& options);
// Error (unavailable) with the package that is missing, if it is not installed.
Result<NetCell> run_rival(const CellOptions& options);

// Until all have ended well. Error: unavailable (one ended with another status than 0; its log's last line), timeout,
// cancelled.
struct NamedChild {
  std::string name;
  std::filesystem::path log;
  testbed::ChildProcess child;
};
Result<void> wait_for_all(std::vector<NamedChild>& children, Duration patience,
                          const std::function<bool()>& interrupted);

// The lines of measurements in a file. Error (corrupt) for anything else.
Result<std::vector<HostRepeat>> read_repeats(const std::filesystem::path& file);

}  // namespace selmcast::bench
