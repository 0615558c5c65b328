// Pulses: for a fraction of each round every link is sent more than it is thought to carry, one link after the other.
//
// Pacing at an estimate cannot show that it is too low, and whole rounds above it (bursts.h) fill all links at once, so
// that nobody can tell which one was full. So a round is cut into windows, every link has one of them, and in a link's
// window all its deliveries are paced so fast that they come to
//     kSoughtTimes its estimate   while its end is not known (BandwidthEstimator::searching; in every second round, if
//                                 it never was full: perhaps nothing can fill it),
//     kTestedTimes its estimate   else;
// at most kFastest times what a delivery needs on average, and no more than would load its other end to kRoom times the
// estimate (kRoomSearched in a search). The others go on as ever. What a delivery has sent in windows
// it need not send outside: there it is paced so that all of it ends within kPulsesWithin of the completion time, which
// leaves room for who was pushed aside. So a rise and a fall of any link, whether it binds or not, show in the next
// round, as far as what is sent through it can fill it at all.
//
// A pulse must outlast queues and the growth of TCP's window: windows take kWindow at least, and there are so many as
// the round has time for, kWindowsMost at most. Where that is fewer than links, those whose end is not known,
// or in doubt, come first and the others take turns, and where it is fewer
// than kWindowsLeast there are none (the answer is empty; bursts.h does what it can). With many workers several links
// share a window.
//
// Arithmetic of one delivery of volume v in a completion time T, windows of length w: in its windows (its uplink's, its
// downlink's) rates a v / T; they carry a w / T of it, kPulsedShare at most (else its
// greatest a are cut down until they do). The
// rest is spread over the other windows.
// Measured: docs/bandwidth.md. Pure, deterministic. O(deliveries x windows). Any thread.
#pragma once

#include <span>
#include <vector>

#include "selmcast/base/pace.h"
#include "selmcast/sync/bandwidth_estimator.h"
#include "selmcast/sync/bursts.h"

namespace selmcast::sync {

// The course of each delivery of a unicast plan, in the order of `allocated` (allocate_rates() for the same problem).
// Empty: the round is too short.
std::vector<PaceSteps> plan_pulses(const plan::Problem& problem, std::span<const PairRate> allocated,
                                   const BandwidthEstimator& estimator, const BurstContext& context);

// What a delivery of so many bytes has on average.
Rate mean_rate(const PaceSteps& steps, Bytes bytes);

}  // namespace selmcast::sync
