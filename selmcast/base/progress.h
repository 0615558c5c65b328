// How a delivery went: when each further 64th of its bytes was there.
//
// A start and an end say how much a delivery carried, not when. What links can carry is learnt from the moments in
// which they were full (sync/bandwidth_estimator.h), so receivers note the times in between: 63 numbers, whatever the
// size. A value. Times are offsets from the same instant as the delivery's start and end.
#pragma once

#include <cstddef>
#include <vector>

#include "selmcast/base/units.h"

namespace selmcast {

inline constexpr std::size_t kProgressParts = 64;

// marks[k]: when k + 1 of kProgressParts were there; kProgressParts - 1 of them, ascending between the delivery's start
// and its end, or none: not known.
using Progress = std::vector<Duration>;

// TCP's acknowledgements of a delivery fill the opposite links: its receiver's uplink and its sender's downlink. Ack
// load: bytes of payload that would fill a link as much as the acknowledgements of one byte do. Usually one
// acknowledgement, 66 bytes of a frame, for two segments of 1448: 66 (1448 / 1514) / 2896 = 0.022, so that a link whose
// other direction is four times as fast has a twelfth less to give. More than one a small segment is not believed.
inline constexpr double kAckLoadMost = 0.1;

}  // namespace selmcast
