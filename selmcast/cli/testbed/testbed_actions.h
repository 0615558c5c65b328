// What the subcommands of `selmcast testbed` do. Each returns the exit status (exit_status.h); results go to standard
// output, errors to standard error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "selmcast/base/units.h"
#include "selmcast/cli/testbed/description_json.h"

namespace selmcast::testbed {

struct TestbedFlags {
  std::string name;  // of the testbed; empty: "default", or one of its own for `run`
  std::string file;  // description, or:
  LinkLists links;
  bool no_multicast = false;
  std::optional<double> rtt_ms;
  std::string host;  // of rate, cut, heal, exec
  std::optional<double> uplink_mbps, downlink_mbps;
  std::vector<std::string> on;  // hosts of run
  std::vector<std::string> command;
  std::string record;
  double sample_seconds = 0.2;
  std::optional<double> timeout_seconds;
  std::string from, to;
  double mbps = 0, seconds = 0;  // traffic, sample
  std::string format = "table";
};

int up(const TestbedFlags& flags);
int run(const TestbedFlags& flags);
int down(const TestbedFlags& flags);
int status(const TestbedFlags& flags);
int change(const TestbedFlags& flags, const std::string& what);  // "rate", "cut", "heal"
int send_traffic(const TestbedFlags& flags);
int sample(const TestbedFlags& flags);
int exec(const TestbedFlags& flags);

}  // namespace selmcast::testbed
