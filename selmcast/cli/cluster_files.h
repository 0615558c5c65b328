// Text files that describe a cluster to the simulator: what workers compute, what befalls them, what links carry.
//
// One record a line, fields separated by commas; empty lines and lines that start with # are skipped.
//   computing times   SECONDS
//   events            TIME_S,WORKER,EVENT       EVENT: join, leave, crash, slow=FACTOR (sim/cluster_event.h)
//   bandwidth trace   TIME_S,WORKER,UPLINK_BPS,DOWNLINK_BPS
// A worker is w0, w1, ... The first line may be a header: the names above in small letters. Errors (invalid_input) name
// file and line.
#pragma once

#include <string>
#include <vector>

#include "selmcast/base/error.h"
#include "selmcast/sim/bandwidth.h"
#include "selmcast/sim/cluster_event.h"
#include "selmcast/sim/compute_times.h"

namespace selmcast::cli {

Result<sim::ComputeTimes> read_compute_times(const std::string& path);
Result<std::vector<sim::ClusterEvent>> read_cluster_events(const std::string& path);
Result<std::vector<sim::BandwidthStep>> read_bandwidth_trace(const std::string& path);

}  // namespace selmcast::cli
