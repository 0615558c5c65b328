// How the doctors of two machines find out what the network between them does with IP multicast, before a training.
//
// `doctor --serve` joins group 239.77.255.253, `doctor --peer` .254, both at port 7697. The latter sends kProbes probes
// (mcast/probe.h) to each of both; who serves answers each one that came, to the address that it came from, with what
// it has counted, and sends one to each of both groups itself. So each side learns of both ways, and whether what it
// had not joined comes nevertheless. Whatever is lost is simply not counted: nothing is asked for again. IPv4.
#pragma once

#include <string>
#include <thread>

#include "selmcast/cli/doctor/facts.h"

namespace selmcast::doctor {

// For each of facts.peers that was reached. Takes about 3 s, whatever comes; nothing if nobody was.
void probe_multicast(Facts& facts);

// As long as it lives, in a thread of its own. `where` as for Serving: a port means all interfaces that are up.
// What cannot be joined is left out.
class MulticastAnswers {
 public:
  explicit MulticastAnswers(const std::string& where);

 private:
  std::jthread thread_;
};

}  // namespace selmcast::doctor
