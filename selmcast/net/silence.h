// When a link is dead because nothing is heard over it any more.
//
// A link is dead when the other side's kernel has said nothing for `dead_after`, although it was asked: bytes were sent
// again, or a probe was sent, and there is an answer to neither. Kernels answer without their process, so one that
// stands still, or does not read, is not silent. Judged by the receiver's and the sender's own kernel (TCP_INFO), at
// no cost on the wire: the kernel's own limits come too late for two seconds, TCP_USER_TIMEOUT because its time begins
// with the first repetition (0.2 s and more after the cut), and that of probes because it counts in whole seconds.
//
// How long it takes, from the cut on, with dead_after = 1.6 s (limits.h): what is in queues behind the cut arrives yet
// (<= 0.1 s: paced streams keep queues short; a kernel's shaper behind a deeper queue adds its depth); 1.6 s; TCP_INFO
// counts in ticks (<= 0.01 s); our timer (<= 0.01 s on a machine with a free core). In sum <= 1.72 s. By then the
// kernel has asked: idle, it probes 1 s after it last heard something, which leaves the answer 0.6 s; in mid-delivery
// it sends again after a round trip and 0.2 to 0.4 s. (Only where the round trip takes more than a second, or fewer
// than 2 kB/s are sent, may that be later, and so is the judgement.)
// Measured: docs/faults.md. Pure.
#pragma once

#include "selmcast/base/units.h"

namespace selmcast::net {

// What a kernel knows of the other side.
struct Hearing {
  Duration silent_for;         // since its last segment
  bool asked_in_vain = false;  // something was sent again, or a probe was sent, and not answered
};

struct Silence {
  bool dead = false;
  Duration look_again;  // unless dead: no sooner can it be
};

Silence judge(const Hearing& heard, Duration dead_after);

}  // namespace selmcast::net
