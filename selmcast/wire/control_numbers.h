// The numbers of control messages, checked: what they must be before anything is done with them.
//
// `field` is named in the error (protocol): "control message field plan.outgoing.port is no port".
#pragma once

#include <cstdint>
#include <string>

#include "selmcast/base/error.h"
#include "selmcast/base/units.h"

namespace selmcast::wire {

Result<Rate> usable_rate(const std::string& field, double bps);
Result<Rate> pacing(const std::string& field, double bps);  // 0: unlimited
Result<Duration> duration(const std::string& field, double seconds);
Result<Bytes> size(const std::string& field, std::uint64_t bytes);
Result<std::uint16_t> port_number(const std::string& field, std::uint32_t port);

}  // namespace selmcast::wire
