// How much of each worker's true links a run used while it synchronised.
//
// share = bits of committed deliveries over the link / (true bandwidth * total time in synchronisation)
// Without rounds in common the total time is that in which at least one multicast runs.
// With `network` multicast a sender's deliveries of one round pass its uplink once. Shares may exceed 1 a
// little: links are limited by token buckets, and a round's first bytes come out of a full one. Pure; linear
// in the record.
#pragma once

#include <vector>

#include "selmcast/cli/report/run_record.h"

namespace selmcast::report {

struct LinkUse {
  std::vector<double> uplink;  // by worker
  std::vector<double> downlink;
};
LinkUse link_use(const Scenario& scenario, const RunRecord& run);

}  // namespace selmcast::report
