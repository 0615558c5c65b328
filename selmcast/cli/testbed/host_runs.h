// A command on every host of a testbed at once, its output on ours, each line with its host in front.
//
// In the command's arguments {host}, {address}, {rank}, {hosts} are replaced; its environment has what torchrun sets
// (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR: the first host's address, MASTER_PORT) and SELMCAST_HOST.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"
#include "selmcast/testbed/testbed.h"

namespace selmcast::testbed {

struct HostRunOptions {
  Command command;
  std::vector<std::size_t> hosts;  // on which
  Duration patience = Duration::infinite();
  std::function<bool()> interrupted = [] { return false; };
};

// Pure: the command as it is run on this host.
Command command_for(const Description& description, std::size_t host, const Command& command);

// By position in options.hosts: exit status, or 128 + signal. Ends all when interrupted (error: cancelled) or when the
// time is over (error: timeout). However it ends, none of them is left.
Result<std::vector<int>> run_on_hosts(const Testbed& bed, const HostRunOptions& options);

}  // namespace selmcast::testbed
