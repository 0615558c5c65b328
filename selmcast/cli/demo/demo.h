// The demo: all its runs one after the other, progress on the terminal, the table, the report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace selmcast::demo {

struct DemoOptions {
  std::size_t workers = 8;
  std::uint64_t rounds = 30;
  std::vector<std::string> syncs = {"bsp"};
  std::uint32_t staleness = 4;        // of ssp
  double keep_fraction = 0.75;        // of ssp and asp
  std::vector<std::string> planners;  // none: paper, random, broadcast; for ssp and asp all there are
  std::vector<std::string> unpaced = {"paper"};
  bool no_unpaced = false;
  std::vector<std::uint64_t> seeds = {1};
  std::string multicast = "unicast";  // or network, auto; relay: of bsp
  double min_receivers = 0.3;
  std::uint32_t max_age = 7;
  bool ages_from_zero = false;
  std::string links = "uneven-downlinks";
  double slowest_mbps = 20, fastest_mbps = 200;
  std::string rates_file;
  bool declare_truth = false;
  bool testbed = false;            // shaped links between network namespaces instead of emulated ones
  std::string network_file;        // of a testbed: its links and events
  std::vector<double> stragglers;  // factors
  double compute_seconds = 0;      // a round's computing takes at least this, stragglers a multiple
  std::string mixing = "average";
  std::string payload = "float32";
  std::string model = "mlp";
  int steps = 0;  // 0: the trainer's default
  std::string shards = "iid";
  std::string data;
  double target_accuracy = 0.85;
  std::string out;
  std::string format = "table";
};

// Returns the exit status (exit_status.h). Errors go to standard error.
int run_demo(const DemoOptions& options);

}  // namespace selmcast::demo
