// The judgement of `selmcast doctor`: what of a machine's state is good for a training, what is not, what to change.
//
// PURE: facts in, findings out, in the order in which they are read best. Every warning and problem has a remedy. What
// counts: the interface that leads to the manager (loopback is no way to other machines, and nobody falls back to it
// unseen), frames of 1500 bytes or more all the way, a congestion control that token buckets do not starve, socket
// buffers for bandwidth times round trip, descriptors for two connections a peer, a clock that costs nothing to read,
// and that everybody is reached; IP multicast, that it passes between this machine and its peers, and floods nobody
// (findings_of_multicast.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "selmcast/cli/doctor/facts.h"

namespace selmcast::doctor {

enum class Verdict {
  good,
  note,     // worth knowing
  warning,  // it works, but worse than it could
  problem,  // a training would fail
};
std::string_view to_string(Verdict verdict);

struct Finding {
  Verdict verdict = Verdict::good;
  std::string what;    // "interface", "MTU", ...
  std::string found;   // a sentence or a few figures
  std::string remedy;  // empty where there is nothing to do
};

std::vector<Finding> judge(const Facts& facts);
Verdict worst(const std::vector<Finding>& findings);  // good if there are none

}  // namespace selmcast::doctor
