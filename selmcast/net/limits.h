// Every bound and constant of this folder in one place. The size limits of frames stand in wire/frame.h; the
// requests that wait at a Budget are bounded by two a link.
#pragma once

#include <cstddef>

#include "selmcast/base/units.h"

namespace selmcast::net {

// Small frames that wait to be sent on one link. Far more than a correct pair of workers ever has in flight:
// who lets it fill up does not read.
inline constexpr std::size_t kSendQueueBytesMax = 64 * 1024;

// Socket calls of one link in a row, before the other links of the io_context get a turn.
inline constexpr int kSocketCallsPerTurn = 16;

// Connections of one link (bundle.h). A window of 2.8 MB, as kernels allow by default, fills 1 Gbit/s over 22 ms: 16 of
// them do over a third of a second.
inline constexpr int kStreamsMax = 16;

inline constexpr int kListenBacklog = 128 * kStreamsMax;  // the kernel may allow less
// Pause after accept() failed for want of descriptors or memory.
inline constexpr Duration kAcceptRetry = Duration::milliseconds(100);

// Bytes in the kernel that were not sent yet: small, because they cannot be taken back, and a new rate comes
// too late for them.
inline constexpr int kUnsentBytesMax = 128 * 1024;

// What a paced stream writes at once takes so long at its pace (burst_bytes() in pace_schedule.h), but two segments at
// least.
inline constexpr Duration kBurst = Duration::milliseconds(1);
inline constexpr std::size_t kBurstBytesMost = 64 * 1024;  // more needs no cutting

// How often a paced stream is held to its schedule (pace_schedule.h).
inline constexpr Duration kPaceInterval = Duration::milliseconds(50);

// A link is dead when the other side's kernel has not been heard for kDeadAfter although ours asked (silence.h, with
// the arithmetic): it sends what was not acknowledged again, or probes after kKeepaliveIdle without a word. So both
// ends of a cut link notice within 1.8 s, also in the middle of a delivery. TCP_USER_TIMEOUT is as long, for a peer
// whose kernel answers and whose process never reads. On loopback nothing can be cut, and many processes that share
// two processors may not read for seconds: kDeadAfterOnLoopback, and nobody is judged by silence.
inline constexpr Duration kDeadAfter = Duration::seconds(1.6);
inline constexpr Duration kDeadAfterOnLoopback = Duration::seconds(5);
// Who is silent and was not asked yet is looked at again after kSilenceLook; no look is sooner than kSilenceLookMin.
inline constexpr Duration kSilenceLook = Duration::milliseconds(50);
inline constexpr Duration kSilenceLookMin = Duration::milliseconds(5);
// Dialling: as long. Kernels answer without their process, and ask a second time after one second.
inline constexpr Duration kConnectTimeout = kDeadAfter;
inline constexpr Duration kKeepaliveIdle = Duration::seconds(1);
inline constexpr Duration kKeepaliveInterval = Duration::seconds(1);
inline constexpr int kKeepaliveProbes = 1;

// Under an emulated link the socket buffers are small, so that a slow receiver slows its senders as a real
// link would. The kernel doubles these numbers and spends about half of that on its own bookkeeping.
inline constexpr int kEmulatedBufferBytes = 128 * 1024;
// Segments on loopback and under an emulated link, those of Ethernet. Loopback's own of 64 KiB do harm twice:
// the kernel does not pace the first ten segments of a connection (10 * 64 KiB is more than half of a small
// model), and a receive buffer of a few segments makes TCP wait for its persist timer (silly-window
// avoidance). They cost no throughput.
inline constexpr int kSegmentBytes = 1448;

// A waiting budget sleeps at least this long; what accrued meanwhile is handed out at once. Saves thousands
// of timers a second on fast links.
inline constexpr Duration kBudgetSleepMin = Duration::milliseconds(1);

}  // namespace selmcast::net
