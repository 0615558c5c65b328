// The part of findings.h that is about IP multicast between this machine and its peers: whether it reaches them and
// they it, whether the network floods, and what `--multicast auto` would choose as far as can be seen from here.
#pragma once

#include <vector>

#include "selmcast/cli/doctor/findings.h"

namespace selmcast::doctor {

// Nothing where no peer was probed. One finding a peer, and one of the choice.
std::vector<Finding> judge_multicast(const std::vector<MulticastReach>& all);

}  // namespace selmcast::doctor
