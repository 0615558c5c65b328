// Cables with a delay: what leaves a host comes to the switch a fixed time later, and the other way round.
//
// Linux' own way, tc's netem, is not in every kernel. So both ends of a long cable are TAP devices instead of a veth
// pair, and a process copies frames from one to the other, each after the delay, in order. Shapers stand at the ends as
// ever: in front of the delay, as a router's queue does. It costs processor time: two system calls a frame and cable.
// The process is in the switch's namespace, and nobody's child: so it goes with the testbed, like all that is in it,
// and the devices go with the process. In each direction a cable holds kHeldMost; what comes on top is lost.
// Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::testbed {

class LongCables {
 public:
  static constexpr Bytes kHeldMost = Bytes(64 << 20);

  explicit LongCables(std::string switch_namespace) : switch_(std::move(switch_namespace)) {}
  LongCables(const LongCables&) = delete;
  LongCables& operator=(const LongCables&) = delete;
  ~LongCables();  // closes our copies of the devices: without a process they are gone

  // Makes both ends: eth0 in the host's namespace, `port` in the switch's. Error (io) with the remedy.
  Result<void> lay(const std::string& host_namespace, const std::string& port);
  // Starts the process that carries. Error (io).
  Result<void> carry(Duration delay);

 private:
  struct Cable {
    int host = -1, port = -1;
  };
  std::string switch_;
  std::vector<Cable> cables_;
};

}  // namespace selmcast::testbed
